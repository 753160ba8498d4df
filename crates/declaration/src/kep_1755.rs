//! The names that KEP-1755 gives: of the ConfigMap, its keys, and the fields of their values.

/// The namespace of the ConfigMap.
pub const NAMESPACE: &str = "kube-public";
/// The name of the ConfigMap.
pub const NAME: &str = "local-registry-hosting";

/// The key of version 1, the only version so far.
pub(super) const V1: &str = "localRegistryHosting.v1";

/// The registry as the user's own machine reaches it.
pub(super) const HOST: &str = "host";
/// The registry as pods reach it.
pub(super) const FOR_PODS: &str = "hostFromClusterNetwork";
/// The registry as the nodes' container runtimes reach it.
pub(super) const FOR_RUNTIMES: &str = "hostFromContainerRuntime";
/// A URL for users.
pub(super) const HELP: &str = "help";

/// The fields of version 1.
pub(super) const FIELDS: [&str; 4] = [HOST, FOR_PODS, FOR_RUNTIMES, HELP];

/// The versions that this program reads, newest first, and the fields of each. All fields are strings.
pub(super) const VERSIONS: [(&str, [&str; 4]); 1] = [(V1, FIELDS)];
