//! `local-registry-sync`: keeps policies' settings and nodes' files equal to what the cluster declares.

mod arguments;
mod connection;
mod metrics;
mod node;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::CommandFactory;
use local_registry_check::{LinkVerdict, Location, PullTask, Scope, check, probe, pull};
use local_registry_cluster::{ApplyMode, Cluster};
use local_registry_declaration::AllowedHosts;
use local_registry_sync::{Report, Task, Timing, once, watch};
use local_registry_system::{Ended, Output, print_line};
use tracing_subscriber::EnvFilter;

use self::arguments::{Arguments, CheckArguments, Command, Policies};
use self::connection::connect;
use self::metrics::{Monitored, SyncMetrics, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::from_command_line();
    start_logging(arguments.log_format);
    match perform(&arguments).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn perform(arguments: &Arguments) -> anyhow::Result<bool> {
    match &arguments.command {
        Some(Command::Completions { shell }) => {
            clap_complete::generate(*shell, &mut Arguments::command(), "local-registry-sync", &mut std::io::stdout());
            Ok(true)
        }
        Some(Command::Check(check)) => check_chain(arguments, check).await,
        Some(Command::Node(node)) => node::perform(arguments, node).await,
        None => sync_policies(arguments).await,
    }
}

/// The cluster that the arguments name.
async fn cluster(arguments: &Arguments) -> anyhow::Result<Cluster> {
    Ok(Cluster::new(connect(arguments.context.as_deref()).await?))
}

fn task(arguments: &Arguments, policies: &Policies) -> Task {
    Task {
        policies: policies.names.clone(),
        mode: ApplyMode { dry_run: arguments.dry_run, force: arguments.force },
        allowed: AllowedHosts::new(arguments.allowed.hosts.clone()),
    }
}

async fn sync_policies(arguments: &Arguments) -> anyhow::Result<bool> {
    let cluster = cluster(arguments).await?;
    let task = task(arguments, &arguments.policies);
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

async fn check_chain(arguments: &Arguments, check_arguments: &CheckArguments) -> anyhow::Result<bool> {
    let cluster = cluster(arguments).await?;
    let task = task(arguments, &check_arguments.policies);
    let location = if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        Location::InCluster
    } else {
        Location::OutOfCluster
    };
    let scope = Scope {
        policy_servers: check_arguments.kubewarden_namespace.clone(),
        agents: check_arguments.nodes_namespace.clone(),
        cluster_domain: check_arguments.cluster_domain.clone(),
        location,
    };
    let mut links = check(&cluster, &task, &scope, probe).await;
    if check_arguments.pull {
        let pulling =
            PullTask { namespace: check_arguments.pull_namespace.clone(), image: check_arguments.pull_image.clone() };
        links.extend(pull(&cluster, &pulling, &task.allowed, probe).await);
    }
    for link in &links {
        print_line(&arguments.output.line(link)?)?;
    }
    Ok(links.iter().all(|link| link.verdict != LinkVerdict::Failed))
}

/// Runs until the work ends, or a signal stops it.
async fn until_stopped(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<bool> {
    if let Ended::Done(result) = local_registry_system::until_stopped(work).await? {
        result?;
    }
    tracing::info!("stopped");
    Ok(true)
}

/// Prints reports, but none that equals the last one.
struct Changes<R>(Option<R>);

impl<R> Default for Changes<R> {
    fn default() -> Self {
        Self(None)
    }
}

impl<R: Clone + PartialEq> Changes<R> {
    fn show(&mut self, report: &R, text: impl FnOnce(&R) -> serde_json::Result<String>) {
        if self.0.as_ref() == Some(report) {
            return;
        }
        let printed = text(report).map_err(anyhow::Error::from).and_then(|text| Ok(print_line(&text)?));
        if let Err(error) = printed {
            tracing::error!(%error, "the report cannot be printed");
        }
        self.0 = Some(report.clone());
    }
}

async fn listen<M: Monitored>(address: Option<SocketAddr>, metrics: Arc<M>) -> anyhow::Result<()> {
    match address {
        Some(address) => serve(address, metrics).await.with_context(|| format!("{address}: cannot listen there")),
        None => std::future::pending().await,
    }
}

/// Logs go to stderr, as `RUST_LOG` filters them.
fn start_logging(format: Output) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        Output::Text => builder.init(),
        Output::Json => builder.json().init(),
    }
}
