//! `local-registry-sync credentials`: credentials that make themselves.

use std::sync::Arc;
use std::time::Duration;

use local_registry_cluster::Cluster;
use local_registry_cluster::follow::Timing;
use local_registry_declaration::AllowedHosts;
use local_registry_system::print_line;
use local_registry_tenants::credentials::{Clock, CredentialsReport, CredentialsTask, once, revoke_and_remove, watch};

use crate::arguments::{Arguments, CredentialsArguments};
use crate::connection::cluster;
use crate::metrics::CredentialMetrics;
use crate::running::{listen, print_report, until_stopped};

pub(crate) async fn perform(arguments: &Arguments, credentials: &CredentialsArguments) -> anyhow::Result<bool> {
    let cluster = cluster(arguments).await?;
    if credentials.remove {
        return Box::pin(remove(arguments, credentials, &cluster)).await;
    }
    let allowed = AllowedHosts::new(arguments.allowed.hosts.clone());
    let task = CredentialsTask {
        allowed: &allowed,
        authority: credentials.ca.as_deref(),
        lifetime: Duration::from_secs(credentials.lifetime),
        clock: Clock::start(),
        dry_run: credentials.dry_run,
    };
    if !credentials.watch {
        let report = Box::pin(once(&cluster, task)).await;
        print_line(&arguments.output.line(&report)?)?;
        return Ok(report.succeeded());
    }
    let metrics = Arc::new(CredentialMetrics::default().with_ended_watches(cluster.ended_watches()));
    let timing =
        Timing { settle: Duration::from_secs(credentials.settle), resync: Duration::from_secs(credentials.resync) };
    let mut last = None;
    let show = |report: &CredentialsReport| {
        metrics.record(report);
        if let Some(news) = report.news_since(last.as_ref()) {
            print_report(arguments.output.line(&news));
        }
        last = Some(report.clone());
    };
    until_stopped(Box::pin(async {
        tokio::select! {
            never = Box::pin(watch(&cluster, task, timing, show)) => match never {},
            result = listen(credentials.listen, Arc::clone(&metrics)) => result,
        }
    }))
    .await
}

async fn remove(arguments: &Arguments, credentials: &CredentialsArguments, cluster: &Cluster) -> anyhow::Result<bool> {
    let (revocation, report) = revoke_and_remove(cluster, &credentials.revoke, credentials.dry_run).await;
    print_line(&arguments.output.line(&revocation)?)?;
    let Some(report) = report else { return Ok(false) };
    print_line(&arguments.output.line(&report)?)?;
    Ok(report.succeeded())
}
