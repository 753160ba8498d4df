//! `local-registry-sync` without a command: the sync job.

use std::sync::Arc;
use std::time::Duration;

use local_registry_sync::{Report, Timing, once, watch};
use local_registry_system::{Output, print_line};

use crate::arguments::Arguments;
use crate::connection::cluster;
use crate::metrics::SyncMetrics;
use crate::running::{Changes, listen, until_stopped};

pub(crate) async fn perform(arguments: &Arguments) -> anyhow::Result<bool> {
    let cluster = cluster(arguments).await?;
    let task = arguments.task(&arguments.policies);
    if !arguments.watch {
        let report = once(&cluster, &task).await;
        print_line(&text(&report, arguments.output)?)?;
        return Ok(report.succeeded());
    }
    let metrics = Arc::new(SyncMetrics::default().with_ended_watches(cluster.ended_watches()));
    let timing =
        Timing { settle: Duration::from_secs(arguments.settle), resync: Duration::from_secs(arguments.resync) };
    let mut changes = Changes::default();
    let show = |report: &Report| {
        metrics.record(report);
        changes.show(report, |report| text(report, arguments.output));
    };
    until_stopped(Box::pin(async {
        tokio::select! {
            never = Box::pin(watch(&cluster, &task, timing, show)) => match never {},
            result = listen(arguments.listen, Arc::clone(&metrics)) => result,
        }
    }))
    .await
}

fn text(report: &Report, output: Output) -> serde_json::Result<String> {
    match output {
        Output::Text => Ok(report.to_text()),
        Output::Json => report.to_json_lines(),
    }
}
