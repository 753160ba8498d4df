//! Whether the policy server can load the policy's module again.

use local_registry_cluster::Cluster;
use local_registry_core::RegistryHost;
use local_registry_core::text::with_causes;

use super::checked::Checked;
use super::rights::no_policy_server;
use crate::link::Link;

impl Checked<'_> {
    /// Whether the module is in the cluster's registry, which asks for a password that the policy server does not have. It has
    /// the module until it starts anew, and does not start then, with every other policy on it.
    ///
    /// `guarded` is the registry, if it asks for a password. Says nothing about any other module.
    pub(super) async fn module(&self, guarded: Option<&RegistryHost>, cluster: &Cluster) -> Option<Link> {
        let guarded = guarded?;
        if registry_of(&self.spec.module)? != guarded.as_str() {
            return None;
        }
        let link = self.link_of("module");
        let server = match self.spec.policy_server() {
            Ok(server) => server,
            Err(other) => return Some(no_policy_server(link, other)),
        };
        let seen = format!("it is in {guarded}, which asks for a password");
        Some(match cluster.policy_server(server).await {
            Ok(found) if found.image_pull_secret.is_some() => {
                Link::ok(link, format!("{seen}; policy server {server} has an imagePullSecret"))
            }
            Ok(_) => Link::failed(
                link,
                format!("{seen}, and policy server {server} has none: when it starts anew, it cannot load the module, and serves no policy"),
            )
            .remedy(
                "name the module by a host that asks for none (with the registry of the chart: registry-read-only.local-registry.svc.cluster.local:5000, here and in insecureSources), or give the policy server an imagePullSecret",
            ),
            Err(error) => Link::warning(link, format!("{seen}; {}", with_causes(&error))),
        })
    }
}

/// The registry of a module, as Kubewarden names it: `registry://HOST/PATH`.
fn registry_of(module: &str) -> Option<&str> {
    Some(module.strip_prefix("registry://").unwrap_or(module).split_once('/')?.0)
}
