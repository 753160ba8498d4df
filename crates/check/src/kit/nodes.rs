//! Whether each node's file leads to where the registry is, by the word of the agent that runs there.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use local_registry_core::RuntimeHost;
use serde::Deserialize;

use super::service::Target;
use crate::link::Link;
use crate::scope::Scope;
use local_registry_cluster::{Cluster, ClusterError, NodeSummary, PodSummary, ServiceName};
use local_registry_core::text::with_causes;
use local_registry_node::Reading;

/// The labels of the agents' pods in `deploy/nodes`.
const AGENTS: &str = "app.kubernetes.io/name=local-registry-node";
/// The port of their reports.
const PORT: u16 = 8080;
/// How many agents are asked at a time.
const AT_ONCE: usize = 16;
/// How many nodes with trouble have a line of their own.
const SHOWN: usize = 20;

/// What is used of an agent's report.
#[derive(Debug, Deserialize)]
struct Report {
    state: NodeStateName,
    message: String,
    runtime: Option<Runtime>,
    names: Vec<Named>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NodeStateName {
    Declared,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Runtime {
    reads: Reading,
    seen: String,
    remedy: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
    result: String,
    address: Option<String>,
    reason: Option<String>,
    error: Option<String>,
}

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
    let asked = Asked { cluster, namespace: agents, names, cluster_domain, addresses };
    let linux: Vec<&NodeSummary> = all.iter().filter(|node| node.system != "windows").collect();
    let count = linux.len();
    let asking = linux.into_iter().map(|node| {
        let pod = pods.iter().find(|pod| pod.node.as_ref() == Some(&node.name) && !pod.is_over);
        asked.node(node, pod)
    });
    let answers: Vec<_> = futures_util::stream::iter(asking).buffered(AT_ONCE).collect().await;
    let mut bad = Vec::new();
    let mut places = BTreeSet::new();
    for answer in answers {
        match answer {
            Ok(found) => places.extend(found),
            Err(link) => bad.push(link),
        }
    }
    let seen = format!("{} of {count} read a file that leads to where the registry is", count - bad.len());
    let listed: Vec<String> = places.into_iter().collect();
    let seen = if listed.is_empty() { seen } else { format!("{seen}: {}", listed.join(", ")) };
    let summary = if bad.is_empty() { Link::ok("nodes", seen) } else { Link::failed("nodes", seen) };
    let more = bad.len().saturating_sub(SHOWN);
    bad.truncate(SHOWN);
    if more > 0 {
        bad.push(Link::failed("nodes", format!("{more} more have trouble")));
    }
    [vec![summary], bad].concat()
}

/// What every agent is asked about.
struct Asked<'a> {
    cluster: &'a Cluster,
    /// The agents' namespace.
    namespace: &'a str,
    names: &'a [RuntimeHost],
    cluster_domain: &'a str,
    /// The cluster IPs of the Services that a declared name may lead to.
    addresses: Option<Vec<String>>,
}

impl Asked<'_> {
    /// Where the names lead on a node, by its agent; or the link that says what is wrong there.
    async fn node(&self, node: &NodeSummary, pod: Option<&PodSummary>) -> Result<Vec<String>, Link> {
        let subject = format!("node {}", node.name);
        let Some(pod) = pod else {
            let link = Link::failed(&subject, "no agent runs there");
            return Err(link.remedy("see which nodes the DaemonSet local-registry-node leaves out, and why"));
        };
        let namespace = self.namespace;
        let report = self.cluster.ask_pod(namespace, &pod.name, PORT, "/report").await;
        let report =
            report.and_then(|report| serde_json::from_slice::<Report>(&report).map_err(|error| error.to_string()));
        let report = report.map_err(|error| {
            let trouble = if node.is_ready { pod.trouble.as_deref() } else { Some("the node is not ready") };
            let trouble = trouble.map_or_else(String::new, |trouble| format!(" ({trouble})"));
            Link::failed(&subject, format!("its agent does not report: {error}{trouble}"))
                .remedy(format!("see the log of {namespace}/{}", pod.name))
        })?;
        if report.state != NodeStateName::Declared {
            return Err(Link::failed(&subject, format!("its agent says: {}", report.message)));
        }
        let mut places = Vec::new();
        for name in self.names {
            places.extend(
                self.name(name, &report).map_err(|reason| Link::failed(&subject, format!("{name}: {reason}")))?,
            );
        }
        match report.runtime {
            Some(Runtime { reads: Reading::No, seen, remedy }) => Err(Link { remedy, ..Link::failed(&subject, seen) }),
            Some(Runtime { reads: Reading::Unknown, seen, remedy }) => {
                Err(Link { remedy, ..Link::warning(&subject, seen) })
            }
            _ => Ok(places),
        }
    }

    /// Where a name leads by the report, or what is wrong with it.
    fn name(&self, name: &RuntimeHost, report: &Report) -> Result<Option<String>, String> {
        let Some(found) = report.names.iter().find(|found| found.name == name.as_str()) else {
            return Err(format!("its agent does not know the name: {}", report.message));
        };
        if !matches!(found.result.as_str(), "unchanged" | "written" | "left-to-dns") {
            let reason = found.reason.as_deref().or(found.error.as_deref());
            return Err(reason.unwrap_or(&found.result).to_owned());
        }
        if let (Some(address), Some(known)) = (&found.address, &self.addresses)
            && ServiceName::named_by(name, self.cluster_domain).is_some()
            && !known
                .iter()
                .any(|ip| address.contains(&format!("://{ip}:")) || address.contains(&format!("://[{ip}]:")))
        {
            return Err(format!(
                "its file leads to {address}, which is no Service of the registry's namespace (by --address?)"
            ));
        }
        Ok(found.address.clone())
    }
}
