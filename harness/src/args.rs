//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use harness::review::Terms;
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
    /// Evaluate one request; prints the AdmissionReview with the response on stdout.
    Run {
        #[command(flatten)]
        evaluation: Evaluation,
        /// JSON file with an AdmissionReview or an AdmissionRequest; `-` is stdin.
        #[arg(short, long, value_name = "FILE")]
        request_path: PathBuf,
        /// Whether to show on stderr how the object changes; `auto`: where that is a terminal.
        #[arg(long, value_enum, default_value_t = When::Auto)]
        diff: When,
    },
    /// Ask the policy whether settings are valid.
    Settings {
        #[command(flatten)]
        settings: SettingsSource,
        /// The built policy.
        module: PathBuf,
    },
    /// Compare the policy's cost with that of a policy that does nothing, request by request.
    ///
    /// Exit code 1 where a ratio is above its limit.
    Bench {
        /// The built policy that does nothing.
        #[arg(long, value_name = "FILE")]
        nothing: PathBuf,
        /// Kubewarden's policy server, to be measured over HTTP as well.
        #[arg(long, value_name = "FILE", env = "POLICY_SERVER")]
        policy_server: Option<PathBuf>,
        /// How long to ask each question, in seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
        seconds: f64,
        /// Print a JSON object for each comparison.
        #[arg(long)]
        json: bool,
        /// The built policy.
        module: PathBuf,
    },
    /// Ask a webhook over many connections at once, and tell its rate, its failures and its memory.
    ///
    /// The webhook is `serve` of this program, or a policy server. Exit code 1 where a request failed.
    Load {
        /// Kubewarden's policy server, in place of `serve`.
        #[arg(long, value_name = "FILE", env = "POLICY_SERVER")]
        policy_server: Option<PathBuf>,
        /// How many connections, each with one request after the other.
        #[arg(long, value_name = "NUMBER", default_value_t = 8)]
        connections: usize,
        /// How long, in seconds; every tenth of it is told.
        #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
        seconds: f64,
        /// The built policy.
        module: PathBuf,
    },
    /// Serve AdmissionReviews at POST /validate/{policy} until SIGTERM.
    Serve {
        #[command(flatten)]
        evaluation: Evaluation,
        /// Where to listen; port 0 takes a free one, which stdout names.
        #[arg(long, default_value = "127.0.0.1:8443", value_name = "IP:PORT")]
        address: SocketAddr,
        /// PEM file with the certificate; makes it HTTPS.
        #[arg(long, value_name = "FILE", requires = "tls_key")]
        tls_cert: Option<PathBuf>,
        /// PEM file with the certificate's key.
        #[arg(long, value_name = "FILE", requires = "tls_cert")]
        tls_key: Option<PathBuf>,
    },
}

/// What an evaluation needs.
#[derive(Debug, Args)]
pub(crate) struct Evaluation {
    #[command(flatten)]
    pub(crate) settings: SettingsSource,
    /// The policy's metadata.yml, whose contextAwareResources say what the policy may read; without it,
    /// what the module was annotated with, or policy-metadata/metadata.yml beside the module.
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata_path: Option<PathBuf>,
    /// Folder of YAML objects that answers the policy's lookups.
    #[arg(long, value_name = "DIR", conflicts_with = "kubeconfig")]
    pub(crate) objects_path: Option<PathBuf>,
    /// Kubeconfig of a cluster that answers the policy's lookups.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig, instead of its current one.
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    pub(crate) context: Option<String>,
    /// Whether the policy may change objects; where it may not, an object that it would change is rejected.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    mutating: bool,
    /// What rejections say in place of the policy's own message, which becomes their cause.
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

/// The policy's settings; `{}` where neither is given.
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

/// When something optional is shown.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}
