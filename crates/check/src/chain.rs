//! The order of the links.

use local_registry_cluster::Cluster;
use local_registry_core::registry::Host;
use local_registry_core::shipwright::Kind;
use local_registry_core::{RegistryHost, RuntimeHost};
use local_registry_declaration::Declared;
use local_registry_sync::Task;

use crate::builds::StoredBuilds;
use crate::config_map::config_map;
use crate::crd::crd;
use crate::kit::{Target, nodes, service};
use crate::link::Link;
use crate::policy::Policies;
use crate::probe::Probe;
use crate::registry::registry;
use crate::scope::Scope;
use crate::undeclared::undeclared;

/// Shipwright's CRDs that have images.
const CRDS: [(Kind, &str); 2] = [(Kind::Build, "builds.shipwright.io"), (Kind::BuildRun, "buildruns.shipwright.io")];

/// Follows the chain, and returns its links in order.
///
/// `ask` asks a registry, as [`probe`](crate::probe()) does.
pub async fn check(
    cluster: &Cluster,
    task: &Task,
    scope: &Scope,
    ask: impl AsyncFn(&RuntimeHost) -> Probe,
) -> Vec<Link> {
    let (link, declared) = config_map(cluster, &task.allowed).await;
    let mut links = vec![link];
    let policies = Policies::read(cluster, &task.policies, scope).await;
    let mut guarded = None;
    match declared.as_ref().map(|declared| (declared, declared.for_pods())) {
        Some((_, Some(host))) => {
            links.push(host_link(host));
            let probe = ask(&RuntimeHost::from(host)).await;
            guarded = Some(host).filter(|_| probe.status() == Some(401));
            links.extend(registry(host, &probe, scope.location, policies.any_is_insecure()));
        }
        Some((declared, None)) => links.extend(undeclared(declared, &task.allowed, scope, &ask).await),
        None => {}
    }
    let names = declared.as_ref().map(Declared::names).unwrap_or_default();
    links.extend(kit(cluster, &names, scope).await);
    for (kind, name) in CRDS {
        links.push(crd(kind, name, cluster.custom_resource_definition(name).await));
    }
    let stored = StoredBuilds::read(cluster, policies.selectors_of_builds(), policies.hosts_for_builds()).await;
    links.extend(policies.links(declared.as_ref(), guarded, &stored, cluster).await);
    links.extend(stored.links(policies.none_looks_builds_up()));
    links
}

/// The link of the host's grammar. What is declared has passed it.
fn host_link(host: &RegistryHost) -> Link {
    match host.warning() {
        None => Link::ok("host", format!("image parsers read {host} as a registry")),
        Some(warning) => Link::warning("host", warning.to_string()),
    }
}

/// The links of the Service that one of the names is of, and of the nodes that pull by them.
async fn kit(cluster: &Cluster, names: &[RuntimeHost], scope: &Scope) -> Vec<Link> {
    let mut links = Vec::new();
    let target = Target::named_by(names, &scope.cluster_domain);
    if let Some(target) = &target {
        links.extend(service(cluster, target).await);
    }
    if !names.is_empty() {
        links.extend(nodes(cluster, names, scope, target.as_ref()).await);
    }
    links
}
