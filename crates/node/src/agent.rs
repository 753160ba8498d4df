//! The agent: the node's files follow the ConfigMap and the Services for as long as the program runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::select_all;
use local_registry_cluster::Cluster;
use local_registry_cluster::follow::{Due, Followed, Lost, Outcome, Reconciler, Seen, View, reconcile_forever};
use local_registry_cluster::services::{ServiceName, ServiceSpec};
use local_registry_core::text::with_causes;
use local_registry_declaration::Data;
use tokio::time::Instant;

use super::file_system::NodeFiles;
use super::knowledge::Knowledge;
use super::reconcile::{reconcile, undeclared};
use super::report::{NameResult, Report, State};
use super::runtime::Runtime;
use super::runtime_config::RuntimeReads;
use super::task::NodeTask;

/// The directory that the agent writes to was removed on the node. Only a new start of the agent's container mounts the
/// one that the node has now.
#[derive(Debug, thiserror::Error)]
#[error("{} is not there, or was removed on the node; a restart of the agent's container mounts it again", .0.display())]
pub struct DirectoryRemovedError(PathBuf);

/// Reconciles the node once: reads the ConfigMap and the Services that it names, and writes the files that differ.
///
/// ```no_run
/// use local_registry_cluster::Cluster;
/// use local_registry_node::{NodeTask, once};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::new(kube::Client::try_default().await?);
/// let task = NodeTask { dry_run: true, ..NodeTask::default() };
/// println!("{}", once(&cluster, &task).await.to_text());
/// # Ok(())
/// # }
/// ```
pub async fn once(cluster: &Cluster, task: &NodeTask) -> Report {
    let mut knowledge = Knowledge::default();
    match cluster.config_map().await {
        Ok(data) => knowledge.learn_declaration(data.as_ref(), task),
        Err(error) => knowledge.lose_declaration(&with_causes(&error)),
    }
    let files = NodeFiles::new(&task.paths.root);
    let others = undeclared(&knowledge.names, task, &files);
    for service in Knowledge::services_of(knowledge.names.iter().chain(others.iter().map(|(name, _)| name)), task) {
        let known = cluster.service(&service).await.map_err(|error| with_causes(&error));
        knowledge.services.insert(service, known);
    }
    if let Some(node) = &task.node {
        knowledge.learn_runtime(cluster.container_runtime(node).await.map_err(|error| with_causes(&error)));
    }
    let report = reconcile(&knowledge, task, &files);
    if !task.dry_run {
        announce(cluster, task, &report, None).await;
    }
    report
}

/// Keeps the node in line until the future is dropped, and shows every report.
///
/// Reconciles after each change of the ConfigMap or of a Service, and at least that often as `resync` says. What was known
/// last counts while the API server is away.
///
/// # Errors
/// A [`DirectoryRemovedError`] if nothing that is written reaches the node any more.
pub async fn follow(
    cluster: &Cluster,
    task: &NodeTask,
    resync: Duration,
    show: impl FnMut(&Report),
) -> Result<(), DirectoryRemovedError> {
    let agent = Agent {
        cluster,
        task,
        files: NodeFiles::new(&task.paths.root),
        config_map: cluster.follow_config_map(),
        services: BTreeMap::new(),
        needed: BTreeSet::new(),
        knowledge: Knowledge::default(),
        runtime_read: None,
        last: None,
        show,
    };
    Err(reconcile_forever(agent, resync).await)
}

/// After how long the node's container runtime is read again.
const RUNTIME_READ_AGAIN: Duration = Duration::from_hours(1);

/// What is followed, and what is known of it.
struct Agent<'a, F> {
    cluster: &'a Cluster,
    task: &'a NodeTask,
    files: NodeFiles,
    config_map: Followed<Data>,
    services: BTreeMap<ServiceName, Followed<ServiceSpec>>,
    /// The Services that declared names lead to. The others are those of names that were declared before.
    needed: BTreeSet<ServiceName>,
    knowledge: Knowledge,
    /// When the node's container runtime was last read.
    runtime_read: Option<Instant>,
    last: Option<Report>,
    show: F,
}

impl<F: FnMut(&Report)> Reconciler for Agent<'_, F> {
    type End = DirectoryRemovedError;

    async fn news(&mut self) -> Due {
        tokio::select! {
            _ = self.config_map.news() => self.on_declaration(),
            name = any_news(&mut self.services) => self.on_service(&name),
        }
        let is_waiting = self.services.keys().any(|service| !self.knowledge.services.contains_key(service));
        if is_waiting { Due::Unchanged } else { Due::Now }
    }

    fn lost_since(&self) -> Option<Instant> {
        self.lost().map(|lost| lost.since)
    }

    async fn reconcile(&mut self, view: View) -> Result<Outcome, DirectoryRemovedError> {
        let directory = self.directory();
        if self.files.is_removed(directory) {
            return Err(DirectoryRemovedError(directory.to_owned()));
        }
        if self.lost().is_none() {
            self.read_runtime().await;
        }
        let mut report = reconcile(&self.knowledge, self.task, &self.files);
        if let (View::Stale, Some(lost)) = (view, self.lost()) {
            report.state = State::Unknown;
            report.message = format!("{}; until it can be read again, what was seen last counts", lost.error);
        }
        (self.show)(&report);
        announce(self.cluster, self.task, &report, self.last.as_ref()).await;
        self.last = Some(report);
        Ok(Outcome::Done)
    }
}

impl<F> Agent<'_, F> {
    fn on_declaration(&mut self) {
        match (self.config_map.seen(), self.config_map.lost()) {
            (Seen::Present(data), _) => self.knowledge.learn_declaration(Some(data), self.task),
            (Seen::Absent, _) => self.knowledge.learn_declaration(None, self.task),
            (Seen::NotYet, Some(lost)) => self.knowledge.lose_declaration(&lost.error),
            (Seen::NotYet, None) => {}
        }
        self.follow_services();
    }

    /// Follows the Services that the names lead to, declared ones and those that still have a file, and no others.
    fn follow_services(&mut self) {
        // While nothing is declared, everything leads to nowhere, wherever Services are.
        let others = match self.knowledge.state {
            State::Absent => Vec::new(),
            _ => undeclared(&self.knowledge.names, self.task, &self.files),
        };
        let others = Knowledge::services_of(others.iter().map(|(name, _)| name), self.task);
        self.needed = Knowledge::services_of(&self.knowledge.names, self.task);
        let wanted: BTreeSet<&ServiceName> = self.needed.union(&others).collect();
        self.services.retain(|service, _| wanted.contains(service));
        self.knowledge.services.retain(|service, _| wanted.contains(service));
        for service in wanted {
            let follow = || self.cluster.follow_service(service);
            self.services.entry(service.clone()).or_insert_with(follow);
        }
    }

    /// Reads which container runtime the node has: at the start, every hour, since it may be upgraded, and until it is known.
    async fn read_runtime(&mut self) {
        let Some(node) = &self.task.node else { return };
        let is_due = self.runtime_read.is_none_or(|read| read.elapsed() >= RUNTIME_READ_AGAIN);
        if !is_due {
            return;
        }
        match self.cluster.container_runtime(node).await {
            Ok(runtime) => {
                self.runtime_read = Some(Instant::now());
                self.knowledge.learn_runtime(Ok(runtime));
            }
            // What was known before still counts.
            Err(error) if self.knowledge.runtime.is_err() => self.knowledge.learn_runtime(Err(with_causes(&error))),
            Err(_) => {}
        }
    }

    fn on_service(&mut self, name: &ServiceName) {
        let Some(service) = self.services.get(name) else { return };
        let known = match (service.seen(), service.lost()) {
            (Seen::Present(spec), _) => Ok(Some(spec.clone())),
            (Seen::Absent, _) => Ok(None),
            (Seen::NotYet, Some(lost)) => Err(lost.error.clone()),
            (Seen::NotYet, None) => return,
        };
        self.knowledge.services.insert(name.clone(), known);
    }

    /// What has been unreadable for the longest time.
    fn lost(&self) -> Option<&Lost> {
        let needed = self.services.iter().filter(|(service, _)| self.needed.contains(service));
        let services = needed.filter_map(|(_, service)| service.lost());
        self.config_map.lost().into_iter().chain(services).min_by_key(|lost| lost.since)
    }

    fn directory(&self) -> &Path {
        match self.task.runtime {
            Runtime::Containerd => &self.task.paths.certs,
            Runtime::CriO => &self.task.paths.registries,
        }
    }
}

/// Waits for news of one of the Services, and says of which.
async fn any_news(services: &mut BTreeMap<ServiceName, Followed<ServiceSpec>>) -> ServiceName {
    if services.is_empty() {
        return std::future::pending().await;
    }
    let news = services.iter_mut().map(|(name, service)| {
        async move {
            service.news().await;
            name.clone()
        }
        .boxed()
    });
    select_all(news).await.0
}

/// Publishes an Event about the Node for each thing that somebody has to do there, unless the last report said so, too.
async fn announce(cluster: &Cluster, task: &NodeTask, report: &Report, last: Option<&Report>) {
    let Some(node) = &task.node else { return };
    let before = last.map(warnings).unwrap_or_default();
    for (reason, note) in warnings(report) {
        if !before.contains(&(reason, note.clone())) {
            tracing::warn!(reason, "{note}");
            cluster.announce_on_node(node, reason, note).await;
        }
    }
}

/// What somebody has to do on the node, with the reason of the Event about it.
fn warnings(report: &Report) -> Vec<(&'static str, String)> {
    let ignored = report.runtime.iter().filter(|config| config.reads == RuntimeReads::No && !report.names.is_empty());
    let ignored = ignored.map(|config| ("LocalRegistryIgnored", config.to_string()));
    let names = report
        .names
        .iter()
        .filter(|name| matches!(name.result, NameResult::Foreign { .. } | NameResult::Failed { .. }));
    ignored.chain(names.map(|name| ("LocalRegistryNotWritten", name.to_string()))).collect()
}
