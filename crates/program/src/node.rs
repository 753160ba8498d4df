//! `local-registry-sync node`: the agent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use clap::CommandFactory;
use clap::error::ErrorKind;
use local_registry_core::RuntimeHost;
use local_registry_declaration::AllowedHosts;
use local_registry_node::{AddressRule, NodeTask, Paths, Report, Runtime, clean_up, follow, once};
use local_registry_system::{Output, print_line};

use crate::arguments::{Arguments, NodeArguments, RuntimeName};
use crate::connection::cluster;
use crate::metrics::NodeMetrics;
use crate::running::{Changes, listen, until_stopped};

pub(crate) async fn perform(arguments: &Arguments, node: &NodeArguments) -> anyhow::Result<bool> {
    let task = task(arguments, node);
    let text = |report: &Report| match arguments.output {
        Output::Text => Ok(report.to_text()),
        Output::Json => report.to_json(),
    };
    let is_once = node.once || node.dry_run;
    if node.clean_up {
        let report = clean_up(&task);
        print_line(&text(&report)?)?;
        if is_once || !report.succeeded() {
            return Ok(report.succeeded());
        }
        let metrics = Arc::new(NodeMetrics::default());
        metrics.record(&report);
        return until_stopped(listen(node.listen, metrics)).await;
    }
    let cluster = cluster(arguments).await?;
    if is_once {
        let report = once(&cluster, &task).await;
        print_line(&text(&report)?)?;
        return Ok(report.succeeded());
    }
    let metrics = Arc::new(NodeMetrics::default().with_ended_watches(cluster.ended_watches()));
    let mut changes = Changes::default();
    let show = |report: &Report| {
        metrics.record(report);
        changes.show(report, text);
    };
    until_stopped(Box::pin(async {
        tokio::select! {
            result = Box::pin(follow(&cluster, &task, Duration::from_secs(node.resync), show)) => Ok(result?),
            result = listen(node.listen, Arc::clone(&metrics)) => result,
        }
    }))
    .await
}

fn task(arguments: &Arguments, node: &NodeArguments) -> NodeTask {
    let runtime = match node.runtime {
        RuntimeName::Containerd => Runtime::Containerd,
        RuntimeName::CriO => Runtime::CriO,
    };
    if runtime == Runtime::CriO && node.ca.is_some() {
        let message =
            "--ca: CRI-O takes certificate authorities from /etc/containers/certs.d; put it there, and leave --ca out";
        Arguments::command().error(ErrorKind::ArgumentConflict, message).exit();
    }
    if let Some(twice) = twice(&node.addresses) {
        let message = format!("--address: there are two for {twice}; leave one out");
        Arguments::command().error(ErrorKind::ArgumentConflict, message).exit();
    }
    NodeTask {
        node: node.node_name.clone().filter(|name| !name.is_empty()),
        runtime,
        paths: Paths {
            root: node.host_root.clone(),
            certs: node.certs_dir.clone(),
            containerd_config: node.containerd_config.clone(),
            registries: node.registries_dir.clone(),
        },
        addresses: node.addresses.clone(),
        cluster_domain: node.cluster_domain.clone(),
        ca: node.ca.clone(),
        dry_run: node.dry_run,
        allowed: AllowedHosts::new(arguments.allowed.hosts.clone()),
    }
}

/// The name that two of the rules are about.
fn twice(rules: &[AddressRule]) -> Option<&RuntimeHost> {
    let mut seen = BTreeSet::new();
    rules.iter().map(AddressRule::name).find(|name| !seen.insert(*name))
}
