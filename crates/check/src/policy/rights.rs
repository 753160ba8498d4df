//! Whether a policy may read Builds.

use local_registry_cluster::policies::ContextAwareResource;
use local_registry_cluster::{Cluster, ClusterError};
use local_registry_core::Quoted;
use local_registry_core::text::with_causes;

use super::checked::Checked;
use crate::link::Link;

impl Checked<'_> {
    /// Whether the policy, and the policy server that it runs on, may read Builds.
    pub(super) async fn rights(&self, cluster: &Cluster) -> Link {
        let link = self.link_of("rights");
        if self.about.are_workloads() {
            return Link::ok(link, "it needs none, since it looks nothing up");
        }
        if !self.spec.settings.looks_builds_up() {
            return Link::ok(link, "it does not look Builds up (lookupBuilds: false)");
        }
        if self.name.namespace().is_some() {
            return Link::failed(link, "a namespaced policy may not look Builds up")
                .remedy("set lookupBuilds: false in its settings, or use a ClusterAdmissionPolicy");
        }
        if !self.spec.context_aware_resources.iter().any(is_build) {
            return Link::failed(link, "spec.contextAwareResources does not list Builds")
                .remedy("add apiVersion shipwright.io/v1beta1, kind Build to spec.contextAwareResources");
        }
        let server = match self.spec.policy_server() {
            Ok(server) => server,
            Err(other) => return no_policy_server(link, other),
        };
        match access(cluster, &self.scope.policy_servers, server).await {
            Ok((account, true)) => Link::ok(link, format!("service account {account} may get Builds")),
            Ok((account, false)) => {
                let seen = format!("service account {account} of policy server {server} may not get Builds");
                Link::failed(link, seen).remedy("bind it to a ClusterRole with the verb get on builds.shipwright.io")
            }
            Err(error) if error.is_absence() => {
                Link::failed(link, with_causes(&error)).remedy("create it, or correct spec.policyServer")
            }
            Err(error) => Link::warning(link, with_causes(&error)),
        }
    }
}

/// The link of a policy that names this text in place of a policy server.
pub(super) fn no_policy_server(link: String, text: &str) -> Link {
    Link::failed(link, format!("spec.policyServer is {}, which names none", Quoted(text)))
        .remedy("set spec.policyServer to the name of a PolicyServer")
}

fn is_build(resource: &ContextAwareResource) -> bool {
    resource.api_version == "shipwright.io/v1beta1" && resource.kind == "Build"
}

/// The service account of a policy server, and whether it may get Builds.
async fn access(cluster: &Cluster, namespace: &str, server: &str) -> Result<(String, bool), ClusterError> {
    let account = cluster.policy_server(server).await?.service_account;
    let may_get = cluster.may_get_builds(namespace, &account).await?;
    Ok((format!("{namespace}/{account}"), may_get))
}
