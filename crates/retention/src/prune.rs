//! A run over all repositories.

use jiff::Timestamp;
use local_registry_cluster::Cluster;
use local_registry_core::RuntimeHost;
use local_registry_oci::Registry;

use crate::names::finder::Finder;
use crate::names::fresh::FreshNames;
use crate::names::named::Names;
use crate::removal::fault::{Fault, PruneError};
use crate::removal::pass::Untagging;
use crate::removal::refusal::with_right;
use crate::report::repository::RepositoryReport;
use crate::report::summary::Summary;
use crate::repository::Run;
use crate::task::PruneTask;

/// Looks at all repositories, one after another, and deletes what may go, if the task says so. `show` is called with each.
///
/// # Errors
/// A [`PruneError`] if nothing may be deleted, or nothing more. What fails in one repository is in its report.
pub async fn prune(
    cluster: &Cluster,
    registry: &Registry,
    task: &PruneTask,
    mut show: impl FnMut(&RepositoryReport),
) -> Result<Summary, PruneError> {
    let selected = task.selection.of(registry).await.map_err(|error| Fault::Catalog(with_right(&error, "list")))?;
    let finder = Finder::new(task.names.iter().cloned().chain([task.host.clone(), RuntimeHost::portable()]));
    let nothing = Names::of(selected.iter().map(String::as_str));
    let names = FreshNames::read(cluster, finder, &task.resources, nothing).await.map_err(Fault::Names)?;
    let mut run = Run { registry, task, names, untagging: Untagging::Unknown, now: Timestamp::now() };
    let mut summary = Summary::new(!task.confirm);
    for path in &selected {
        let (report, fault) = run.repository(path).await;
        summary.add(&report);
        show(&report);
        if let Some(fault) = fault {
            return Err(fault.into());
        }
    }
    Ok(summary)
}
