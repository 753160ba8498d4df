//! `local-registry-sync prune`: old images go.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, anyhow};
use local_registry_check::probe;
use local_registry_cluster::Cluster;
use local_registry_core::RuntimeHost;
use local_registry_core::text::printable;
use local_registry_declaration::{AllowedHosts, Declared};
use local_registry_oci::{Connection, Credentials, Limits, Registries, Repository};
use local_registry_retention::{PruneTask, Rules, Selection, UndatedRule, prune};
use local_registry_system::{Ended, Output, print_line, until_stopped};

use crate::arguments::{Arguments, PruneArguments, UndatedName};
use crate::connection::cluster;

/// A registry of a cluster has little memory, too.
const LIMITS: Limits = Limits { at_once: 8, per_second: None, retries: 4 };
/// How long a registry may say nothing.
const TIMEOUT: Duration = Duration::from_mins(1);

pub(crate) async fn perform(arguments: &Arguments, prune_arguments: &PruneArguments) -> anyhow::Result<bool> {
    match until_stopped(Box::pin(run(arguments, prune_arguments))).await? {
        Ended::Done(result) => result,
        // What is left is for the next run.
        Ended::Stopped(signal) => Err(anyhow!("{signal}: stopped before the end")),
    }
}

async fn run(arguments: &Arguments, prune_arguments: &PruneArguments) -> anyhow::Result<bool> {
    let cluster = cluster(arguments).await?;
    let declared = declared(&cluster, arguments).await?;
    let declared_host = declared.for_pods().map(RuntimeHost::from);
    let Some(host) = prune_arguments.registry.clone().or(declared_host) else {
        return Err(anyhow!("{declared}; or name the registry by --registry"));
    };
    let task = PruneTask {
        host: host.clone(),
        names: declared.image_names().into_iter().chain(prune_arguments.names.iter().cloned()).collect(),
        selection: Selection { only: prune_arguments.repositories.clone(), except: prune_arguments.except.clone() },
        rules: Rules {
            keep: prune_arguments.keep,
            newer_than: prune_arguments.newer_than,
            undated: match prune_arguments.undated {
                UndatedName::Keep => UndatedRule::Keep,
                UndatedName::Name => UndatedRule::ByName,
            },
        },
        resources: prune_arguments.resources.clone(),
        confirm: prune_arguments.confirm,
    };
    let registries = registries(&host, prune_arguments).await?;
    let any = Repository::parse(&format!("{host}/any")).with_context(|| format!("the registry {host}"))?;
    let registry = registries.registry(&any)?;
    let output = arguments.output;
    let mut printed = Ok(());
    let show = |line: serde_json::Result<String>| -> anyhow::Result<()> {
        let line = line?;
        Ok(print_line(&if output == Output::Text { printable(&line) } else { line })?)
    };
    let pruned = prune(&cluster, &registry, &task, |report| {
        if printed.is_ok() {
            printed = show(output.line(report));
        }
    });
    let summary = pruned.await;
    printed?;
    let summary = summary?;
    show(output.line(&summary))?;
    if summary.is_only_a_plan() {
        eprintln!("nothing was deleted; add --confirm to delete");
    }
    Ok(summary.is_in_line())
}

/// What the cluster declares. Whatever is declared is a name of the registry, so one that cannot be read is an error.
async fn declared(cluster: &Cluster, arguments: &Arguments) -> anyhow::Result<Declared> {
    let allowed = AllowedHosts::new(arguments.allowed.hosts.clone());
    match cluster.config_map().await? {
        Some(data) => Ok(Declared::read(&data, &allowed)?),
        None => Ok(Declared::absent()),
    }
}

/// The way to the registry: by HTTPS, unless it answers by plain HTTP alone. Then it gets no credentials, unless the user says so.
async fn registries(host: &RuntimeHost, arguments: &PruneArguments) -> anyhow::Result<Registries> {
    let is_plain = arguments.plain_http || {
        let probe = probe(host).await;
        probe.https.is_err() && matches!(probe.http, Some(Ok(_)))
    };
    let credentials = match &arguments.token_file {
        _ if is_plain && !arguments.plain_http => Credentials::from_files([]),
        Some(file) => Credentials::from_token_file(file),
        None => Credentials::from_environment(|name| std::env::var_os(name)),
    };
    let plain_http = if is_plain { BTreeSet::from([host.to_string()]) } else { BTreeSet::new() };
    let program = "local-registry-sync";
    Registries::new(Connection { program, plain_http, credentials, limits: LIMITS, timeout: TIMEOUT })
        .context("the certificate authorities of this machine cannot be used")
}
