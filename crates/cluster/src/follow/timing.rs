//! How long a program waits that keeps something in line with the declaration.

use std::time::Duration;

/// How long a program waits that keeps something in line with the declaration.
///
/// ```
/// use std::time::Duration;
/// use local_registry_cluster::follow::Timing;
///
/// let timing = Timing { settle: Duration::from_secs(10), resync: Duration::from_secs(60) };
/// assert!(timing.settle < timing.resync);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long the ConfigMap has to be unchanged before a change of it counts, since each change of settings rolls the policy
    /// server. What is declared at the start counts at once.
    pub settle: Duration,
    /// How often everything is looked at again, in case somebody has changed it. Also, how long the ConfigMap may be unreadable
    /// before its state is reported as unknown.
    pub resync: Duration,
}
