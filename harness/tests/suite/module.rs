//! The built module, for the tests that run it.

use std::path::PathBuf;
use std::sync::LazyLock;

use harness::capabilities::Capabilities;
use harness::engine::Policy;
use harness::metadata::{ContextAwareResource, context_aware_resources};
use harness::objects::Objects;
use testkit::repository::root;

/// The module that `make policy.wasm` builds, or the one that `POLICY_WASM` names.
pub(crate) fn path() -> PathBuf {
    let path = std::env::var_os("POLICY_WASM").map_or_else(|| root().join("policy.wasm"), PathBuf::from);
    assert!(path.is_file(), "{}: not there; build it with `make policy.wasm`", path.display());
    path
}

/// The module with these capabilities. It is compiled once for all tests.
pub(crate) fn load(capabilities: Capabilities) -> Policy {
    static COMPILED: LazyLock<Policy> =
        LazyLock::new(|| Policy::load(&path(), Capabilities::new([], Objects::Nowhere)).unwrap());
    COMPILED.with_capabilities(capabilities)
}

/// The kinds that the policy's metadata lets it read.
pub(crate) fn granted() -> Vec<ContextAwareResource> {
    context_aware_resources(&root().join("policy-metadata/metadata.yml")).unwrap()
}
