//! The built module, for the tests that run it.

use std::sync::OnceLock;

use local_registry_harness::capabilities::Capabilities;
use local_registry_harness::engine::Policy;
use local_registry_harness::metadata::{ContextAwareResource, context_aware_resources};
use local_registry_harness::objects::Objects;
use local_registry_testkit::properties;
use local_registry_testkit::repository::{policy_module, root};
use proptest::test_runner::Config;

/// The module with these capabilities. It is compiled once for all tests.
pub(crate) fn load(capabilities: Capabilities) -> Policy {
    static COMPILED: OnceLock<Policy> = OnceLock::new();
    let compiled =
        COMPILED.get_or_init(|| Policy::load(&policy_module(), Capabilities::new([], Objects::Nowhere)).unwrap());
    compiled.with_capabilities(capabilities)
}

/// How often a law of the module is tried. If the module is missing, this says so once, while proptest would look for the
/// smallest input that fails.
pub(crate) fn config(cases: u32, seed: u64) -> Config {
    policy_module();
    properties::config(cases, seed)
}

/// The kinds that the policy's metadata lets it read.
pub(crate) fn granted() -> Vec<ContextAwareResource> {
    context_aware_resources(&root().join("policy-metadata/metadata.yml")).unwrap()
}
