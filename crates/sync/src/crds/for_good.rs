//! The field is removed for good, while a sync job may still run that keeps it there.

use local_registry_cluster::Cluster;
use local_registry_core::shipwright::Kind;

use super::once::remove;
use super::report::{CrdReport, CrdResult};
use local_registry_cluster::revocation::{Found, LIMIT, Revocation, until_away};

/// Takes the right to write CRDs from a sync job, removes the field from every CRD, and sees that it stays away; with `dry_run`, only
/// says what would be done. While the binding is there, the job would add the field again: so if it cannot be deleted, no CRD is
/// touched, and there are no reports of them.
pub async fn revoke_and_remove(cluster: &Cluster, binding: &str, dry_run: bool) -> (Revocation, Vec<CrdReport>) {
    let revocation = Revocation::of(cluster, binding, dry_run).await;
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
    let found = |report: &CrdReport| match report.result {
        CrdResult::Unchanged => Found::Nothing,
        CrdResult::Removed { .. } => Found::Something,
        _ => Found::NoUse,
    };
    let (report, is_away) =
        until_away(async || remove(cluster, kind, false).await, found, |report, look| *report = look).await;
    if is_away {
        return report;
    }
    let error = format!(
        "the field local came back each time that it was removed, for {} seconds; metadata.managedFields of the CRD names \
         who adds it: stop that program, and run this again",
        LIMIT.as_secs()
    );
    CrdReport { result: CrdResult::Failed { error }, ..report }
}
