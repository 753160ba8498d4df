//! The order of the links.

use local_registry_cluster::Cluster;
use local_registry_cluster::guards::Guard;
use local_registry_core::registry::Host;
use local_registry_core::shipwright::Kind;
use local_registry_core::{RegistryHost, RuntimeHost};
use local_registry_declaration::Declared;
use local_registry_sync::Task;

use crate::aliases::aliases;
use crate::builds::StoredBuilds;
use crate::config_map::config_map;
use crate::crd::crd;
use crate::credentials::credentials;
use crate::guard::guards;
use crate::kit::{Target, nodes, service};
use crate::link::Link;
use crate::policy::Policies;
use crate::probe::Probe;
use crate::registry::registry;
use crate::safeguard::{Safeguard, safeguards};
use crate::scope::{Credentials, Scope};
use crate::undeclared::undeclared;

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
            links.extend(probe.sign_in.as_ref().and_then(|sign_in| sign_in.link(scope.location)));
        }
        Some((declared, None)) => links.extend(undeclared(declared, &task.allowed, scope, &ask).await),
        None => {}
    }
    if let Some(declared) = &declared {
        links.extend(kit(cluster, declared, scope).await);
        links.extend(aliases(cluster, declared, &scope.cluster_domain).await);
    }
    if scope.credentials == Credentials::Kept {
        links.extend(credentials(cluster, declared.as_ref()).await);
    }
    let mut field = Safeguard::new("the field in the CRDs");
    for kind in Kind::ALL {
        let (link, is_missing) = crd(kind, cluster.crd(kind).await);
        links.push(if is_missing { field.heed_as_missing(link) } else { field.heed(link) });
    }
    let stored = StoredBuilds::read(cluster, policies.selectors_of_builds(), policies.hosts_for_builds()).await;
    let mut asked = Safeguard::new("the policy");
    links.extend(policies.links(&mut asked, declared.as_ref(), guarded, &stored, cluster).await);
    let mut guard = Safeguard::new("the guard");
    let wanted = policies.guards();
    links.extend(guards(cluster, &wanted, &stored).await.into_iter().map(|link| guard.heed(link)));
    let needs_labels = wanted.contains(&(Guard::Inherited, true));
    if needs_labels {
        links.extend(stored.unlabelled_link().map(|link| guard.heed(link)));
    }
    if policies.any_keeps_namespaces_apart() {
        links.extend(stored.outside_link());
    }
    // Where Builds cannot be listed, it is not known whether all have their label.
    let is_unknown = needs_labels && !stored.are_listed();
    let of_builds = stored.links(policies.none_looks_builds_up());
    links.extend(of_builds.into_iter().map(|link| if is_unknown { guard.heed(link) } else { link }));
    links.push(safeguards(&[asked, guard, field]));
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
async fn kit(cluster: &Cluster, declared: &Declared, scope: &Scope) -> Vec<Link> {
    let mut links = Vec::new();
    let names = declared.names();
    let target = Target::named_by(&names, &scope.cluster_domain);
    if let Some(target) = &target {
        links.extend(service(cluster, target).await);
    }
    if !names.is_empty() {
        links.extend(nodes(cluster, declared, scope, target.as_ref()).await);
    }
    links
}
