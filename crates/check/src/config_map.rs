//! Whether the ConfigMap declares a registry.

use local_registry_core::RuntimeHost;

use super::link::{Link, LinkVerdict};
use local_registry_cluster::Cluster;
use local_registry_core::text::with_causes;
use local_registry_declaration::{AllowedHosts, Declaration, Declared, read, runtime_names};

/// The link; and what the ConfigMap declares, with the names by which nodes pull, if it can be used.
pub(super) async fn config_map(
    cluster: &Cluster,
    allowed: &AllowedHosts,
) -> (Link, Option<(Declaration, Vec<RuntimeHost>)>) {
    let failed = |message: String| (Link::failed("ConfigMap", message), None);
    let data = match cluster.config_map().await {
        Ok(data) => data,
        Err(error) => return failed(with_causes(&error)),
    };
    let Some(data) = data else {
        let link = Link::failed("ConfigMap", Declaration::Absent.to_string())
            .remedy("create it with the host under which pods reach the registry, as KEP-1755 says");
        return (link, Some((Declaration::Absent, Vec::new())));
    };
    let declared = match read(&data) {
        Ok(declared) => declared,
        Err(error) => return failed(error.to_string()),
    };
    let Declared { declaration, ignored_host, .. } = match allowed.check(declared) {
        Ok(declared) => declared,
        Err(error) => return failed(error.to_string()),
    };
    let names = match runtime_names(&data) {
        Ok(names) => names,
        Err(error) => return failed(error.to_string()),
    };
    let verdict = match declaration {
        Declaration::Registry { .. } if ignored_host.is_none() => LinkVerdict::Ok,
        Declaration::Registry { .. } => LinkVerdict::Warning,
        Declaration::Absent | Declaration::NotForPods { .. } => LinkVerdict::Failed,
    };
    let nodes = ignored_host.map_or_else(String::new, |reason| format!("; nodes have none: {reason}"));
    (Link::new("ConfigMap", verdict, format!("{declaration}{nodes}")), Some((declaration, names)))
}
