//! The built module, for the tests that run it.

use std::sync::LazyLock;

use local_registry_harness::capabilities::Capabilities;
use local_registry_harness::engine::Policy;
use local_registry_harness::metadata::{ContextAwareResource, context_aware_resources};
use local_registry_harness::objects::Objects;
use local_registry_testkit::repository::{policy_module, root};

/// The module with these capabilities. It is compiled once for all tests.
pub(crate) fn load(capabilities: Capabilities) -> Policy {
    static COMPILED: LazyLock<Policy> =
        LazyLock::new(|| Policy::load(&policy_module(), Capabilities::new([], Objects::Nowhere)).unwrap());
    COMPILED.with_capabilities(capabilities)
}

/// The kinds that the policy's metadata lets it read.
pub(crate) fn granted() -> Vec<ContextAwareResource> {
    context_aware_resources(&root().join("policy-metadata/metadata.yml")).unwrap()
}
