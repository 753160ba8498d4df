//! Whether a policy may read Builds.

use serde_json::Value;

use super::Subject;
use crate::link::Link;
use local_registry_cluster::{Cluster, ClusterError};
use local_registry_cluster::{Policy, PolicyName};
use local_registry_core::text::with_causes;

/// Whether the policy, and the policy server that it runs on, may read Builds.
pub(crate) async fn rights(
    subject: &str,
    name: &PolicyName,
    about: Subject,
    policy: &Policy,
    cluster: &Cluster,
    policy_servers: &str,
) -> Link {
    let subject = format!("{subject} rights");
    if about == Subject::Workloads {
        return Link::ok(subject, "it needs none, since it looks nothing up");
    }
    if !policy.looks_builds_up() {
        return Link::ok(subject, "it does not look Builds up (lookupBuilds: false)");
    }
    if name.namespace().is_some() {
        return Link::failed(subject, "a namespaced policy may not look Builds up")
            .remedy("set lookupBuilds: false in its settings, or use a ClusterAdmissionPolicy");
    }
    if !policy.list("/spec/contextAwareResources").iter().any(is_build) {
        return Link::failed(subject, "spec.contextAwareResources does not list Builds")
            .remedy("add apiVersion shipwright.io/v1beta1, kind Build to spec.contextAwareResources");
    }
    let server = policy.str("/spec/policyServer").unwrap_or("default");
    match access(cluster, policy_servers, server).await {
        Ok((account, true)) => Link::ok(subject, format!("service account {account} may get Builds")),
        Ok((account, false)) => {
            let seen = format!("service account {account} of policy server {server} may not get Builds");
            Link::failed(subject, seen).remedy("bind it to a ClusterRole with the verb get on builds.shipwright.io")
        }
        Err(error) => Link::warning(subject, with_causes(&error)),
    }
}

fn is_build(resource: &Value) -> bool {
    let field = |name: &str| resource.get(name).and_then(Value::as_str);
    field("apiVersion") == Some("shipwright.io/v1beta1") && field("kind") == Some("Build")
}

/// The service account of a policy server, and whether it may get Builds.
async fn access(cluster: &Cluster, namespace: &str, server: &str) -> Result<(String, bool), ClusterError> {
    let account = cluster.service_account(server).await?;
    let may_get = cluster.may_get_builds(namespace, &account).await?;
    Ok((format!("{namespace}/{account}"), may_get))
}
