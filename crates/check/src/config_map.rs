//! Whether the ConfigMap declares a registry.

use local_registry_cluster::Cluster;
use local_registry_core::text::with_causes;
use local_registry_declaration::{AllowedHosts, DeclarationWarning, Declared};

use crate::link::{Link, LinkVerdict};

/// The link; and what the ConfigMap declares, if it can be used.
pub(super) async fn config_map(cluster: &Cluster, allowed: &AllowedHosts) -> (Link, Option<Declared>) {
    let failed = |message: String| (Link::failed("ConfigMap", message), None);
    let data = match cluster.config_map().await {
        Ok(data) => data,
        Err(error) => return failed(with_causes(&error)),
    };
    let Some(data) = data else {
        let declared = Declared::absent();
        let link = Link::failed("ConfigMap", declared.to_string())
            .remedy("create it with the host under which pods reach the registry, as KEP-1755 says");
        return (link, Some(declared));
    };
    let declared = match Declared::read(&data, allowed) {
        Ok(declared) => declared,
        Err(error) => return failed(error.to_string()),
    };
    // What is said about the host is in a link of its own.
    let warnings = declared.warnings().iter().filter(|warning| !matches!(warning, DeclarationWarning::ForPods(_)));
    let warnings: Vec<String> = warnings.map(ToString::to_string).collect();
    let verdict = match declared.for_pods() {
        Some(_) if warnings.is_empty() => LinkVerdict::Ok,
        Some(_) => LinkVerdict::Warning,
        None => LinkVerdict::Failed,
    };
    let seen: Vec<String> = [declared.to_string()].into_iter().chain(warnings).collect();
    (Link::new("ConfigMap", verdict, seen.join("; ")), Some(declared))
}
