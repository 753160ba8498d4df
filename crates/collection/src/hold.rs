//! The loop: it looks, does one step, and looks again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use local_registry_cluster::{Cluster, ClusterError, JobEnd, JobSummary};
use local_registry_core::text::with_causes;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::report::{CollectionReport, CollectionResult};
use crate::step::{LONGEST_RETURN, Seen, Step};

/// The registry that takes writes.
const WRITING: &str = "registry";
/// The one that takes none, for the time of a garbage collection.
const READING: &str = "registry-collecting";
/// The Jobs that collect.
const COLLECTIONS: &str = "app.kubernetes.io/name=registry-garbage-collection";
/// How long it is between two looks.
const PAUSE: Duration = Duration::from_secs(2);
/// How long the API server may be away.
const LONGEST_AWAY: Duration = Duration::from_mins(10);

/// Lets the registry of a namespace, which has so many pods otherwise, take no writes for as long as a Job collects its garbage. Nodes
/// and builds can pull meanwhile.
pub async fn hold(cluster: &Cluster, namespace: &str, replicas: u32) -> CollectionReport {
    let mut collection = Collection { cluster, namespace, ended: BTreeMap::new(), under_way: BTreeSet::new() };
    let result = collection.hold(replicas).await.unwrap_or_else(|error| CollectionResult::Failed { error });
    CollectionReport { namespace: namespace.to_owned(), result }
}

/// What has been seen of the Jobs that collect.
struct Collection<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    /// Those that were under way before.
    under_way: BTreeSet<String>,
    /// How those of them have ended.
    ended: BTreeMap<String, String>,
}

/// How long the same is waited for.
struct Waiting {
    /// Whether a Job collects, and how many pods both registries are to have.
    for_what: Option<(bool, u32, u32)>,
    since: Instant,
}

impl Waiting {
    fn elapsed(&mut self, for_what: (bool, u32, u32)) -> Duration {
        if self.for_what.replace(for_what) != Some(for_what) {
            self.since = Instant::now();
        }
        self.since.elapsed()
    }
}

impl Collection<'_> {
    async fn hold(&mut self, replicas: u32) -> Result<CollectionResult, String> {
        let mut heard = Instant::now();
        let mut wait = Waiting { for_what: None, since: heard };
        loop {
            match self.step(replicas, &mut wait).await {
                Ok(Some(result)) => return result,
                Ok(None) => heard = Instant::now(),
                Err(error) => {
                    let error = with_causes(&error);
                    if heard.elapsed() >= LONGEST_AWAY {
                        return Err(error);
                    }
                    warn!(%error, "tried again");
                }
            }
            sleep(PAUSE).await;
        }
    }

    /// Looks, and does what is next. Returns what became of it all once nothing is.
    async fn step(
        &mut self,
        replicas: u32,
        wait: &mut Waiting,
    ) -> Result<Option<Result<CollectionResult, String>>, ClusterError> {
        let jobs = self.cluster.jobs(self.namespace, COLLECTIONS).await?;
        let collects = jobs.iter().any(|job| job.end.is_none());
        self.remember(jobs);
        let writing = self.cluster.replicas(self.namespace, WRITING).await?;
        let reading = self.cluster.replicas(self.namespace, READING).await?;
        let has_collected = !self.under_way.is_empty();
        let waited = wait.elapsed((collects, writing.desired, reading.desired));
        let seen = Seen { collects, has_collected, writing, reading, waited };
        match seen.next(replicas) {
            Step::End if seen.is_coming_back() => Ok(Some(Err(self.no_return()))),
            Step::End if has_collected => Ok(Some(Ok(CollectionResult::Collected { ended: self.ended() }))),
            Step::End => Ok(Some(Ok(CollectionResult::Nothing))),
            step => self.perform(step, replicas).await.map(|()| None),
        }
    }

    /// How those that were under way have ended.
    fn ended(&self) -> Vec<String> {
        self.ended.iter().map(|(name, end)| format!("{name}: {end}")).collect()
    }

    fn no_return(&self) -> String {
        format!(
            "the garbage collection has ended, and no pod of the Deployment {WRITING} is ready {} seconds after; see kubectl --namespace {} \
             describe pods --selector app.kubernetes.io/name=registry",
            LONGEST_RETURN.as_secs(),
            self.namespace
        )
    }

    /// Notes which Jobs are under way, and how those that were have ended.
    fn remember(&mut self, jobs: Vec<JobSummary>) {
        for JobSummary { name, end } in jobs {
            match end {
                None => {
                    if self.under_way.insert(name.clone()) {
                        info!(job = name, "a garbage collection waits for the registry to take no writes");
                    }
                }
                Some(end) if self.under_way.contains(&name) => {
                    let end = match end {
                        JobEnd::Complete => "complete".to_owned(),
                        JobEnd::Failed(reason) => format!("failed: {reason}"),
                    };
                    self.ended.insert(name, end);
                }
                Some(_) => {}
            }
        }
    }

    async fn perform(&self, step: Step, replicas: u32) -> Result<(), ClusterError> {
        let (name, replicas, done) = match step {
            Step::StartReading => (READING, replicas, "a registry that takes no writes is started"),
            Step::StopWriting => (WRITING, 0, "the registry takes no writes any more"),
            Step::StartWriting => (WRITING, replicas, "the registry that takes writes is started again"),
            Step::StopReading => (READING, 0, "the registry takes writes again"),
            Step::Wait | Step::End => return Ok(()),
        };
        self.cluster.scale(self.namespace, name, replicas).await?;
        info!(deployment = name, replicas, "{done}");
        Ok(())
    }
}
