//! What the program is started for.

use local_registry_cluster::policies::{ApplyMode, PolicyName};
use local_registry_declaration::AllowedHosts;

/// The policies that the program keeps in line with the cluster's declaration, and how.
///
/// ```
/// use local_registry_cluster::policies::ApplyMode;
/// use local_registry_sync::Task;
///
/// let task = Task {
///     policies: vec!["local-registry".parse()?],
///     mode: ApplyMode { dry_run: true, force: false },
///     ..Task::default()
/// };
/// # Ok::<(), local_registry_cluster::policies::PolicyNameError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Task {
    /// The policies.
    pub policies: Vec<PolicyName>,
    /// How settings are applied.
    pub mode: ApplyMode,
    /// The registry hosts that a cluster may declare.
    pub allowed: AllowedHosts,
}
