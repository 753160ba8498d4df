//! The agents of the nodes, and what each reports of its node.

use local_registry_cluster::pods::{NodeSummary, PodSummary};
use local_registry_cluster::{Cluster, ClusterError};
use local_registry_node::Report;

/// The labels of the agents' pods in the chart.
const LABELS: &str = "app.kubernetes.io/name=local-registry-node";
/// The port of the agents' reports.
const PORT: u16 = 8080;
/// How many agents are asked at a time.
pub(crate) const AT_ONCE: usize = 16;

/// The agents of the nodes.
pub(crate) struct Agents<'a> {
    cluster: &'a Cluster,
    pub(super) namespace: &'a str,
    pods: Vec<PodSummary>,
}

impl<'a> Agents<'a> {
    /// The agents that run in a namespace.
    ///
    /// # Errors
    /// A [`ClusterError`] if their pods cannot be listed.
    pub(crate) async fn find(cluster: &'a Cluster, namespace: &'a str) -> Result<Self, ClusterError> {
        Ok(Self { cluster, namespace, pods: cluster.pods(namespace, LABELS).await? })
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    /// The agent of a node, if one runs there.
    pub(crate) fn of(&self, node: &NodeSummary) -> Option<&PodSummary> {
        self.pods.iter().find(|pod| pod.node.as_ref() == Some(&node.name) && !pod.is_over)
    }

    /// What an agent reports.
    ///
    /// # Errors
    /// Why it does not.
    pub(crate) async fn report(&self, pod: &PodSummary) -> Result<Report, String> {
        let report = self.cluster.ask_pod(self.namespace, &pod.name, PORT, "/report").await?;
        serde_json::from_slice(&report).map_err(|error| error.to_string())
    }
}
