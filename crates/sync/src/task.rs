//! What the program is started for.

use crate::cluster::ApplyMode;
use crate::declaration::AllowedHosts;
use crate::policies::PolicyName;

/// The policies that the program keeps in line with the cluster's declaration, and how.
///
/// ```
/// use sync::{ApplyMode, Task};
///
/// let task = Task {
///     policies: vec!["local-registry".parse()?],
///     mode: ApplyMode { dry_run: true, force: false },
///     ..Task::default()
/// };
/// # Ok::<(), sync::PolicyNameError>(())
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
