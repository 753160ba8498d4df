//! The agents of all nodes, when they are taken away: first they stop, and then other pods remove their files.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use local_registry_cluster::pods::PodSummary;
use local_registry_cluster::{Cluster, DaemonSetStatus};
use local_registry_core::text::{printable, with_causes};
use serde::Serialize;
use tokio::time::{Instant, sleep};

/// The DaemonSet of the agents.
const AGENTS: &str = "local-registry-node";
/// The DaemonSet that removes their files. Its pods are ready when they have.
const CLEAN_UP: &str = "local-registry-node-clean-up";
/// How long a step may take on the slowest node.
const LIMIT: Duration = Duration::from_secs(90);
/// How long a kubelet may take to see a new pod.
const UNSEEN: Duration = Duration::from_mins(1);
/// How long it is between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// What became of a step.
///
/// ```
/// use local_registry_node::{AgentsReport, AgentsResult};
///
/// let result = AgentsResult::Cleaned { nodes: 2, unreachable: vec!["c".to_owned()] };
/// let report = AgentsReport { daemon_set: "local-registry-nodes/local-registry-node-clean-up".to_owned(), result };
/// assert_eq!(
///     report.to_string(),
///     "DaemonSet local-registry-nodes/local-registry-node-clean-up: 2 nodes have no file of the agent any more\n\
///      warning: no kubelet answers on c: the agent's files stay there"
/// );
/// assert!(report.succeeded());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentsReport {
    /// The DaemonSet, as `NAMESPACE/NAME`.
    pub daemon_set: String,
    /// What became of it.
    #[serde(flatten)]
    pub result: AgentsResult,
}

/// What became of a DaemonSet and of its pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum AgentsResult {
    /// It is gone, and no pod of it writes a file any more.
    Stopped {
        /// Nodes that do not say that their pod has ended.
        unreachable: Vec<String>,
    },
    /// The nodes have no file of the agent any more.
    Cleaned {
        /// On how many nodes that is so.
        nodes: u32,
        /// Nodes whose kubelet does not answer.
        unreachable: Vec<String>,
    },
    /// The step did not come to an end.
    Failed {
        /// Why, node by node where it is one.
        error: String,
    },
}

impl AgentsReport {
    fn of(namespace: &str, name: &str, result: Result<AgentsResult, String>) -> Self {
        let result = result.unwrap_or_else(|error| AgentsResult::Failed { error });
        Self { daemon_set: format!("{namespace}/{name}"), result }
    }

    /// Whether the next step may begin.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        !matches!(self.result, AgentsResult::Failed { .. })
    }
}

impl fmt::Display for AgentsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&format!("DaemonSet {}: {}", self.daemon_set, self.result)))
    }
}

impl fmt::Display for AgentsResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (done, unreachable, so) = match self {
            Self::Stopped { unreachable } => {
                ("gone, and so are its pods".to_owned(), unreachable, "its pod may still run")
            }
            Self::Cleaned { nodes, unreachable } => {
                let done = match nodes {
                    1 => "1 node has no file of the agent any more".to_owned(),
                    _ => format!("{nodes} nodes have no file of the agent any more"),
                };
                (done, unreachable, "the agent's files stay")
            }
            Self::Failed { error } => return write!(f, "failed: {error}"),
        };
        f.write_str(&done)?;
        if !unreachable.is_empty() {
            write!(f, "\nwarning: no kubelet answers on {}: {so} there", unreachable.join(", "))?;
        }
        Ok(())
    }
}

/// Deletes the DaemonSet of the agents, and waits until none of its pods can write a file any more.
pub async fn stop_agents(cluster: &Cluster, namespace: &str) -> AgentsReport {
    let deleted = cluster.delete_daemon_set(namespace, AGENTS).await;
    let result = match deleted {
        Ok(_) => until_stopped(cluster, namespace).await,
        Err(error) => Err(with_causes(&error)),
    };
    AgentsReport::of(namespace, AGENTS, result)
}

async fn until_stopped(cluster: &Cluster, namespace: &str) -> Result<AgentsResult, String> {
    let start = Instant::now();
    loop {
        let left = pods(cluster, namespace, AGENTS).await;
        match left {
            Ok(left) if left.is_empty() => return Ok(AgentsResult::Stopped { unreachable: Vec::new() }),
            Ok(left) if start.elapsed() >= LIMIT => {
                // Where the kubelet is gone, nobody says that the pod has ended.
                let (unreachable, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|pod| pod.is_over);
                return match &others[..] {
                    [] => Ok(AgentsResult::Stopped { unreachable: unreachable.iter().map(place).collect() }),
                    [pod, ..] => Err(format!(
                        "the pod {} is not deleted, {} seconds after its DaemonSet; does the controller manager of this cluster run?",
                        pod.name,
                        LIMIT.as_secs()
                    )),
                };
            }
            Err(error) if start.elapsed() >= LIMIT => return Err(error),
            Ok(_) | Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Waits until the pods of the clean-up have removed the agents' files from every node.
pub async fn await_clean_nodes(cluster: &Cluster, namespace: &str) -> AgentsReport {
    AgentsReport::of(namespace, CLEAN_UP, until_clean(cluster, namespace).await)
}

async fn until_clean(cluster: &Cluster, namespace: &str) -> Result<AgentsResult, String> {
    let start = Instant::now();
    let mut unseen: Option<Vec<String>> = None;
    loop {
        let is_late = start.elapsed() >= LIMIT;
        match cluster.daemon_set(namespace, CLEAN_UP).await {
            Ok(Some(status)) if status.is_complete() => {
                return Ok(AgentsResult::Cleaned { nodes: status.number_ready, unreachable: Vec::new() });
            }
            Ok(Some(status)) if is_late && status.observed_generation.is_none() => {
                return Err("no pod is created for it; does the controller manager of this cluster run?".to_owned());
            }
            Ok(Some(status)) if is_late => {
                let pods = [CLEAN_UP, AGENTS].map(|name| pods(cluster, namespace, name));
                let [cleaning, agents] = pods;
                return judged(&status, &cleaning.await?, &agents.await?, &unseen.unwrap_or_default());
            }
            Ok(None) if is_late => {
                return Err("there is no such DaemonSet, so nothing removes the files; create it first".to_owned());
            }
            Err(error) if is_late => return Err(with_causes(&error)),
            Ok(_) | Err(_) => {}
        }
        if unseen.is_none() && start.elapsed() + UNSEEN >= LIMIT {
            let pods = pods(cluster, namespace, CLEAN_UP).await.ok();
            unseen = pods.map(|pods| pods.into_iter().filter(is_unseen).map(|pod| pod.name).collect());
        }
        sleep(PAUSE).await;
    }
}

/// Whether a pod has a node, whose kubelet has not seen it.
fn is_unseen(pod: &PodSummary) -> bool {
    pod.node.is_some() && !pod.is_seen && !pod.is_over
}

/// What is to be said if not all nodes are clean in time. Nobody can clean a node that is gone: one whose kubelet has not seen its pod
/// for long (`unseen`), or does not end its agent. Beside an agent, no pod that cleans is scheduled.
fn judged(
    status: &DaemonSetStatus,
    cleaning: &[PodSummary],
    agents: &[PodSummary],
    unseen: &[String],
) -> Result<AgentsResult, String> {
    let is_gone = |pod: &&PodSummary| is_unseen(pod) && unseen.contains(&pod.name);
    let stuck: BTreeSet<String> = agents.iter().filter(|agent| agent.is_over).filter_map(node).collect();
    let unreachable: BTreeSet<String> =
        cleaning.iter().filter(is_gone).filter_map(node).chain(stuck.iter().cloned()).collect();
    let running: BTreeSet<String> = agents.iter().filter(|agent| !agent.is_over).filter_map(node).collect();
    let clean: BTreeSet<String> = cleaning.iter().filter(|pod| pod.trouble.is_none()).filter_map(node).collect();
    let faults: BTreeSet<String> = cleaning
        .iter()
        .filter(|pod| node(pod).is_none_or(|node| !clean.contains(&node) && !unreachable.contains(&node)))
        .map(|pod| {
            let ended = pod.trouble.as_deref().unwrap_or("its pod has ended");
            let still_runs = node(pod).is_some_and(|node| running.contains(&node));
            let trouble = if still_runs { "an agent still runs there, and would write the files again" } else { ended };
            format!("{}: {trouble}", place(pod))
        })
        .collect();
    if !faults.is_empty() {
        return Err(faults.into_iter().collect::<Vec<_>>().join("; "));
    }
    let (nodes, desired) = (status.number_ready, status.desired_number_scheduled);
    if nodes as usize + unreachable.len() < desired as usize {
        return Err(format!(
            "{nodes} of {desired} nodes are clean, and not every other one has its pod yet; run this again"
        ));
    }
    Ok(AgentsResult::Cleaned { nodes, unreachable: unreachable.into_iter().collect() })
}

/// The node that a pod runs on, or waits for.
fn node(pod: &PodSummary) -> Option<String> {
    pod.node.clone().or_else(|| pod.meant_for.clone())
}

/// The node of a pod; the pod itself if that is not known.
fn place(pod: &PodSummary) -> String {
    node(pod).unwrap_or_else(|| format!("pod {}", pod.name))
}

/// The pods of a DaemonSet of this project.
async fn pods(cluster: &Cluster, namespace: &str, name: &str) -> Result<Vec<PodSummary>, String> {
    let selector = format!("app.kubernetes.io/name={name}");
    cluster.pods(namespace, &selector).await.map_err(|error| with_causes(&error))
}
