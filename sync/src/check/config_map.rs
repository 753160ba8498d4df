//! Whether the ConfigMap declares a registry.

use local_registry_core::RuntimeHost;

use super::link::{Link, LinkVerdict};
use crate::causes::with_causes;
use crate::cluster::Cluster;
use crate::declaration::{AllowedHosts, Declaration, read, runtime_names};

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
    let declaration = match read(&data) {
        Ok(declared) => declared.declaration,
        Err(error) => return failed(error.to_string()),
    };
    if let Err(error) = allowed.check(&declaration) {
        return failed(error.to_string());
    }
    let names = match runtime_names(&data) {
        Ok(names) => names,
        Err(error) => return failed(error.to_string()),
    };
    let verdict = match declaration {
        Declaration::Registry { .. } => LinkVerdict::Ok,
        Declaration::Absent | Declaration::NotForPods { .. } => LinkVerdict::Failed,
    };
    (Link::new("ConfigMap", verdict, declaration.to_string()), Some((declaration, names)))
}
