//! Whether the policy may look Builds up.

use serde_json::Value;

use super::{Link, Verdict, link};
use crate::cluster::{Cluster, PolicyName};
use crate::json::at;
use crate::run::chain;

/// Whether the policy, and the server that it runs on, may read Builds.
pub(super) async fn rights(cluster: &Cluster, name: &PolicyName, policy: &Value, namespace: &str) -> Link {
    let subject = format!("policy {name} rights");
    if at(policy, &["spec", "settings", "lookupBuilds"]) == false {
        return link(subject, Verdict::Ok, "it looks no Builds up (lookupBuilds: false)", None);
    }
    if name.kind() == "AdmissionPolicy" {
        let remedy = "set lookupBuilds: false in its settings, or use a ClusterAdmissionPolicy";
        return link(subject, Verdict::Failed, "a namespaced policy may not look Builds up", Some(remedy));
    }
    let granted = at(policy, &["spec", "contextAwareResources"]).as_array().map(Vec::as_slice).unwrap_or_default();
    if !granted
        .iter()
        .any(|kind| at(kind, &["apiVersion"]) == "shipwright.io/v1beta1" && at(kind, &["kind"]) == "Build")
    {
        let remedy = "add apiVersion shipwright.io/v1beta1, kind Build to spec.contextAwareResources";
        return link(subject, Verdict::Failed, "spec.contextAwareResources does not list Builds", Some(remedy));
    }
    let server = at(policy, &["spec", "policyServer"]).as_str().unwrap_or("default");
    let account = match cluster.policy_server(server).await {
        Ok(found) => at(&found, &["spec", "serviceAccountName"]).as_str().unwrap_or("default").to_owned(),
        Err(error) => return link(subject, Verdict::Warning, chain(&error), None),
    };
    match cluster.may_get_builds(namespace, &account).await {
        Ok(true) => link(subject, Verdict::Ok, format!("service account {namespace}/{account} may get Builds"), None),
        Ok(false) => link(
            subject,
            Verdict::Failed,
            format!("service account {namespace}/{account} of policy server {server} may not get Builds"),
            Some("bind it to a ClusterRole with the verb get on builds.shipwright.io"),
        ),
        Err(error) => link(subject, Verdict::Warning, chain(&error), None),
    }
}
