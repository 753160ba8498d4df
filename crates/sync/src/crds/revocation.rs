//! The field is removed for good, while a sync job may still run that keeps it there.

use std::fmt;
use std::time::Duration;

use local_registry_cluster::Cluster;
use local_registry_core::shipwright::Kind;
use local_registry_core::text::{printable, with_causes};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::once::remove;
use super::report::{CrdReport, CrdResult};

/// How long the field has to stay away. The API server takes a moment to know that a right is gone.
const AWAY: Duration = Duration::from_secs(3);
/// How long it is between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a field is removed that comes back.
const LIMIT: Duration = Duration::from_secs(30);

/// What happened to the ClusterRoleBinding that lets a sync job write CRDs.
///
/// ```
/// use local_registry_sync::crds::{Revocation, RevocationResult};
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

/// Takes the right to write CRDs from a sync job, removes the field from every CRD, and sees that it stays away; with `dry_run`, only
/// says what would be done. While the binding is there, the job would add the field again: so if it cannot be deleted, no CRD is
/// touched, and there are no reports of them.
pub async fn revoke_and_remove(cluster: &Cluster, binding: &str, dry_run: bool) -> (Revocation, Vec<CrdReport>) {
    let result = match cluster.delete_cluster_role_binding(binding, dry_run).await {
        Ok(true) if dry_run => RevocationResult::WouldDelete,
        Ok(true) => RevocationResult::Deleted,
        Ok(false) => RevocationResult::Absent,
        Err(error) => RevocationResult::Failed { error: with_causes(&error) },
    };
    let revocation = Revocation { binding: binding.to_owned(), result };
    if !revocation.succeeded() {
        return (revocation, Vec::new());
    }
    let remove = async |kind| {
        if dry_run { remove(cluster, kind, true).await } else { remove_for_good(cluster, kind).await }
    };
    let [builds, runs] = Kind::ALL;
    let (builds, runs) = tokio::join!(remove(builds), remove(runs));
    (revocation, vec![builds, runs])
}

/// Removes the field from the CRD of a kind, again each time that it comes back, until it stays away.
async fn remove_for_good(cluster: &Cluster, kind: Kind) -> CrdReport {
    let start = Instant::now();
    let mut report = remove(cluster, kind, false).await;
    let mut away_since = Instant::now();
    while matches!(report.result, CrdResult::Unchanged | CrdResult::Removed { .. }) && away_since.elapsed() < AWAY {
        if start.elapsed() >= LIMIT {
            let error = format!(
                "the field local came back each time that it was removed, for {} seconds; metadata.managedFields of the CRD names \
                 who adds it: stop that program, and run this again",
                LIMIT.as_secs()
            );
            return CrdReport { result: CrdResult::Failed { error }, ..report };
        }
        sleep(PAUSE).await;
        let look = remove(cluster, kind, false).await;
        if look.result != CrdResult::Unchanged {
            report = look;
            away_since = Instant::now();
        }
    }
    report
}
