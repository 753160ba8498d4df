//! `local-registry-sync` without a command: the sync job.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use local_registry_cluster::Cluster;
use local_registry_sync::aliases::{self, AliasTask, AliasesReport};
use local_registry_sync::crds::CrdReport;
use local_registry_sync::{Report, Task, Timing, once, watch, watch_safeguards};
use local_registry_system::{Output, print_line};

use crate::arguments::Arguments;
use crate::connection::cluster;
use crate::crds::{add_all, watch_all};
use crate::metrics::SyncMetrics;
use crate::running::{Changes, listen, print_report, until_stopped};

pub(crate) async fn perform(arguments: &Arguments) -> anyhow::Result<bool> {
    let cluster = cluster(arguments).await?;
    let task = arguments.task(&arguments.policies);
    if !arguments.watch {
        return Box::pin(perform_once(arguments, &cluster, &task)).await;
    }
    let mut metrics = SyncMetrics::default().with_ended_watches(cluster.ended_watches());
    if arguments.crds {
        metrics = metrics.with_crds();
    }
    if arguments.alias {
        metrics = metrics.with_aliases();
    }
    let metrics = Arc::new(metrics);
    let timing =
        Timing { settle: Duration::from_secs(arguments.settle), resync: Duration::from_secs(arguments.resync) };
    let mut changes = Changes::default();
    let show = |report: &Report| {
        metrics.record(report);
        changes.show(report, |report| text(report, arguments.output));
    };
    let servers = arguments.kubewarden_namespace.as_str();
    until_stopped(Box::pin(async {
        tokio::select! {
            never = Box::pin(watch(&cluster, &task, timing, show)) => match never {},
            never = Box::pin(watch_all(&cluster, arguments, &metrics)), if arguments.crds => match never {},
            never = Box::pin(watch_aliases(&cluster, alias_task(arguments, &task), arguments.output, timing, &metrics)), if arguments.alias => match never {},
            never = Box::pin(watch_safeguards(&cluster, &task.policies, servers, timing.resync, |found| metrics.set_safeguards(found))) => match never {},
            result = listen(arguments.listen, Arc::clone(&metrics)) => result,
        }
    }))
    .await
}

fn alias_task<'a>(arguments: &'a Arguments, task: &'a Task) -> AliasTask<'a> {
    AliasTask { allowed: &task.allowed, cluster_domain: &arguments.cluster_domain, dry_run: arguments.dry_run }
}

/// Keeps the aliases in line. Each report has all that fails, and what was printed before is not printed again.
async fn watch_aliases(
    cluster: &Cluster,
    task: AliasTask<'_>,
    output: Output,
    timing: Timing,
    metrics: &SyncMetrics,
) -> Infallible {
    let mut last = None;
    let show = |report: &AliasesReport| {
        metrics.record_aliases(report);
        if let Some(news) = report.news_since(last.as_ref()) {
            print_report(output.line(&news));
        }
        last = Some(report.clone());
    };
    aliases::watch(cluster, task, timing, show).await
}

async fn perform_once(arguments: &Arguments, cluster: &Cluster, task: &Task) -> anyhow::Result<bool> {
    let crds = async { if arguments.crds { add_all(cluster, arguments.dry_run).await } else { Vec::new() } };
    let aliases =
        async { if arguments.alias { Some(aliases::once(cluster, alias_task(arguments, task)).await) } else { None } };
    // At once: none waits for another where the API server does not answer.
    let (report, crds, aliases) = tokio::join!(once(cluster, task), crds, aliases);
    print_line(&text(&report, arguments.output)?)?;
    for crd in &crds {
        print_line(&arguments.output.line(crd)?)?;
    }
    if let Some(aliases) = &aliases {
        print_line(&arguments.output.line(aliases)?)?;
    }
    let crds_succeeded = crds.iter().all(CrdReport::succeeded);
    Ok(report.succeeded() && crds_succeeded && aliases.is_none_or(|aliases| aliases.succeeded()))
}

fn text(report: &Report, output: Output) -> serde_json::Result<String> {
    match output {
        Output::Text => Ok(report.to_text()),
        Output::Json => report.to_json_lines(),
    }
}
