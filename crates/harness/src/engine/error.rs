//! What can go wrong with a module.

use std::path::PathBuf;

/// Why a file is not a policy.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct LoadError(#[from] LoadErrorKind);

#[derive(Debug, thiserror::Error)]
pub(super) enum LoadErrorKind {
    #[error("{path}: the policy cannot be read; build it with `make policy.wasm`", path = .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path}: not a WebAssembly module; expected a Kubewarden policy", path = .path.display())]
    NotWasm { path: PathBuf },
    #[error("{path}: the WebAssembly module cannot be compiled", path = .path.display())]
    Broken { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("{path}: a WebAssembly module, but not a Kubewarden policy; it does not answer the waPC call `protocol_version`", path = .path.display())]
    NotAPolicy { path: PathBuf, source: PolicyError },
}

/// Why a call to the policy gave no answer. A correct policy always answers.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct PolicyError(#[from] PolicyErrorKind);

#[derive(Debug, thiserror::Error)]
pub(super) enum PolicyErrorKind {
    #[error("the policy cannot be instantiated: {0}")]
    Instance(String),
    /// The guest trapped, took too long or returned an error.
    #[error("the policy failed: {0}")]
    Call(String),
    #[error("the policy's answer cannot be read")]
    Json(#[source] serde_json::Error),
}
