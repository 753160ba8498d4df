//! A registry that answers although none is declared for pods.

use futures_util::future::join_all;
use local_registry_core::{RegistryHost, RuntimeHost};
use local_registry_declaration::{AllowedHosts, Declared};

use crate::link::Link;
use crate::location::Location;
use crate::probe::Probe;
use crate::scope::Scope;

/// The link of what to declare: the first registry that answers under a name which pods of a known distribution have for
/// it. Only a pod can see that.
pub(super) async fn undeclared(
    declared: &Declared,
    allowed: &AllowedHosts,
    scope: &Scope,
    ask: &impl AsyncFn(&RuntimeHost) -> Probe,
) -> Option<Link> {
    if scope.location == Location::OutOfCluster {
        return None;
    }
    let known = known_names(&scope.cluster_domain).into_iter().filter_map(|name| RegistryHost::parse(&name).ok());
    let names: Vec<RegistryHost> = declared.likely_for_pods().cloned().into_iter().chain(known).collect();
    let answers = join_all(names.iter().filter(|name| allowed.permit(name)).map(async |name| {
        let probe = ask(&RuntimeHost::from(name)).await;
        probe.is_registry().then_some(name)
    }));
    let found = answers.await.into_iter().flatten().next()?;
    let seen = format!("{found} answers as a registry does, and is not declared");
    let remedy =
        format!("if it is the local registry, add the line `hostFromClusterNetwork: \"{found}\"` to the ConfigMap");
    Some(Link::warning("registry", seen).remedy(remedy))
}

/// The names of docs/clusters.md: what pods call the registry of the chart, of the addons of two distributions, of
/// the third that brings its own, and of `KinD`'s recipe.
fn known_names(cluster_domain: &str) -> [String; 5] {
    let service = |name: &str| format!("{name}.svc.{cluster_domain}");
    [
        format!("{}:5000", service("registry.local-registry")),
        format!("{}:5000", service("registry.container-registry")),
        format!("{}:80", service("registry.kube-system")),
        "image-registry.openshift-image-registry.svc:5000".to_owned(),
        "kind-registry:5000".to_owned(),
    ]
}
