//! The field is added to a CRD, or removed from it, once.

use std::time::Duration;

use local_registry_cluster::crds::Crd;
use local_registry_cluster::{Cluster, ClusterError, FieldReason};
use local_registry_core::shipwright::Kind;
use local_registry_core::text::with_causes;
use tokio::time::sleep;

use super::addition::Addition;
use super::change::Change;
use super::place::{OtherShape, warnings};
use super::removal::Removal;
use super::report::{CrdReport, CrdResult, Work};

/// How often a CRD is read, at most, that somebody changes meanwhile.
const ATTEMPTS: u32 = 5;
/// The pause before a CRD is read again. Each is longer than the one before by as much.
const PAUSE: Duration = Duration::from_millis(100);

/// Adds the field to the CRD of a kind, if it is missing; with `dry_run`, only says whether it would be.
pub async fn add(cluster: &Cluster, kind: Kind, dry_run: bool) -> CrdReport {
    let change = async |crd: &Crd| {
        let mut report = match Addition::to(kind, crd) {
            Err(other) => CrdReport::new(kind, other_shape(&other)),
            Ok(Addition::Nothing) => CrdReport::new(kind, CrdResult::Unchanged),
            Ok(Addition::Missing(change)) => CrdReport::new(kind, write(cluster, kind, &change, dry_run).await?),
        };
        report.warnings = warnings(crd);
        Ok(report)
    };
    let report = attempt(cluster, kind, Work::Add, change).await;
    if !dry_run {
        announce(cluster, kind, &report).await;
    }
    report
}

/// Removes what this program has added to the CRD of a kind; with `dry_run`, only says what that is.
pub async fn remove(cluster: &Cluster, kind: Kind, dry_run: bool) -> CrdReport {
    let change = async |crd: &Crd| {
        let Removal { change, warnings, left } = Removal::from(kind, crd);
        let result = match change {
            None => CrdResult::Unchanged,
            Some(change) => {
                cluster.patch_crd(kind, change.operations(), dry_run).await?;
                let fields = change.places().to_vec();
                if dry_run { CrdResult::WouldRemove { fields } } else { CrdResult::Removed { fields } }
            }
        };
        Ok(CrdReport { warnings, left, ..CrdReport::new(kind, result) })
    };
    attempt(cluster, kind, Work::Remove, change).await
}

/// Reads the CRD and changes it, again if somebody else changed it in between.
async fn attempt(
    cluster: &Cluster,
    kind: Kind,
    work: Work,
    change: impl AsyncFn(&Crd) -> Result<CrdReport, ClusterError>,
) -> CrdReport {
    let mut attempts = 1;
    loop {
        let crd = match cluster.crd(kind).await {
            Ok(None) => return CrdReport::new(kind, CrdResult::Absent { work }),
            Err(error) => return CrdReport::new(kind, CrdResult::Unknown { error: with_causes(&error) }),
            Ok(Some(crd)) => crd,
        };
        match change(&crd).await {
            Ok(report) => return report,
            Err(error) if error.is_outdated() && attempts < ATTEMPTS => {
                sleep(PAUSE * attempts).await;
                attempts += 1;
            }
            Err(error) if error.is_outdated() => {
                let error = format!("{}; run it again", with_causes(&error));
                return CrdReport::new(kind, CrdResult::Failed { error });
            }
            Err(error) => return CrdReport::new(kind, CrdResult::Failed { error: with_causes(&error) }),
        }
    }
}

/// Adds the field, and sees that the API server has taken it.
pub(super) async fn write(
    cluster: &Cluster,
    kind: Kind,
    change: &Change,
    dry_run: bool,
) -> Result<CrdResult, ClusterError> {
    let changed = cluster.patch_crd(kind, change.operations(), dry_run).await?;
    let fields = change.places().to_vec();
    Ok(match Addition::to(kind, &changed) {
        Ok(Addition::Nothing) if dry_run => CrdResult::WouldAdd { fields },
        Ok(Addition::Nothing) => CrdResult::Added { fields },
        Ok(Addition::Missing(_)) | Err(_) => CrdResult::Failed {
            error: "the API server answered with a CRD without the field; see which mutating webhook takes it out"
                .to_owned(),
        },
    })
}

pub(super) fn other_shape(other: &OtherShape) -> CrdResult {
    CrdResult::OtherShape { error: other.to_string() }
}

/// Publishes an Event about a CRD to which the field was added, or not.
pub(super) async fn announce(cluster: &Cluster, kind: Kind, report: &CrdReport) {
    let (reason, note) = match &report.result {
        CrdResult::Added { .. } => (FieldReason::Added, report.result.to_string()),
        CrdResult::OtherShape { .. } | CrdResult::HeldBack { .. } => (FieldReason::Missing, report.result.to_string()),
        CrdResult::Failed { error } => (FieldReason::Missing, format!("the field local cannot be added: {error}")),
        _ => return,
    };
    cluster.announce_field(kind, reason, note).await;
}
