//! `local-registry-sync agents`: how the nodes' agents are taken away.

use local_registry_node::{await_clean_nodes, stop_agents};
use local_registry_system::print_line;

use crate::arguments::{AgentsArguments, AgentsStep, Arguments};
use crate::connection::cluster;

pub(crate) async fn perform(arguments: &Arguments, agents: &AgentsArguments) -> anyhow::Result<bool> {
    let cluster = cluster(arguments).await?;
    let report = match agents.step {
        AgentsStep::Stop => stop_agents(&cluster, &agents.namespace).await,
        AgentsStep::Cleaned => await_clean_nodes(&cluster, &agents.namespace).await,
    };
    print_line(&arguments.output.line(&report)?)?;
    Ok(report.succeeded())
}
