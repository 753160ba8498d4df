//! The loop: the node's files follow the ConfigMap and the Services for as long as the program runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::select_all;
use tokio::time::{Instant, sleep_until};

use super::file_system::NodeFiles;
use super::look::{Knowledge, Known, look, services};
use super::reading::Reading;
use super::report::{NameResult, NodeReport, NodeState};
use super::runtime::Runtime;
use super::task::NodeTask;
use local_registry_cluster::{Cluster, ClusterError, Content, Following, ServiceName, ServiceSpec};
use local_registry_core::text::with_causes;
use local_registry_declaration::Data;

/// The directory that the agent writes to was removed on the node. Only a new start of the agent's container mounts the
/// one that the node has now.
#[derive(Debug, thiserror::Error)]
#[error("{} is not there, or was removed on the node; a restart of the agent's container mounts it again", .0.display())]
pub struct DirectoryRemovedError(PathBuf);

/// Brings the node in line once: reads the ConfigMap and the Services that it names, and looks at the files.
///
/// ```no_run
/// use local_registry_cluster::Cluster;
/// use local_registry_node::{NodeTask, look_once};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::new(kube::Client::try_default().await?);
/// let task = NodeTask { dry_run: true, ..NodeTask::default() };
/// println!("{}", look_once(&cluster, &task).await.to_text());
/// # Ok(())
/// # }
/// ```
pub async fn look_once(cluster: &Cluster, task: &NodeTask) -> NodeReport {
    let declaration = cluster.config_map().await.map_err(|error| with_causes(&error));
    let mut knowledge = Knowledge { declaration: Some(declaration), ..Knowledge::default() };
    knowledge.names = knowledge.declared(task).unwrap_or_default();
    for service in services(&knowledge.names, task) {
        let known = cluster.service(&service).await.map_err(|error| with_causes(&error));
        knowledge.services.insert(service, known);
    }
    let report = look(&knowledge, task, &NodeFiles::new(&task.paths.root));
    if !task.dry_run {
        announce(cluster, task, &report, None).await;
    }
    report
}

/// Keeps the node in line until the future is dropped, and shows every report.
///
/// The files are looked at after each change of the ConfigMap or of a Service, and at least that often as `resync` says.
/// What was known last counts while the API server is away.
///
/// # Errors
/// A [`DirectoryRemovedError`] if nothing that is written reaches the node any more.
pub async fn follow(
    cluster: &Cluster,
    task: &NodeTask,
    resync: Duration,
    mut show: impl FnMut(&NodeReport),
) -> Result<(), DirectoryRemovedError> {
    let files = NodeFiles::new(&task.paths.root);
    let mut sources = Sources::new(cluster);
    let mut next_look = Instant::now() + resync;
    let mut last: Option<NodeReport> = None;
    loop {
        tokio::select! {
            () = sources.change(cluster, task) => {
                if sources.is_waiting() {
                    continue;
                }
            }
            () = sleep_until(next_look) => next_look = Instant::now() + resync,
        }
        let directory = match task.runtime {
            Runtime::Containerd => &task.paths.certs,
            Runtime::CriO => &task.paths.registries,
        };
        if files.is_removed(directory) {
            return Err(DirectoryRemovedError(directory.clone()));
        }
        let mut report = look(&sources.knowledge, task, &files);
        if let Some(error) = sources.lost_for(resync) {
            report.state = NodeState::Unknown;
            report.message = format!("{error}; until it can be read again, the files stay as they are");
        }
        announce(cluster, task, &report, last.as_ref()).await;
        show(&report);
        last = Some(report);
    }
}

/// What is followed, and what is known of it.
struct Sources {
    config_map: Followed<Data>,
    services: BTreeMap<ServiceName, Followed<ServiceSpec>>,
    knowledge: Knowledge,
}

/// One object that is followed.
struct Followed<C: Content> {
    following: Following<C>,
    /// Since when it cannot be read, and why.
    lost: Option<(Instant, String)>,
}

impl<C: Content + Default> Followed<C> {
    fn new(following: Following<C>) -> Self {
        Self { following, lost: None }
    }

    /// Takes news into what is known. After an error, what was known before still counts.
    fn learn(&mut self, news: Result<Option<C>, ClusterError>, known: Option<&Known<C>>) -> Option<Known<C>> {
        match news {
            Ok(content) => {
                self.lost = None;
                Some(Ok(content))
            }
            Err(error) => {
                let error = with_causes(&error);
                tracing::warn!(error, "it cannot be watched; trying again");
                let since = self.lost.take().map_or_else(Instant::now, |(since, _)| since);
                self.lost = Some((since, error.clone()));
                match known {
                    Some(Ok(_)) => None,
                    _ => Some(Err(error)),
                }
            }
        }
    }
}

impl Sources {
    fn new(cluster: &Cluster) -> Self {
        Self {
            config_map: Followed::new(cluster.config_maps()),
            services: BTreeMap::new(),
            knowledge: Knowledge::default(),
        }
    }

    /// Waits for news of anything that is followed, and takes them into what is known. Dropping the future loses nothing.
    async fn change(&mut self, cluster: &Cluster, task: &NodeTask) {
        let Self { config_map, services: followed, knowledge } = self;
        let of_services = async {
            if followed.is_empty() {
                return std::future::pending().await;
            }
            let next = followed.iter_mut().map(|(name, service)| {
                let name = name.clone();
                async move { (name, service.following.next().await) }.boxed()
            });
            select_all(next).await.0
        };
        let (name, news) = tokio::select! {
            news = config_map.following.next() => {
                if let Some(known) = config_map.learn(news, knowledge.declaration.as_ref()) {
                    knowledge.declaration = Some(known);
                }
                return self.follow_services(cluster, task);
            }
            news = of_services => news,
        };
        if let Some(service) = followed.get_mut(&name)
            && let Some(known) = service.learn(news, knowledge.services.get(&name))
        {
            knowledge.services.insert(name, known);
        }
    }

    /// Follows the Services that the declared names lead to, and no others.
    fn follow_services(&mut self, cluster: &Cluster, task: &NodeTask) {
        // A declaration that cannot be used changes nothing.
        let Ok(names) = self.knowledge.declared(task) else { return };
        let wanted = services(&names, task);
        self.knowledge.names = names;
        self.services.retain(|service, _| wanted.contains(service));
        self.knowledge.services.retain(|service, _| wanted.contains(service));
        for service in wanted {
            let follow = || Followed::new(cluster.services(&service));
            self.services.entry(service.clone()).or_insert_with(follow);
        }
    }

    /// Whether a Service was neither read nor failed to be read yet.
    fn is_waiting(&self) -> bool {
        self.services.keys().any(|service| !self.knowledge.services.contains_key(service))
    }

    /// Why something could not be read for longer than that.
    fn lost_for(&self, patience: Duration) -> Option<&str> {
        let of_services = self.services.values().map(|service| &service.lost);
        let mut lost = [&self.config_map.lost].into_iter().chain(of_services).flatten();
        lost.find(|(since, _)| since.elapsed() >= patience).map(|(_, error)| error.as_str())
    }
}

/// Publishes an Event about the Node for each thing that somebody has to do there, unless the last report said so, too.
async fn announce(cluster: &Cluster, task: &NodeTask, report: &NodeReport, last: Option<&NodeReport>) {
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
fn warnings(report: &NodeReport) -> Vec<(&'static str, String)> {
    let ignored = report.runtime.iter().filter(|config| config.reads == Reading::No && !report.names.is_empty());
    let ignored = ignored.map(|config| ("LocalRegistryIgnored", config.to_string()));
    let names = report
        .names
        .iter()
        .filter(|name| matches!(name.result, NameResult::Foreign { .. } | NameResult::Failed { .. }));
    ignored.chain(names.map(|name| ("LocalRegistryNotWritten", name.to_string()))).collect()
}
