//! The command line.

use std::net::SocketAddr;

use clap::{Parser, Subcommand, ValueEnum};
use sync::{HostPattern, PolicyName};

/// Keeps the settings of Kubewarden policies equal to what the cluster declares about its local
/// registry in the ConfigMap kube-public/local-registry-hosting (KEP-1755).
///
/// Applies `spec.settings.host` and `spec.settings.help`, and no other field, by server-side apply.
/// Exit codes: 0 every policy is in line or left alone, 1 something failed and the output says what, 2 bad arguments.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Policy to keep in line: NAME of a ClusterAdmissionPolicy, or NAMESPACE/NAME of an AdmissionPolicy. May be
    /// repeated.
    #[arg(
        long = "policy",
        value_name = "[NAMESPACE/]NAME",
        env = "LOCAL_REGISTRY_SYNC_POLICY",
        value_delimiter = ',',
        default_value = "local-registry",
        global = true
    )]
    pub(crate) policies: Vec<PolicyName>,
    /// Registry host that the cluster may declare, such as kind-registry:5000 or *.svc.cluster.local:5000, where `*`
    /// stands for any characters but `:`. Any other host is an error and changes nothing. May be repeated. By default,
    /// every host is allowed.
    #[arg(
        long = "allow-host",
        value_name = "PATTERN",
        env = "LOCAL_REGISTRY_SYNC_ALLOW_HOST",
        value_delimiter = ',',
        global = true
    )]
    pub(crate) allowed: Vec<HostPattern>,
    /// Keep running and follow the ConfigMap, until SIGTERM or SIGINT.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_WATCH")]
    pub(crate) watch: bool,
    /// With --watch: how long the ConfigMap has to be unchanged before a change of it is written, in seconds.
    /// Each change of settings rolls the policy server. What is declared at the start is written at once.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=YEAR), env = "LOCAL_REGISTRY_SYNC_SETTLE")]
    pub(crate) settle: u64,
    /// With --watch: how often the policies are read again, in seconds. A ConfigMap that cannot be read for longer than
    /// that is reported as unknown.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=YEAR), env = "LOCAL_REGISTRY_SYNC_RESYNC")]
    pub(crate) resync: u64,
    /// With --watch: address at which to serve /healthz, /readyz and /metrics. By default, they are not served.
    #[arg(long, value_name = "IP:PORT", requires = "watch", env = "LOCAL_REGISTRY_SYNC_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// Print what would change, and write nothing.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_DRY_RUN")]
    pub(crate) dry_run: bool,
    /// Take the two fields over if another field manager owns them.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_FORCE")]
    pub(crate) force: bool,
    /// How to print the result on stdout; logs go to stderr.
    #[arg(long, value_enum, default_value_t = Output::Text, env = "LOCAL_REGISTRY_SYNC_OUTPUT", global = true)]
    pub(crate) output: Output,
    /// How to print logs.
    #[arg(long, value_enum, default_value_t = Output::Text, env = "LOCAL_REGISTRY_SYNC_LOG_FORMAT", global = true)]
    pub(crate) log_format: Output,
    /// Context of the kubeconfig. By default, its current context; without a kubeconfig, the service account of the pod.
    #[arg(long, value_name = "NAME", env = "LOCAL_REGISTRY_SYNC_CONTEXT", global = true)]
    pub(crate) context: Option<String>,
}

/// The longest time that may be asked for, in seconds. No clock overflows after it.
const YEAR: u64 = 365 * 86_400;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Follow the whole chain, from the ConfigMap to the policy, and say how to fix each link.
    ///
    /// Exit codes: 0 every link holds (✓) or may hold (!), 1 a link does not hold (✗), 2 bad arguments.
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
pub(crate) enum Output {
    Text,
    Json,
}
