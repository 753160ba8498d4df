//! `local-registry-sync`: keeps the policy's settings equal to what the cluster declares.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use sync::{
    AllowedHosts, Cluster, HostPattern, Metrics, Mode, Patience, Place, PolicyName, Report, Task, Verdict, check, once,
    probe, serve, watch,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Keeps the settings of Kubewarden policies equal to what the cluster declares about its local
/// registry in the ConfigMap kube-public/local-registry-hosting (KEP-1755).
///
/// Applies `spec.settings.host` and `spec.settings.help`, and no other field, by server-side apply.
/// Exit codes: 0 every policy is in line, 1 something failed and was told, 2 bad arguments.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Policy to keep in line: NAME of a ClusterAdmissionPolicy, or NAMESPACE/NAME of an AdmissionPolicy.
    #[arg(
        long = "policy",
        value_name = "[NAMESPACE/]NAME",
        env = "LOCAL_REGISTRY_SYNC_POLICY",
        value_delimiter = ',',
        default_value = "local-registry",
        global = true
    )]
    policies: Vec<PolicyName>,
    /// Registry host that the cluster may declare, such as kind-registry:5000 or *.svc.cluster.local:5000, where `*`
    /// stands for any characters but `:`. Any other is an error and changes nothing. May be repeated; all by default.
    #[arg(
        long = "allow-host",
        value_name = "PATTERN",
        env = "LOCAL_REGISTRY_SYNC_ALLOW_HOST",
        value_delimiter = ',',
        global = true
    )]
    allowed: Vec<HostPattern>,
    /// Keep running, and follow the ConfigMap, until SIGTERM.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_WATCH")]
    watch: bool,
    /// With --watch: how long a change of the ConfigMap has to be stable before it is written, in seconds.
    /// Each change of settings rolls the policy server. What is declared at the start is written at once.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=YEAR), env = "LOCAL_REGISTRY_SYNC_SETTLE")]
    settle: u64,
    /// With --watch: how often the policies are looked at again, in seconds. A ConfigMap that cannot be read for
    /// longer than that is reported as unknown.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=YEAR), env = "LOCAL_REGISTRY_SYNC_RESYNC")]
    resync: u64,
    /// With --watch: where to serve /healthz, /readyz and /metrics; nowhere by default.
    #[arg(long, value_name = "IP:PORT", requires = "watch", env = "LOCAL_REGISTRY_SYNC_LISTEN")]
    listen: Option<SocketAddr>,
    /// Print what would change, and write nothing.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_DRY_RUN")]
    dry_run: bool,
    /// Take the two fields over where another field manager owns them.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_FORCE")]
    force: bool,
    /// How to print the result on stdout; logs go to stderr.
    #[arg(long, value_enum, default_value_t = Output::Text, env = "LOCAL_REGISTRY_SYNC_OUTPUT", global = true)]
    output: Output,
    /// How to print logs.
    #[arg(long, value_enum, default_value_t = Output::Text, env = "LOCAL_REGISTRY_SYNC_LOG_FORMAT", global = true)]
    log_format: Output,
    /// Context of the kubeconfig, instead of its current one.
    #[arg(long, value_name = "NAME", env = "LOCAL_REGISTRY_SYNC_CONTEXT", global = true)]
    context: Option<String>,
}

/// The longest time that makes sense, in seconds; far from where clocks overflow.
const YEAR: u64 = 365 * 86_400;

#[derive(Debug, Subcommand)]
enum Command {
    /// Follow the whole chain, from the ConfigMap to the policy, and say how to mend each link.
    ///
    /// Exit codes: 0 every link holds (✓) or may hold (!), 1 one does not (✗).
    Check {
        /// Namespace in which Kubewarden's policy servers run.
        #[arg(
            long,
            value_name = "NAME",
            default_value = "kubewarden",
            env = "LOCAL_REGISTRY_SYNC_KUBEWARDEN_NAMESPACE"
        )]
        kubewarden_namespace: String,
    },
    /// Print a script that completes the arguments in a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

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
        mode: Mode { dry_run: arguments.dry_run, force: arguments.force },
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
    let tell = |report: &Report| {
        metrics.record(report);
        // A report that says nothing new is not worth a line.
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
        () = watch(&cluster, &task, patience, tell) => {}
        result = listen(arguments.listen, Arc::clone(&metrics)) => result?,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopped");
    Ok(true)
}

async fn check_chain(cluster: &Cluster, task: &Task, output: Output, namespace: &str) -> anyhow::Result<bool> {
    let place = if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() { Place::Inside } else { Place::Outside };
    let links = check(cluster, task, namespace, place, async |host: &str| probe(host).await).await;
    for link in &links {
        match output {
            Output::Text => println!("{link}"),
            Output::Json => println!("{}", serde_json::to_string(link)?),
        }
    }
    Ok(links.iter().all(|link| link.verdict != Verdict::Failed))
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

/// In a cluster as its service account, elsewhere as the kubeconfig says.
async fn connect(context: Option<&str>) -> anyhow::Result<Client> {
    let config = match context {
        None => Config::infer().await.context("no cluster: neither a service account nor a usable kubeconfig")?,
        Some(context) => {
            let kubeconfig = Kubeconfig::read().context("no cluster: no usable kubeconfig")?;
            let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
            Config::from_custom_kubeconfig(kubeconfig, &options).await.context("no cluster: no usable kubeconfig")?
        }
    };
    Client::try_from(config).context("no cluster: the connection cannot be set up")
}

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
