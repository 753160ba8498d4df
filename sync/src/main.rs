//! `local-registry-sync`: keeps the policy's settings equal to what the cluster declares.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use sync::{Cluster, Mode, PolicyName, once};
use tracing_subscriber::EnvFilter;

/// Keeps the settings of Kubewarden policies equal to what the cluster declares about its local
/// registry in the ConfigMap kube-public/local-registry-hosting (KEP-1755).
///
/// Applies `spec.settings.host` and `spec.settings.help`, and no other field, by server-side apply.
/// Exit codes: 0 every policy is in line, 1 something failed and was told, 2 bad arguments.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Policy to keep in line: NAME of a ClusterAdmissionPolicy, or NAMESPACE/NAME of an AdmissionPolicy.
    #[arg(
        long = "policy",
        value_name = "[NAMESPACE/]NAME",
        env = "LOCAL_REGISTRY_SYNC_POLICY",
        value_delimiter = ',',
        default_value = "local-registry"
    )]
    policies: Vec<PolicyName>,
    /// Print what would change, and write nothing.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_DRY_RUN")]
    dry_run: bool,
    /// Take the two fields over where another field manager owns them.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_FORCE")]
    force: bool,
    /// How to print the result on stdout; logs go to stderr.
    #[arg(long, value_enum, default_value_t = Output::Text, env = "LOCAL_REGISTRY_SYNC_OUTPUT")]
    output: Output,
    /// How to print logs.
    #[arg(long, value_enum, default_value_t = Output::Text, env = "LOCAL_REGISTRY_SYNC_LOG_FORMAT")]
    log_format: Output,
    /// Context of the kubeconfig, instead of its current one.
    #[arg(long, value_name = "NAME", env = "LOCAL_REGISTRY_SYNC_CONTEXT")]
    context: Option<String>,
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
    let cluster = Cluster::new(connect(arguments.context.as_deref()).await?);
    let mode = Mode { dry_run: arguments.dry_run, force: arguments.force };
    let report = once(&cluster, &arguments.policies, mode).await;
    match arguments.output {
        Output::Text => println!("{}", report.to_text()),
        Output::Json => println!("{}", report.to_json_lines()?),
    }
    Ok(report.succeeded())
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
