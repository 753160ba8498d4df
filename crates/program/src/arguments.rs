//! The command line.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use local_registry_check::Password;
use local_registry_cluster::objects::ResourceName;
use local_registry_cluster::policies::{ApplyMode, PolicyName};
use local_registry_core::RuntimeHost;
use local_registry_core::text::is_object_name;
use local_registry_declaration::{AllowedHosts, HostPattern};
use local_registry_node::AddressRule;
use local_registry_sync::Task;
use local_registry_system::Output;
use local_registry_tenants::{AUDIENCE, SecretName};

/// Keeps the settings of Kubewarden policies equal to what the cluster declares about its local
/// registry in the ConfigMap kube-public/local-registry-hosting (KEP-1755).
///
/// Applies `host`, `runtimeHost` and `help` of `spec.settings`, and no other field, by server-side apply. With --crds,
/// also keeps the field `local` in Shipwright's custom resource definitions; with --alias, the Services by which plain pods push.
/// Exit codes: 0 every policy, CRD and alias is in line or left alone, 1 something failed and the output says what, 2 bad arguments.
#[derive(Debug, Parser)]
#[command(name = "local-registry-sync", version)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) policies: Policies,
    /// Keep the field `local` beside each image in Shipwright's CRDs, too: whatever installs or upgrades Shipwright puts CRDs
    /// without it there.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_CRDS")]
    pub(crate) crds: bool,
    /// Keep the Service `local-registry`, which leads plain pods to the declared registry, in every namespace with the label
    /// local-registry-hosting/alias=true, too. For a registry that is a Service on port 5000.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_ALIAS")]
    pub(crate) alias: bool,
    /// With --alias: the cluster's DNS domain. An alias leads to no name outside of it.
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local", value_parser = domain, env = "LOCAL_REGISTRY_SYNC_CLUSTER_DOMAIN")]
    pub(crate) cluster_domain: String,
    /// Keep running and follow the ConfigMap, until SIGTERM or SIGINT.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_WATCH")]
    pub(crate) watch: bool,
    /// With --watch: how long the ConfigMap has to be unchanged before a change of it is written, in seconds.
    /// Each change of settings rolls the policy server. What is declared at the start is written at once.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=YEAR), env = "LOCAL_REGISTRY_SYNC_SETTLE")]
    pub(crate) settle: u64,
    /// With --watch: how often the policies are read again, in seconds. What cannot be read for longer than that is reported
    /// as unknown.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=YEAR), env = "LOCAL_REGISTRY_SYNC_RESYNC")]
    pub(crate) resync: u64,
    /// With --watch: namespace in which Kubewarden's policy servers run. The metrics say whether the API server asks them.
    #[arg(long, value_name = "NAME", default_value = "kubewarden", value_parser = namespace, env = "LOCAL_REGISTRY_SYNC_KUBEWARDEN_NAMESPACE")]
    pub(crate) kubewarden_namespace: String,
    /// With --watch: address at which to serve /healthz, /readyz and /metrics. By default, they are not served.
    #[arg(long, value_name = "IP:PORT", env = "LOCAL_REGISTRY_SYNC_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// Print what would change, and write nothing.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_DRY_RUN")]
    pub(crate) dry_run: bool,
    /// Take the three fields over if another field manager owns them.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_FORCE")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) allowed: Allowed,
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

impl Arguments {
    /// Reads the command line, or says what is wrong with it and ends the program.
    pub(crate) fn from_command_line() -> Self {
        let matches = Self::command().get_matches();
        if let Some((option, command)) = misplaced(&matches) {
            let message = format!(
                "{option}: before `{command}`, it is an option of the sync job; leave it out, or write it after `{command}` if that has it"
            );
            Self::command().error(ErrorKind::ArgumentConflict, message).exit();
        }
        let arguments = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let is_idle = match &arguments.command {
            None => arguments.listen.is_some() && !arguments.watch,
            Some(Command::Credentials(credentials)) => credentials.listen.is_some() && !credentials.watch,
            Some(_) => false,
        };
        if is_idle {
            let message =
                "--listen: there is nothing to listen for without --watch; add --watch, or leave --listen out";
            Self::command().error(ErrorKind::MissingRequiredArgument, message).exit();
        }
        arguments
    }

    /// What is to be done with policies.
    pub(crate) fn task(&self, policies: &Policies) -> Task {
        Task {
            policies: policies.names.clone(),
            mode: ApplyMode { dry_run: self.dry_run, force: self.force },
            allowed: AllowedHosts::new(self.allowed.hosts.clone()),
        }
    }
}

/// An option of the sync job that stands before a command, and that command. Options that every command has may stand there.
fn misplaced(matches: &ArgMatches) -> Option<(String, &str)> {
    let (command, _) = matches.subcommand()?;
    let arguments = Arguments::command();
    let is_misplaced = |argument: &&clap::Arg| {
        !argument.is_global_set() && matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine)
    };
    let found = arguments.get_arguments().find(is_misplaced)?;
    Some((format!("--{}", found.get_long()?), command))
}

/// Which policies.
#[derive(Debug, Clone, Args)]
pub(crate) struct Policies {
    /// Policy to keep in line: NAME of a ClusterAdmissionPolicy, or NAMESPACE/NAME of an AdmissionPolicy. May be
    /// repeated.
    #[arg(
        long = "policy",
        value_name = "[NAMESPACE/]NAME",
        env = "LOCAL_REGISTRY_SYNC_POLICY",
        value_delimiter = ',',
        default_value = "local-registry"
    )]
    pub(crate) names: Vec<PolicyName>,
}

/// What a cluster may declare.
#[derive(Debug, Clone, Args)]
pub(crate) struct Allowed {
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
    pub(crate) hosts: Vec<HostPattern>,
}

/// The longest time that may be asked for, in seconds. No clock overflows after it.
const YEAR: u64 = 365 * 86_400;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Follow the whole chain, from the ConfigMap to the policy, and say how to fix each link.
    ///
    /// Exit codes: 0 every link holds (✓) or may hold (!), 1 a link does not hold (✗), 2 bad arguments.
    Check(CheckArguments),
    /// Keep the container runtime's files on this node equal to where the declared registry is.
    ///
    /// Runs until SIGTERM or SIGINT, which remove nothing. A file whose first line does not say that it is the agent's is
    /// never touched. Exit codes: 0 stopped by a signal, or with --once: every name is in line; 1 something failed and
    /// the output says what; 2 bad arguments.
    Node(NodeArguments),
    /// Take the agents off all nodes, in two steps, as an uninstall of the chart does.
    ///
    /// Before `cleaned`, there must be a DaemonSet `local-registry-node-clean-up` whose pods run `node --clean-up`. A node whose
    /// kubelet does not answer is named, and is no failure. Exit codes: 0 the step is done, 1 it is not, and the output says why,
    /// 2 bad arguments.
    Agents(AgentsArguments),
    /// Remove every alias `local-registry` that a sync job has made.
    ///
    /// A Service of that name that somebody else has made stays. Exit codes: 0 no alias is left, 1 something failed and the output
    /// says what, 2 bad arguments.
    Aliases(AliasesArguments),
    /// Let the registry of the chart take no writes while a Job collects its garbage. Pulls go on.
    ///
    /// Waits for a Job with the label app.kubernetes.io/name=registry-garbage-collection, scales the Deployment `registry` to nothing
    /// and `registry-collecting`, which takes no writes, to its size. Undoes that when no such Job is left. If it is stopped in the
    /// middle, run it again: it goes on. Exit codes: 0 the registry takes writes, 1 something failed or a signal stopped it, 2 bad
    /// arguments.
    Collection(CollectionArguments),
    /// Add the field `local` to Shipwright's CRDs, once, or remove it again.
    ///
    /// Changes nothing else of a CRD. Adds nothing to one whose images are not where they are known to be, and names what it
    /// cannot remove there. Exit codes: 0 every CRD is as it should be, or is not there, 1 something failed and the output says
    /// what, 2 bad arguments.
    Crds(CrdsArguments),
    /// Keep credentials in every namespace with the label local-registry-hosting/push=true, by which builds push to the declared
    /// registry.
    ///
    /// Each consists of a ServiceAccount, a RoleBinding and a Secret `local-registry-push` with a token, which is renewed at two
    /// thirds of its life. What somebody else has made under that name stays as it is. Exit codes: 0 all credentials are in line, or
    /// stopped by a signal; 1 something failed and the output says what; 2 bad arguments.
    Credentials(CredentialsArguments),
    /// Delete old images of the declared registry: all but the newest of each repository, and but those that the cluster names.
    ///
    /// Without --confirm, only prints what would be deleted. An image stays if any object of the cluster names it by tag or digest: pods
    /// and whatever makes pods, Knative's services and revisions, Shipwright's builds and runs, Tekton's tasks, pipelines and runs,
    /// and Kubewarden's policies. ConfigMaps, Secrets, and the objects of other clusters are not read. A repository of which something
    /// cannot be read is left as it is. The space is free after a garbage collection. Exit codes: 0 everything was read, and what was to
    /// go is gone; 1 something failed and the output says what; 2 bad arguments.
    Prune(PruneArguments),
    /// Find broken entries in the files of a registry, and fix or leave out each, so that a garbage collection can go on.
    ///
    /// The registry may take no writes meanwhile. Prints a line for each broken entry. Exit codes: 0 nothing is broken any
    /// more that would end a garbage collection, 1 the files cannot be read or written, 2 bad arguments.
    Repair(RepairArguments),
    /// Give out the tokens with which a registry lets clients pull, push and delete, by the cluster's RBAC.
    ///
    /// The password of a client is a Kubernetes token. Each right that it asks for is one on the resource `repositories` of the group
    /// registry.local-registry-hosting: verb `pull`, `push` or `delete`, namespace and name from the two parts of the repository's
    /// name. Runs until SIGTERM or SIGINT. Exit codes: 0 stopped by a signal, 1 something failed and the output says what, 2 bad
    /// arguments.
    Token(TokenArguments),
    /// Print a script that completes the arguments in a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CrdsArguments {
    /// Remove the field, where this program or an earlier version of it has added it. Delete the sync job first, or take its
    /// right by --revoke: with --crds, it would add the field again.
    #[arg(long)]
    pub(crate) remove: bool,
    /// With --remove: ClusterRoleBinding that lets a sync job write CRDs. It is deleted first, so that a job that still runs
    /// cannot add the field again, and the field has to stay away for three seconds then. If it is back again and again for 30
    /// seconds, that is an error.
    #[arg(long, value_name = "NAME", requires = "remove", value_parser = binding)]
    pub(crate) revoke: Option<String>,
    /// Print what would change, and write nothing.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_DRY_RUN")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AgentsArguments {
    /// The step.
    #[arg(value_enum)]
    pub(crate) step: AgentsStep,
    /// Namespace in which the agents run.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "local-registry-nodes",
        value_parser = namespace,
        env = "LOCAL_REGISTRY_SYNC_NODES_NAMESPACE"
    )]
    pub(crate) namespace: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AgentsStep {
    /// Delete the DaemonSet `local-registry-node`, and wait until its pods are gone. The nodes' files stay.
    Stop,
    /// Wait until the pods of `local-registry-node-clean-up` have removed the files on every node.
    Cleaned,
}

#[derive(Debug, Args)]
pub(crate) struct AliasesArguments {
    /// What to do with them.
    #[arg(value_enum)]
    pub(crate) step: AliasesStep,
    /// ClusterRoleBinding that lets a sync job keep aliases. It is deleted first, so that a job that still runs cannot make them
    /// again, and they have to stay away for three seconds then.
    #[arg(long, value_name = "NAME", default_value = "local-registry-sync-alias", value_parser = binding)]
    pub(crate) revoke: String,
    /// Print what would change, and write nothing.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_DRY_RUN")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AliasesStep {
    /// Remove them for good.
    Remove,
}

#[derive(Debug, Args)]
pub(crate) struct CredentialsArguments {
    /// Keep running and follow the ConfigMap and the namespaces, until SIGTERM or SIGINT.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_WATCH")]
    pub(crate) watch: bool,
    /// File with the certificate authority of the registry, in PEM. Its certificates are in each Secret, as `ca.crt`.
    #[arg(long, value_name = "FILE", env = "LOCAL_REGISTRY_SYNC_CA")]
    pub(crate) ca: Option<PathBuf>,
    /// How long tokens are to live, in seconds: an hour at least. The API server may give them a shorter life.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(3_600..=YEAR), env = "LOCAL_REGISTRY_SYNC_LIFETIME")]
    pub(crate) lifetime: u64,
    /// With --watch: how long the ConfigMap has to be unchanged before a change of it counts, in seconds. What is declared at the
    /// start counts at once.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=YEAR), env = "LOCAL_REGISTRY_SYNC_SETTLE")]
    pub(crate) settle: u64,
    /// With --watch: how often everything is looked at again, in seconds. What cannot be read for longer than that is reported as
    /// unknown.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=YEAR), env = "LOCAL_REGISTRY_SYNC_RESYNC")]
    pub(crate) resync: u64,
    /// With --watch: address at which to serve /healthz, /readyz and /metrics. By default, they are not served.
    #[arg(long, value_name = "IP:PORT", env = "LOCAL_REGISTRY_SYNC_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// Remove every credential that this program has made, and stop.
    #[arg(long, conflicts_with = "watch")]
    pub(crate) remove: bool,
    /// With --remove: ClusterRoleBinding that lets this program keep credentials. It is deleted first, so that one that still runs
    /// cannot make them again, and they have to stay away for three seconds then.
    #[arg(long, value_name = "NAME", default_value = "local-registry-credentials", requires = "remove", value_parser = binding)]
    pub(crate) revoke: String,
    /// Print what would change, and write nothing.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_DRY_RUN")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CollectionArguments {
    /// Namespace of the registry.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "local-registry",
        value_parser = namespace,
        env = "LOCAL_REGISTRY_SYNC_REGISTRY_NAMESPACE"
    )]
    pub(crate) namespace: String,
    /// How many pods the registry has.
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=100),
        env = "LOCAL_REGISTRY_SYNC_REPLICAS"
    )]
    pub(crate) replicas: u32,
}

#[derive(Debug, Args)]
pub(crate) struct PruneArguments {
    /// Registry to delete from, as in localhost:5000. By default, the one that the cluster declares for pods.
    #[arg(long, value_name = "HOST", env = "LOCAL_REGISTRY_SYNC_REGISTRY")]
    pub(crate) registry: Option<RuntimeHost>,
    /// How many images of each repository stay, the newest ones, beside those that the cluster names. An image with several tags
    /// counts once, and signatures and the like stay with what they are attached to.
    #[arg(long, value_name = "NUMBER", default_value = "10", env = "LOCAL_REGISTRY_SYNC_KEEP")]
    pub(crate) keep: NonZeroUsize,
    /// Keep images that were made in this time, however many there are: a number with `s`, `m`, `h` or `d`, as in 36h.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = time, env = "LOCAL_REGISTRY_SYNC_NEWER_THAN")]
    pub(crate) newer_than: Duration,
    /// What to do with images without a date, or with one that cannot be right, such as 1970.
    #[arg(long, value_enum, default_value_t = UndatedName::Keep, env = "LOCAL_REGISTRY_SYNC_UNDATED")]
    pub(crate) undated: UndatedName,
    /// Only look at repositories that match this pattern, such as team/*, where `*` stands for any characters, `/` too. May be
    /// repeated. If no pattern has a `*`, the right to list repositories is not needed.
    #[arg(long = "repository", value_name = "PATTERN", value_parser = repository, env = "LOCAL_REGISTRY_SYNC_REPOSITORY", value_delimiter = ',')]
    pub(crate) repositories: Vec<String>,
    /// Leave repositories alone that match this pattern. May be repeated.
    #[arg(long = "except", value_name = "PATTERN", value_parser = repository, env = "LOCAL_REGISTRY_SYNC_EXCEPT", value_delimiter = ',')]
    pub(crate) except: Vec<String>,
    /// Another name that objects of the cluster have for the registry, such as registry.example or 10.96.0.50:5000. May be repeated.
    /// The declared names, the short forms of a Service's name, and local-registry:5000 always count.
    #[arg(long = "name", value_name = "HOST", env = "LOCAL_REGISTRY_SYNC_NAME", value_delimiter = ',')]
    pub(crate) names: Vec<RuntimeHost>,
    /// Another kind of objects to read, such as rollouts.argoproj.io/v1alpha1, or configmaps/v1. May be repeated.
    #[arg(
        long = "resource",
        value_name = "PLURAL.GROUP/VERSION",
        env = "LOCAL_REGISTRY_SYNC_RESOURCE",
        value_delimiter = ','
    )]
    pub(crate) resources: Vec<ResourceName>,
    /// File with a Kubernetes token, as the password for a registry whose rights are those of the cluster. It is for the registry's
    /// audience. Without it, credentials are looked for where Docker, Podman and Kubernetes keep them, as in `$DOCKER_CONFIG/config.json`.
    #[arg(long, value_name = "FILE", env = "LOCAL_REGISTRY_SYNC_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The registry speaks plain HTTP, and gets credentials by that. Without this, a registry that answers by plain HTTP alone is
    /// asked so, and without credentials.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_PLAIN_HTTP")]
    pub(crate) plain_http: bool,
    /// Delete, and do not only print what would be deleted.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_CONFIRM")]
    pub(crate) confirm: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UndatedName {
    /// Keep all of them.
    Keep,
    /// Keep as many of them as of the others, beside those: the last ones by the order of their tags, in which v1.10 follows v1.9.
    Name,
}

#[derive(Debug, Args)]
pub(crate) struct RepairArguments {
    /// Folder of the registry's storage, with `docker/registry/v2` in it.
    #[arg(long, value_name = "FOLDER", default_value = "/var/lib/registry", env = "LOCAL_REGISTRY_SYNC_STORAGE")]
    pub(crate) storage: PathBuf,
    /// Only say what is broken, and write nothing.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_DRY_RUN")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArguments {
    /// What clients call the registry: `auth.token.service` of its configuration. Tokens are for that one alone.
    #[arg(long, value_name = "NAME", env = "LOCAL_REGISTRY_SYNC_SERVICE")]
    pub(crate) service: String,
    /// Secret with the key that signs tokens. It has to be there, and may be empty: the first server to come makes the key. The
    /// registry reads `jwks.json` of it.
    #[arg(long, value_name = "NAMESPACE/NAME", env = "LOCAL_REGISTRY_SYNC_SECRET")]
    pub(crate) secret: SecretName,
    /// Address at which to serve /token.
    #[arg(long, value_name = "IP:PORT", default_value = "0.0.0.0:5001", env = "LOCAL_REGISTRY_SYNC_ADDRESS")]
    pub(crate) address: SocketAddr,
    /// Audience of the Kubernetes tokens that are accepted as passwords. May be repeated. Tokens for the API server itself, as users
    /// have them, are accepted only if its own audience is named, too.
    #[arg(
        long = "audience",
        value_name = "AUDIENCE",
        value_delimiter = ',',
        default_value = AUDIENCE,
        env = "LOCAL_REGISTRY_SYNC_AUDIENCE"
    )]
    pub(crate) audiences: Vec<String>,
    /// File with the server's certificate, in PEM. It is read again every minute. Without one, tokens travel in the clear.
    #[arg(long, value_name = "FILE", requires = "tls_key", env = "LOCAL_REGISTRY_SYNC_TLS_CERTIFICATE")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// File with the private key of that certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate", env = "LOCAL_REGISTRY_SYNC_TLS_KEY")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Address at which to serve /healthz, /readyz and /metrics. By default, they are not served.
    #[arg(long, value_name = "IP:PORT", env = "LOCAL_REGISTRY_SYNC_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) policies: Policies,
    /// Namespace in which Kubewarden's policy servers run.
    #[arg(long, value_name = "NAME", default_value = "kubewarden", value_parser = namespace, env = "LOCAL_REGISTRY_SYNC_KUBEWARDEN_NAMESPACE")]
    pub(crate) kubewarden_namespace: String,
    /// Namespace in which the nodes' agents run.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "local-registry-nodes",
        value_parser = namespace,
        env = "LOCAL_REGISTRY_SYNC_NODES_NAMESPACE"
    )]
    pub(crate) nodes_namespace: String,
    /// The cluster's DNS domain.
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local", value_parser = domain, env = "LOCAL_REGISTRY_SYNC_CLUSTER_DOMAIN")]
    pub(crate) cluster_domain: String,
    /// Look whether each namespace with the label local-registry-hosting/push=true has a credential that is good, and not about to end,
    /// as `credentials` keeps it.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_CREDENTIALS")]
    pub(crate) credentials: bool,
    /// Push an image of this program to the registry, and let a pod on each node pull and run it, by the declared name
    /// and, where an agent reports it, by local-registry:5000. The pods are deleted again, and the image stays.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_PULL")]
    pub(crate) pull: bool,
    /// With --pull: an image that is in the registry already, such as team/app:v1. Nothing is pushed then.
    #[arg(long, value_name = "IMAGE", requires = "pull", env = "LOCAL_REGISTRY_SYNC_PULL_IMAGE")]
    pub(crate) pull_image: Option<String>,
    /// With --pull: file with a Kubernetes token, as the password for a registry whose rights are those of the cluster. It is for the
    /// registry's audience, and may push local-registry-check/canary. Without it, and with --credentials, the credential of the
    /// namespace local-registry-check is used.
    #[arg(long, value_name = "FILE", requires = "pull", env = "LOCAL_REGISTRY_SYNC_PULL_TOKEN")]
    pub(crate) pull_token: Option<PathBuf>,
    /// With --pull: namespace in which the pods run.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "local-registry-check",
        value_parser = namespace,
        env = "LOCAL_REGISTRY_SYNC_PULL_NAMESPACE"
    )]
    pub(crate) pull_namespace: String,
}

impl CheckArguments {
    /// By what a registry with a token server takes the image of `--pull`.
    pub(crate) fn password(&self) -> Option<Password> {
        let credential = self.credentials.then_some(Password::Credential);
        self.pull_token.clone().map(Password::File).or(credential)
    }
}

#[derive(Debug, Args)]
pub(crate) struct NodeArguments {
    /// Name of this node. Without it, no Events are published about the Node.
    #[arg(long, value_name = "NAME", env = "LOCAL_REGISTRY_SYNC_NODE_NAME")]
    pub(crate) node_name: Option<String>,
    /// The node's container runtime.
    #[arg(long, value_enum, default_value_t = RuntimeName::Containerd, env = "LOCAL_REGISTRY_SYNC_RUNTIME")]
    pub(crate) runtime: RuntimeName,
    /// Where the node's root directory is mounted. The next three paths are as the node sees them.
    #[arg(long, value_name = "PATH", default_value = "/", env = "LOCAL_REGISTRY_SYNC_HOST_ROOT")]
    pub(crate) host_root: PathBuf,
    /// The directory in which containerd looks for hosts.toml (its `config_path`).
    #[arg(long, value_name = "PATH", default_value = "/etc/containerd/certs.d", value_parser = absolute, env = "LOCAL_REGISTRY_SYNC_CERTS_DIR")]
    pub(crate) certs_dir: PathBuf,
    /// containerd's configuration. It is only read.
    #[arg(long, value_name = "PATH", default_value = "/etc/containerd/config.toml", value_parser = absolute, env = "LOCAL_REGISTRY_SYNC_CONTAINERD_CONFIG")]
    pub(crate) containerd_config: PathBuf,
    /// The directory of CRI-O's drop-ins.
    #[arg(long, value_name = "PATH", default_value = "/etc/containers/registries.conf.d", value_parser = absolute, env = "LOCAL_REGISTRY_SYNC_REGISTRIES_DIR")]
    pub(crate) registries_dir: PathBuf,
    /// Where a declared name leads, such as kind-registry:5000=http://172.18.0.5:5000. HOST is an address, a name that
    /// the node resolves, or the name of a Service, whose port then says which scheme it is. May be repeated. By default,
    /// the name of a Service leads to its cluster IP, and other names are left to the node's DNS. local-registry:5000 leads
    /// to where the declared name does, and to a name that is left to DNS by HTTPS.
    #[arg(
        long = "address",
        value_name = "NAME=[SCHEME://]HOST[:PORT]",
        env = "LOCAL_REGISTRY_SYNC_ADDRESS",
        value_delimiter = ','
    )]
    pub(crate) addresses: Vec<AddressRule>,
    /// File with the certificate authority of the registry. It is copied to the node, beside hosts.toml.
    #[arg(long, value_name = "FILE", env = "LOCAL_REGISTRY_SYNC_CA")]
    pub(crate) ca: Option<PathBuf>,
    /// The cluster's DNS domain.
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local", value_parser = domain, env = "LOCAL_REGISTRY_SYNC_CLUSTER_DOMAIN")]
    pub(crate) cluster_domain: String,
    /// How often the files are looked at, in seconds, in case somebody changed or removed them. Also, how long the
    /// ConfigMap may be unreadable before its state is reported as unknown.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=YEAR), env = "LOCAL_REGISTRY_SYNC_RESYNC")]
    pub(crate) resync: u64,
    /// Address at which to serve /healthz, /readyz, /metrics and /report. By default, they are not served.
    #[arg(long, value_name = "IP:PORT", env = "LOCAL_REGISTRY_SYNC_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// Bring the node in line once, and stop.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_ONCE")]
    pub(crate) once: bool,
    /// Print how the files would change, write nothing, and stop.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_DRY_RUN")]
    pub(crate) dry_run: bool,
    /// Remove every file of the agent from this node. Then wait for SIGTERM or SIGINT, unless --once or --dry-run is given.
    #[arg(long, env = "LOCAL_REGISTRY_SYNC_CLEAN_UP")]
    pub(crate) clean_up: bool,
}

/// A domain as Kubernetes has it, without a dot at its end.
fn domain(text: &str) -> Result<String, &'static str> {
    let domain = text.trim_end_matches('.');
    let is_plain = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '.');
    if !domain.is_empty() && domain.chars().all(is_plain) {
        Ok(domain.to_owned())
    } else {
        Err("write a domain in lower case, as in `cluster.local`")
    }
}

/// The name of a namespace. It becomes part of paths and of commands.
fn namespace(text: &str) -> Result<String, &'static str> {
    let is_name = is_object_name(text) && !text.contains('.') && text.len() <= 63;
    if is_name { Ok(text.to_owned()) } else { Err("write the name of a namespace, as in `kubewarden`") }
}

/// The name of a ClusterRoleBinding. It becomes part of a path.
fn binding(text: &str) -> Result<String, &'static str> {
    if is_object_name(text) {
        Ok(text.to_owned())
    } else {
        Err("write the name of a ClusterRoleBinding, as in `local-registry-sync`")
    }
}

/// A pattern of repositories. `*` stands for any characters.
fn repository(text: &str) -> Result<String, &'static str> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '/' | '*');
    if !text.is_empty() && text.chars().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("write a repository without its registry and without a tag, as in `team/app`, or a pattern, as in `team/*`")
    }
}

/// A time in seconds, minutes, hours or days.
fn time(text: &str) -> Result<Duration, &'static str> {
    const REMEDY: &str = "write a number with `s`, `m`, `h` or `d`, as in `36h`, of a year at most";
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let (unit, number) = units
        .into_iter()
        .find_map(|(unit, seconds)| Some((seconds, text.strip_suffix(unit)?)))
        .or((text == "0").then_some((1, text)))
        .ok_or(REMEDY)?;
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    let seconds: Option<u64> = number.parse().ok().filter(|_| is_number).and_then(|count: u64| count.checked_mul(unit));
    seconds.filter(|seconds| *seconds <= YEAR).map(Duration::from_secs).ok_or(REMEDY)
}

fn absolute(text: &str) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(text);
    if path.is_absolute() { Ok(path) } else { Err("write the whole path, from `/` on") }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuntimeName {
    Containerd,
    CriO,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        let seconds = |text: &str| time(text).ok().map(|time| time.as_secs());
        for (text, expected) in [
            ("24h", Some(86_400)),
            ("90s", Some(90)),
            ("5m", Some(300)),
            ("7d", Some(604_800)),
            ("0", Some(0)),
            ("24", None),
            ("h", None),
            ("+1h", None),
            ("-1h", None),
            ("1.5h", None),
            ("366d", None),
            ("99999999999999999999d", None),
            ("1 h", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn every_dry_run_may_be_set_by_the_same_variable() {
        let arguments = Arguments::command();
        let commands = std::iter::once(&arguments).chain(arguments.get_subcommands());
        let dry_runs = commands.flat_map(clap::Command::get_arguments).filter(|option| option.get_id() == "dry_run");
        let variables: Vec<_> = dry_runs.map(|option| option.get_env().and_then(std::ffi::OsStr::to_str)).collect();
        assert_eq!(variables, [Some("LOCAL_REGISTRY_SYNC_DRY_RUN"); 6]);
    }
}
