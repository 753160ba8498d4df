//! Which nodes are asked to pull by the portable name.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use local_registry_cluster::Cluster;
use local_registry_cluster::pods::NodeSummary;
use local_registry_core::registry::PORTABLE_HOST;
use local_registry_node::Report;

use crate::kit::{AT_ONCE, Agents};

/// The names of the nodes whose agent reports the portable name. On any other, nothing leads it to the registry, and the
/// links of the nodes say so where something should.
pub(super) async fn nodes_that_know_it(cluster: &Cluster, agents: &str, nodes: &[NodeSummary]) -> BTreeSet<String> {
    let Ok(agents) = Agents::find(cluster, agents).await else { return BTreeSet::new() };
    let knows = |report: Report| report.names.iter().any(|name| name.name == PORTABLE_HOST);
    let asking = nodes.iter().map(async |node| {
        let report = agents.report(agents.of(node)?).await;
        report.is_ok_and(knows).then(|| node.name.clone())
    });
    futures_util::stream::iter(asking).buffered(AT_ONCE).filter_map(std::future::ready).collect().await
}
