//! `local-registry-sync`: keeps the policy's settings equal to what the cluster declares.

mod arguments;
mod connection;

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{CommandFactory, Parser};
use sync::{
    AllowedHosts, ApplyMode, Cluster, LinkVerdict, Metrics, Patience, Report, Task, Vantage, check, once, probe, serve,
    watch,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use self::arguments::{Arguments, Command, Output};
use self::connection::connect;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
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
    if let Some(Command::Completions { shell }) = arguments.command {
        clap_complete::generate(shell, &mut Arguments::command(), "local-registry-sync", &mut std::io::stdout());
        return Ok(true);
    }
    let cluster = Cluster::new(connect(arguments.context.as_deref()).await?);
    let task = Task {
        policies: arguments.policies.clone(),
        mode: ApplyMode { dry_run: arguments.dry_run, force: arguments.force },
        allowed: AllowedHosts::new(arguments.allowed.clone()),
    };
    if let Some(Command::Check { kubewarden_namespace }) = &arguments.command {
        return check_chain(&cluster, &task, arguments.output, kubewarden_namespace).await;
    }
    if !arguments.watch {
        let report = once(&cluster, &task).await;
        print(&report, arguments.output)?;
        return Ok(report.succeeded());
    }
    let metrics = Arc::new(Metrics::default());
    let patience =
        Patience { settle: Duration::from_secs(arguments.settle), resync: Duration::from_secs(arguments.resync) };
    let mut last = None;
    let show = |report: &Report| {
        metrics.record(report);
        // A report that equals the last one is not printed again.
        if last.as_ref() != Some(report) {
            if let Err(error) = print(report, arguments.output) {
                tracing::error!(%error, "the report cannot be printed");
            }
            last = Some(report.clone());
        }
    };
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be received")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be received")?;
    tokio::select! {
        () = watch(&cluster, &task, patience, show) => {}
        result = listen(arguments.listen, Arc::clone(&metrics)) => result?,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopped");
    Ok(true)
}

async fn check_chain(cluster: &Cluster, task: &Task, output: Output, namespace: &str) -> anyhow::Result<bool> {
    let vantage =
        if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() { Vantage::Inside } else { Vantage::Outside };
    let links = check(cluster, task, namespace, vantage, async |host: &str| probe(host).await).await;
    for link in &links {
        match output {
            Output::Text => println!("{link}"),
            Output::Json => println!("{}", serde_json::to_string(link)?),
        }
    }
    Ok(links.iter().all(|link| link.verdict != LinkVerdict::Failed))
}

async fn listen(address: Option<SocketAddr>, metrics: Arc<Metrics>) -> anyhow::Result<()> {
    match address {
        Some(address) => serve(address, metrics).await.with_context(|| format!("{address}: cannot listen there")),
        None => std::future::pending().await,
    }
}

fn print(report: &Report, output: Output) -> anyhow::Result<()> {
    let text = match output {
        Output::Text => report.to_text(),
        Output::Json => report.to_json_lines()?,
    };
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
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
