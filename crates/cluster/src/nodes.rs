//! What a node says of itself.

use kube::api::Api;
use serde::Deserialize;

use crate::call::Call;
use crate::connection::Cluster;
use crate::error::ClusterError;
use crate::follow::{Content, Slim};
use crate::named::{Wanted, named};

/// What is used of a Node's `status`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeStatus {
    node_info: NodeInfo,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeInfo {
    container_runtime_version: String,
}

impl Content for NodeStatus {
    const KIND: &'static str = "Node";
    const PLURAL: &'static str = "nodes";
    const FIELD: &'static str = "status";
}

impl Cluster {
    /// The container runtime of a node with its version, as its kubelet says: `containerd://2.1.4`. `None` if there is no such
    /// node, or if it does not say.
    ///
    /// # Errors
    /// A [`ClusterError`] if the node cannot be read.
    pub async fn container_runtime(&self, node: &str) -> Result<Option<String>, ClusterError> {
        let api: Api<Slim<NodeStatus>> = Api::all(self.client.clone());
        let call = Call { subject: format!("Node {node}"), verb: "get", resource: "nodes".to_owned() };
        let wanted = Wanted { namespace: None, name: node, plural: NodeStatus::PLURAL };
        let found = named(&api, wanted, &call).await?;
        let version = found.map(|node| node.into_content().node_info.container_runtime_version);
        Ok(version.filter(|version| !version.is_empty()))
    }
}
