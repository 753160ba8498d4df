//! The field `local` in Shipwright's CRDs: `local-registry-sync crds`, and `--crds` of the sync job.

use std::convert::Infallible;
use std::time::Duration;

use local_registry_cluster::Cluster;
use local_registry_core::shipwright::Kind;
use local_registry_sync::crds::{CrdReport, add, remove, revoke_and_remove, watch};
use local_registry_system::print_line;

use crate::arguments::{Arguments, CrdsArguments};
use crate::connection::cluster;
use crate::metrics::SyncMetrics;
use crate::running::Changes;

pub(crate) async fn perform(arguments: &Arguments, crds: &CrdsArguments) -> anyhow::Result<bool> {
    let cluster = cluster(arguments).await?;
    if let Some(binding) = &crds.revoke {
        let (revocation, reports) = revoke_and_remove(&cluster, binding, crds.dry_run).await;
        print_line(&arguments.output.line(&revocation)?)?;
        for report in &reports {
            print_line(&arguments.output.line(report)?)?;
        }
        return Ok(revocation.succeeded() && reports.iter().all(CrdReport::succeeded));
    }
    let mut succeeded = true;
    for kind in Kind::ALL {
        let report = if crds.remove {
            remove(&cluster, kind, crds.dry_run).await
        } else {
            add(&cluster, kind, crds.dry_run).await
        };
        print_line(&arguments.output.line(&report)?)?;
        succeeded &= report.succeeded();
    }
    Ok(succeeded)
}

/// Adds the field to every CRD once.
pub(crate) async fn add_all(cluster: &Cluster, dry_run: bool) -> Vec<CrdReport> {
    let [builds, runs] = Kind::ALL;
    let (builds, runs) = tokio::join!(add(cluster, builds, dry_run), add(cluster, runs, dry_run));
    vec![builds, runs]
}

/// Keeps the field in every CRD. None waits for another.
pub(crate) async fn watch_all(cluster: &Cluster, arguments: &Arguments, metrics: &SyncMetrics) -> Infallible {
    let watch = async |kind| {
        let mut changes = Changes::default();
        let show = |report: &CrdReport| {
            metrics.record_crd(report);
            changes.show(report, |report| arguments.output.line(report));
        };
        watch(cluster, kind, arguments.dry_run, Duration::from_secs(arguments.resync), show).await
    };
    let [builds, runs] = Kind::ALL;
    tokio::select! {
        never = Box::pin(watch(builds)) => never,
        never = Box::pin(watch(runs)) => never,
    }
}
