//! What aliases are kept by.

use local_registry_declaration::AllowedHosts;

/// What aliases are kept by, besides the declaration.
///
/// ```
/// use local_registry_declaration::AllowedHosts;
/// use local_registry_sync::aliases::AliasTask;
///
/// let task = AliasTask { allowed: &AllowedHosts::default(), cluster_domain: "cluster.local", dry_run: true };
/// # let _ = task;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct AliasTask<'a> {
    /// The registry hosts that a cluster may declare.
    pub allowed: &'a AllowedHosts,
    /// The DNS domain of the cluster.
    pub cluster_domain: &'a str,
    /// Whether to write nothing, and only say what would be done.
    pub dry_run: bool,
}
