//! A program that still runs loses a right, so that what it keeps can be removed for good.

use std::fmt;
use std::time::Duration;

use local_registry_core::text::{printable, with_causes};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::connection::Cluster;

/// How long what is removed has to stay away. The API server takes a moment to know that a right is gone.
const AWAY: Duration = Duration::from_secs(3);
/// How long it is between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// How long something is removed that comes back.
pub const LIMIT: Duration = Duration::from_secs(30);

/// What happened to the ClusterRoleBinding that gives a right to a program.
///
/// ```
/// use local_registry_cluster::revocation::{Revocation, RevocationResult};
///
/// let revocation = Revocation { binding: "local-registry-sync".to_owned(), result: RevocationResult::Deleted };
/// assert_eq!(revocation.to_string(), "ClusterRoleBinding local-registry-sync: deleted");
/// assert!(revocation.succeeded());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revocation {
    /// The binding.
    pub binding: String,
    /// What happened.
    #[serde(flatten)]
    pub result: RevocationResult,
}

/// What was done to a binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum RevocationResult {
    /// It was deleted.
    Deleted,
    /// It would be deleted without `--dry-run`.
    WouldDelete,
    /// Nothing: it is not there.
    Absent,
    /// It could not be deleted.
    Failed {
        /// Why, and how to fix it.
        error: String,
    },
}

impl Revocation {
    /// Deletes the binding; with `dry_run`, only says whether it is there.
    pub async fn of(cluster: &Cluster, binding: &str, dry_run: bool) -> Self {
        let result = match cluster.delete_cluster_role_binding(binding, dry_run).await {
            Ok(true) if dry_run => RevocationResult::WouldDelete,
            Ok(true) => RevocationResult::Deleted,
            Ok(false) => RevocationResult::Absent,
            Err(error) => RevocationResult::Failed { error: with_causes(&error) },
        };
        Self { binding: binding.to_owned(), result }
    }

    /// Whether the binding is gone, or would be.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        !matches!(self.result, RevocationResult::Failed { .. })
    }
}

impl fmt::Display for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&format!("ClusterRoleBinding {}: {}", self.binding, self.result)))
    }
}

impl fmt::Display for RevocationResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleted => f.write_str("deleted"),
            Self::WouldDelete => f.write_str("would be deleted (dry run)"),
            Self::Absent => f.write_str("not there, so there is nothing to delete"),
            Self::Failed { error } => write!(f, "failed: {error}"),
        }
    }
}

/// What a removal has found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Something, which it has removed.
    Something,
    /// Something that was removed before, and goes as soon as others let it.
    Ending,
    /// Nothing to remove.
    Nothing,
    /// That no further removal would help.
    NoUse,
}

/// Removes something again each time that it comes back, until it stays away. Returns the first report, which has taken in the later
/// ones, and whether there was an end to it before [`LIMIT`].
pub async fn until_away<R>(
    remove: impl AsyncFn() -> R,
    found: impl Fn(&R) -> Found,
    take_in: impl Fn(&mut R, R),
) -> (R, bool) {
    let mut report = remove().await;
    // Thousands of objects take longer to remove for the first time.
    let start = Instant::now();
    let (mut last, mut away_since) = (found(&report), Instant::now());
    while last != Found::NoUse && away_since.elapsed() < AWAY {
        if start.elapsed() >= LIMIT {
            return (report, false);
        }
        sleep(PAUSE).await;
        let look = remove().await;
        last = found(&look);
        if last != Found::Nothing {
            take_in(&mut report, look);
        }
        if last == Found::Something {
            away_since = Instant::now();
        }
    }
    (report, true)
}
