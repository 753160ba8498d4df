//! Whether each node's file leads to where the registry is.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use local_registry_cluster::pods::NodeSummary;
use local_registry_cluster::{Cluster, ClusterError};
use local_registry_core::RuntimeHost;
use local_registry_core::text::with_causes;

use super::node::Agents;
use super::service::Target;
use crate::link::Link;
use crate::scope::Scope;

/// The labels of the agents' pods in `deploy/nodes`.
const AGENTS: &str = "app.kubernetes.io/name=local-registry-node";
/// How many agents are asked at a time.
const AT_ONCE: usize = 16;
/// How many nodes with trouble have a line of their own.
const SHOWN: usize = 20;

/// The links of the nodes. `target` is the Service that the declared name is of: nodes
/// cannot resolve such a name by themselves.
pub(crate) async fn nodes(
    cluster: &Cluster,
    names: &[RuntimeHost],
    Scope { agents, cluster_domain, .. }: &Scope,
    target: Option<&Target>,
) -> Vec<Link> {
    let pods = match (cluster.pods(agents, AGENTS).await, target) {
        (Ok(pods), _) if !pods.is_empty() => pods,
        (_, None) => return Vec::new(),
        (Ok(_), Some(_)) => {
            let seen = format!("no agent runs in {agents}, and no node resolves the name of a Service");
            let remedy = "install deploy/nodes, or name the agents' namespace by --nodes-namespace";
            return vec![Link::failed("nodes", seen).remedy(remedy)];
        }
        (Err(error), Some(_)) => return vec![Link::warning("nodes", with_causes(&error))],
    };
    let found = async {
        let addresses = match target {
            Some(target) => Some(cluster.service_addresses(&target.service.namespace).await?),
            None => None,
        };
        Ok::<_, ClusterError>((cluster.nodes().await?, addresses))
    };
    let (all, addresses) = match found.await {
        Ok(found) => found,
        Err(error) => return vec![Link::warning("nodes", with_causes(&error))],
    };
    // A headless Service has no address, but a word.
    let parsed = |known: Vec<String>| known.iter().filter_map(|address| address.parse().ok()).collect();
    let service_addresses = addresses.map(parsed);
    let asked = Agents { cluster, namespace: agents, names, cluster_domain, service_addresses };
    let linux: Vec<&NodeSummary> = all.iter().filter(|node| node.system != "windows").collect();
    let count = linux.len();
    let asking = linux.into_iter().map(|node| {
        let pod = pods.iter().find(|pod| pod.node.as_ref() == Some(&node.name) && !pod.is_over);
        asked.node(node, pod)
    });
    let answers: Vec<_> = futures_util::stream::iter(asking).buffered(AT_ONCE).collect().await;
    let mut bad = Vec::new();
    let mut addresses = BTreeSet::new();
    for answer in answers {
        match answer {
            Ok(found) => addresses.extend(found),
            Err(link) => bad.push(link),
        }
    }
    let seen = format!("{} of {count} read a file that leads to where the registry is", count - bad.len());
    let listed: Vec<String> = addresses.into_iter().collect();
    let seen = if listed.is_empty() { seen } else { format!("{seen}: {}", listed.join(", ")) };
    let summary = if bad.is_empty() { Link::ok("nodes", seen) } else { Link::failed("nodes", seen) };
    let more = bad.len().saturating_sub(SHOWN);
    bad.truncate(SHOWN);
    if more > 0 {
        bad.push(Link::failed("nodes", format!("{more} more have trouble")));
    }
    [vec![summary], bad].concat()
}
