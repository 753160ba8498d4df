//! Whether each node's file leads to where the registry is.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use local_registry_cluster::pods::NodeSummary;
use local_registry_cluster::{Cluster, ClusterError};
use local_registry_core::registry::PORTABLE_HOST;
use local_registry_core::text::with_causes;
use local_registry_declaration::Declared;

use super::agents::{AT_ONCE, Agents};
use super::node::Question;
use super::service::Target;
use crate::link::Link;
use crate::scope::Scope;

/// How many nodes with trouble have a line of their own.
const SHOWN: usize = 20;

/// The links of the nodes. `target` is the Service that the declared name is of: nodes
/// cannot resolve such a name by themselves.
pub(crate) async fn nodes(
    cluster: &Cluster,
    declared: &Declared,
    Scope { agents, cluster_domain, .. }: &Scope,
    target: Option<&Target>,
) -> Vec<Link> {
    let found = match (Agents::find(cluster, agents).await, target) {
        (Ok(found), _) if !found.is_empty() => found,
        (_, None) => return Vec::new(),
        (Ok(_), Some(_)) => {
            let seen = format!("no agent runs in {agents}, and no node resolves the name of a Service");
            let remedy =
                "install the chart with nodes.enabled=true, or name the agents' namespace by --nodes-namespace";
            return vec![Link::failed("nodes", seen).remedy(remedy)];
        }
        (Err(error), Some(_)) => return vec![Link::warning("nodes", with_causes(&error))],
    };
    let known = async {
        let addresses = match target {
            Some(target) => Some(cluster.service_addresses(&target.service.namespace).await?),
            None => None,
        };
        Ok::<_, ClusterError>((cluster.nodes().await?, addresses))
    };
    let (all, addresses) = match known.await {
        Ok(found) => found,
        Err(error) => return vec![Link::warning("nodes", with_causes(&error))],
    };
    // A headless Service has no address, but a word.
    let parsed = |known: Vec<String>| known.iter().filter_map(|address| address.parse().ok()).collect();
    let service_addresses = addresses.map(parsed);
    let (names, portable) = (declared.names(), declared.portable_for_nodes());
    let (names, portable) = (names.as_slice(), portable.as_ref());
    let question = Question { agents: &found, names, portable, cluster_domain, service_addresses };
    let linux: Vec<&NodeSummary> = all.iter().filter(|node| node.system != "windows").collect();
    let count = linux.len();
    let asking = linux.into_iter().map(|node| question.ask(node));
    let answers: Vec<_> = futures_util::stream::iter(asking).buffered(AT_ONCE).collect().await;
    let mut bad = Vec::new();
    let mut addresses = BTreeSet::new();
    let mut older = 0;
    for answer in answers {
        match answer {
            Ok(found) => {
                addresses.extend(found.addresses);
                older += usize::from(!found.knows_portable);
            }
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
    let mut links = [vec![summary], bad].concat();
    if older > 0 {
        let seen =
            format!("{older} of {count} have an agent of an older version, which writes no file for {PORTABLE_HOST}");
        links.push(Link::warning("nodes", seen).remedy("upgrade the chart to this version"));
    }
    links
}
