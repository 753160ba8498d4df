//! What can go wrong.

use std::io;
use std::path::PathBuf;

use local_registry_core::registry::DigestError;

/// Why a task failed: what was found where, and how to fix it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file that cannot be read or written.
    #[error("{}: {cause}", path.display())]
    File { path: PathBuf, cause: io::Error },
    /// A file that does not say what it should.
    #[error("{}: {problem}", path.display())]
    Content { path: PathBuf, problem: String },
    /// A digest of `make manifests` that is none.
    #[error("make manifests: {variable}: `{given}` {cause}")]
    Digest { variable: &'static str, given: String, cause: DigestError },
    /// A digest of `make manifests` that is neither given nor released.
    #[error("make manifests: {variable}: {cause}, or set {variable}")]
    NoDigest { variable: &'static str, cause: Box<Error> },
    /// An artefact of which this version has no digest.
    #[error(
        "{}: no digest of `{artefact}`; add it with `local-registry-promote --root release add {artefact}`",
        path.display()
    )]
    NotReleased { path: PathBuf, artefact: String },
    /// The program that renders does not start.
    #[error("make manifests: HELM: `{}` cannot be started: {cause}; install it, or name it in HELM", program.display())]
    NoProgram { program: PathBuf, cause: io::Error },
    /// A preset of the chart that cannot be rendered. Helm has said why.
    #[error("make manifests: {preset} cannot be rendered: {reason}")]
    NotRendered { preset: String, reason: String },
    /// All of these.
    #[error("{}", lines(.0))]
    Several(Vec<Error>),
}

fn lines(errors: &[Error]) -> String {
    errors.iter().map(Error::to_string).collect::<Vec<_>>().join("\n")
}
