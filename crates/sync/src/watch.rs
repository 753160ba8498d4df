//! The loop: policies follow the ConfigMap for as long as the program runs.

use std::convert::Infallible;
use std::time::Duration;

use local_registry_cluster::Cluster;
use local_registry_cluster::follow::{Due, Followed, News, Outcome, Reconciler, Seen, Timing, View, reconcile_forever};
use local_registry_declaration::Data;
use tokio::time::Instant;

use super::once::reconcile;
use super::report::Report;
use super::state::State;
use super::task::Task;

/// Follows the ConfigMap until the future is dropped, and shows every report.
///
/// ```no_run
/// use std::time::Duration;
/// use local_registry_cluster::Cluster;
/// use local_registry_sync::{Report, Task, Timing, watch};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::new(kube::Client::try_default().await?);
/// let task = Task { policies: vec!["local-registry".parse()?], ..Task::default() };
/// let timing = Timing { settle: Duration::from_secs(10), resync: Duration::from_secs(60) };
/// match watch(&cluster, &task, timing, |report: &Report| println!("{}", report.to_text())).await {}
/// # }
/// ```
pub async fn watch(cluster: &Cluster, task: &Task, timing: Timing, show: impl FnMut(&Report)) -> Infallible {
    let config_map = cluster.follow_config_map();
    let policies = Policies { cluster, task, settle: timing.settle, config_map, reported: None, show };
    reconcile_forever(policies, timing.resync).await
}

/// The policies that follow the ConfigMap.
struct Policies<'a, F> {
    cluster: &'a Cluster,
    task: &'a Task,
    settle: Duration,
    config_map: Followed<Data>,
    /// The last report about policies.
    reported: Option<Report>,
    show: F,
}

impl<F: FnMut(&Report)> Reconciler for Policies<'_, F> {
    type End = Infallible;

    async fn news(&mut self) -> Due {
        match self.config_map.news().await {
            News::First => Due::Now,
            News::Changed => Due::After(self.settle),
            News::Same | News::Lost => Due::Unchanged,
        }
    }

    fn lost_since(&self) -> Option<Instant> {
        self.config_map.lost().map(|lost| lost.since)
    }

    async fn reconcile(&mut self, view: View) -> Result<Outcome, Infallible> {
        let run = match (view, self.config_map.lost(), self.config_map.seen()) {
            (View::Stale, Some(lost), _) => {
                let message = format!("{}; until it can be read again, the policies keep their settings", lost.error);
                (self.show)(&Report::unusable(State::Unknown, message));
                return Ok(Outcome::Done);
            }
            (_, _, Seen::NotYet) => return Ok(Outcome::Done),
            (_, _, Seen::Absent) => reconcile(self.cluster, None, self.task).await,
            (_, _, Seen::Present(data)) => reconcile(self.cluster, Some(data), self.task).await,
        };
        (self.show)(&run.report);
        let report = run.publish(self.cluster, self.reported.as_ref()).await;
        let may_succeed_soon = report.state.is_usable() && !report.succeeded();
        self.reported = Some(report);
        Ok(if may_succeed_soon { Outcome::Retry } else { Outcome::Done })
    }
}
