//! The command line.

#[cfg(feature = "serve")]
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use local_registry_harness::review::Terms;
use serde_json::{Value, json};

/// Runs the built policy in the engine that the policy server uses.
///
/// A development tool: with a cluster, use Kubewarden's kwctl and policy server.
/// Exit codes: 0 accepted or valid, 1 rejected or invalid, 2 no answer (bad arguments, unreadable files, no policy).
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(Run),
    Settings(Settings),
    #[cfg(feature = "bench")]
    Bench(Bench),
    #[cfg(feature = "serve")]
    Serve(Serve),
}

impl Command {
    /// Whether the command measures time. If so, the program does not log the policy's lines about rejections: writing
    /// them would take most of the time.
    pub(crate) fn is_measured(&self) -> bool {
        match self {
            #[cfg(feature = "bench")]
            Self::Bench(_) => true,
            _ => false,
        }
    }
}

/// Evaluate one request; prints the AdmissionReview with the response on stdout.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) evaluation: Evaluation,
    /// JSON file with an AdmissionReview or an AdmissionRequest; `-` is stdin.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) request_path: PathBuf,
    /// Whether to show on stderr how the object changes; `auto`: if stderr is a terminal.
    #[arg(long, value_enum, default_value_t = When::Auto)]
    pub(crate) diff: When,
}

/// Ask the policy whether settings are valid.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    pub(crate) settings: SettingsSource,
    /// The built policy.
    pub(crate) module: PathBuf,
}

/// Compare the policy's cost with that of a policy that does nothing, request by request.
///
/// Exit code 1 if a ratio is above its limit.
#[cfg(feature = "bench")]
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// The built policy that does nothing.
    #[arg(long, value_name = "FILE")]
    pub(crate) nothing: PathBuf,
    /// Kubewarden's policy server, to measure over HTTP as well.
    #[arg(long, value_name = "FILE", env = "POLICY_SERVER")]
    pub(crate) policy_server: Option<PathBuf>,
    /// How long to send each request, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    pub(crate) seconds: f64,
    /// Multiply every limit by this, for a machine whose ratios are known to differ.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub(crate) scale_limits: f64,
    /// Print a JSON object for each comparison.
    #[arg(long)]
    pub(crate) json: bool,
    /// The built policy.
    pub(crate) module: PathBuf,
}

/// Serve AdmissionReviews at POST /validate/{policy} until SIGTERM.
#[cfg(feature = "serve")]
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) evaluation: Evaluation,
    /// Where to listen. Port 0 means any free port; stdout names it.
    #[arg(long, default_value = "127.0.0.1:8443", value_name = "IP:PORT")]
    pub(crate) address: SocketAddr,
    /// PEM file with the certificate; makes it HTTPS.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's key.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}

/// The arguments of `run` and `serve`.
#[derive(Debug, Args)]
pub(crate) struct Evaluation {
    #[command(flatten)]
    pub(crate) settings: SettingsSource,
    /// The policy's metadata.yml, whose contextAwareResources say what the policy may read. Default: what the module was
    /// annotated with, or policy-metadata/metadata.yml beside it.
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata_path: Option<PathBuf>,
    /// Folder of YAML objects that answers the policy's lookups.
    #[arg(long, value_name = "DIR")]
    pub(crate) objects_path: Option<PathBuf>,
    /// Kubeconfig of a cluster that answers the policy's lookups.
    #[cfg(feature = "cluster")]
    #[arg(long, value_name = "FILE", conflicts_with = "objects_path")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig, instead of its current one.
    #[cfg(feature = "cluster")]
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    pub(crate) context: Option<String>,
    /// Whether the policy may change objects. If not, an object that it would change is rejected.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    mutating: bool,
    /// The message of rejections; the policy's own message becomes their cause.
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// The built policy.
    pub(crate) module: PathBuf,
}

impl Evaluation {
    pub(crate) fn terms(&self) -> Terms {
        Terms { mutating: self.mutating, message: self.message.clone() }
    }
}

/// The policy's settings; `{}` by default.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct SettingsSource {
    /// Settings as JSON.
    #[arg(long, value_name = "JSON")]
    settings_json: Option<String>,
    /// JSON or YAML file with settings.
    #[arg(short, long, value_name = "FILE")]
    settings_path: Option<PathBuf>,
}

impl SettingsSource {
    pub(crate) fn read(&self) -> anyhow::Result<Value> {
        match (&self.settings_json, &self.settings_path) {
            (Some(text), _) => serde_json::from_str(text).context("--settings-json: not valid JSON"),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("{}: the settings cannot be read", path.display()))?;
                serde_saphyr::from_str(&text)
                    .with_context(|| format!("{}: the settings are not valid YAML", path.display()))
            }
            (None, None) => Ok(json!({})),
        }
    }
}

/// When to show something optional.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}
