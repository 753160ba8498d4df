//! The built module, for the tests that load it.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::{ContextAwareResource, Host, Policy, context_aware_resources};
use serde_json::Value;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The module that `make policy.wasm` builds, or the one that `POLICY_WASM` names.
pub(crate) fn path() -> PathBuf {
    let path = std::env::var_os("POLICY_WASM").map_or_else(|| root().join("policy.wasm"), PathBuf::from);
    assert!(path.is_file(), "{}: not there; build it with `make policy.wasm`", path.display());
    path
}

/// The module, compiled.
#[allow(dead_code, reason = "some tests run the program instead")]
pub(crate) fn load(host: Host) -> Policy {
    Policy::load(&path(), host).unwrap()
}

/// What the policy's own metadata lets it read.
#[allow(dead_code, reason = "not every test has a cluster")]
pub(crate) fn granted() -> Vec<ContextAwareResource> {
    context_aware_resources(&root().join("policy-metadata/metadata.yml")).unwrap()
}

/// The JSONPatch of a response, decoded.
#[allow(dead_code, reason = "not every test looks at patches")]
pub(crate) fn patch(response: &Value) -> Option<Value> {
    let encoded = response.get("patch")?.as_str().unwrap();
    assert_eq!(response["patchType"], "JSONPatch");
    Some(serde_json::from_slice(&STANDARD.decode(encoded).unwrap()).unwrap())
}
