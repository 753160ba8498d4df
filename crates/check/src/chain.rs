//! The order of the links.

use local_registry_core::shipwright::Kind;

use super::builds::StoredBuilds;
use super::config_map::config_map;
use super::crd::crd;
use super::kit::{Target, nodes, service};
use super::link::{Link, LinkVerdict};
use super::policy::{
    Subject, match_conditions, object_selector, purpose, rights, rules, runtime_host, selectors, settings, state,
};
use super::probe::Probe;
use super::registry::registry;
use super::scope::Scope;
use local_registry_cluster::Cluster;
use local_registry_cluster::Policy;
use local_registry_core::text::with_causes;
use local_registry_declaration::Declaration;
use local_registry_sync::Task;

/// Follows the chain, and returns its links in order.
///
/// `ask` asks a registry, as [`probe`](super::probe()) does.
///
/// ```no_run
/// use local_registry_check::{Scope, check, probe};
/// use local_registry_cluster::Cluster;
/// use local_registry_sync::Task;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::new(kube::Client::try_default().await?);
/// let task = Task { policies: vec!["local-registry".parse()?], ..Task::default() };
/// let ask = async |host: &str| probe(host).await;
/// for link in check(&cluster, &task, &Scope::default(), ask).await {
///     println!("{link}");
/// }
/// # Ok(())
/// # }
/// ```
pub async fn check(cluster: &Cluster, task: &Task, scope: &Scope, ask: impl AsyncFnOnce(&str) -> Probe) -> Vec<Link> {
    let (link, found) = config_map(cluster, &task.allowed).await;
    let mut links = vec![link];
    let (declaration, names) = found.unzip();
    let names = names.unwrap_or_default();
    let policy_servers = scope.policy_servers.as_str();
    let mut found = Vec::new();
    for name in &task.policies {
        found.push((name, cluster.policy(name).await));
    }
    let policies: Vec<&Policy> = found.iter().flat_map(|(_, policy)| policy).collect();
    if let Some(Declaration::Registry { host, .. }) = &declaration {
        links.push(Link::ok("host", format!("image parsers read {host} as a registry")));
        let is_insecure = policies.iter().any(|policy| policy.is_insecure());
        links.extend(registry(host, &ask(host.as_str()).await, scope.vantage, is_insecure));
    }
    let target = Target::of(&names, &scope.cluster_domain);
    if let Some(target) = &target {
        links.extend(service(cluster, target).await);
    }
    if !names.is_empty() {
        links.extend(nodes(cluster, &names, scope, target.as_ref()).await);
    }
    for (kind, name) in [(Kind::Build, "builds.shipwright.io"), (Kind::BuildRun, "buildruns.shipwright.io")] {
        links.push(crd(kind, name, cluster.custom_resource_definition(name).await));
    }
    let any_mutates =
        |about: Subject| policies.iter().any(|policy| Subject::of(policy) == about && policy.is_mutating());
    let for_builds: Vec<_> = policies.iter().filter(|policy| Subject::of(policy) == Subject::Builds).collect();
    let none_looks_up = !for_builds.is_empty() && !for_builds.iter().any(|policy| policy.looks_builds_up());
    let selectors_of_objects = for_builds.iter().filter_map(|policy| object_selector(policy).ok().flatten()).collect();
    let stored = StoredBuilds::read(cluster, selectors_of_objects).await;
    for (name, policy) in &found {
        let subject = format!("policy {name}");
        let policy = match policy {
            Ok(policy) => policy,
            Err(error) => {
                links.push(Link::failed(subject, with_causes(error)));
                continue;
            }
        };
        let about = Subject::of(policy);
        let state = state(&subject, name, policy, policy_servers);
        let is_served = state.verdict == LinkVerdict::Ok;
        links.push(state);
        links.extend(purpose(&subject, policy, any_mutates(about)));
        links.push(rules(&subject, about, policy));
        links.extend(selectors(&subject, about, policy, cluster, &stored).await);
        links.push(match_conditions(&subject, name, about, policy));
        links.extend(declaration.as_ref().map(|declared| settings(&subject, policy, declared, is_served)));
        if let (Subject::Workloads, Some(declared)) = (about, &declaration) {
            links.push(runtime_host(&subject, policy, declared));
        }
        links.push(rights(&subject, name, about, policy, cluster, policy_servers).await);
    }
    links.extend(stored.links(none_looks_up));
    links
}
