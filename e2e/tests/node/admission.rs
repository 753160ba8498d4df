//! What asks the policies: a stand-in for Kubewarden, or the real one.

use std::sync::Once;

use e2e::{Kubewarden, eventually};
use serde_json::Value;

use crate::kit::Kit;

/// What installs Kubewarden and the policies of `deploy/workloads`, and serves them.
pub(crate) trait Admission {
    /// Installs Kubewarden, unless it is there.
    fn install(&self, kit: &Kit);

    /// Applies `deploy/workloads`, with these settings of the policy for Builds.
    fn apply(&self, kit: &Kit, settings: &Value);

    /// Waits until both policies are served with this host, for pods and nodes.
    fn serve(&self, kit: &Kit, host: &str);
}

/// `harness serve` in a pod, in place of the policy server, and the tests in place of the controller.
pub(crate) struct StandIn;

impl Admission for StandIn {
    fn install(&self, kit: &Kit) {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| drop(Kubewarden::install(&kit.node.control_plane)));
    }

    fn apply(&self, kit: &Kit, settings: &Value) {
        kit.node.kubectl.ok(&["apply", "-k", "deploy/workloads"]);
        set(kit, settings);
    }

    fn serve(&self, kit: &Kit, host: &str) {
        for policy in with_host(kit, host) {
            kit.node.serve(&policy);
        }
    }
}

/// Sets these settings of the policy for Builds.
pub(crate) fn set(kit: &Kit, settings: &Value) {
    let patch = serde_json::json!({"spec": {"settings": settings}}).to_string();
    kit.node.kubectl.ok(&["patch", "clusteradmissionpolicy", "local-registry", "--type=merge", "--patch", &patch]);
}

/// Both policies, once the sync job has given them this host.
pub(crate) fn with_host(kit: &Kit, host: &str) -> [Value; 2] {
    ["local-registry", "local-registry-workloads"].map(|name| {
        eventually(&format!("the policy {name} to get the host"), || {
            let policy = kit.node.kubectl.json(&["get", "clusteradmissionpolicy", name]);
            let settings = &policy["spec"]["settings"];
            (settings["host"] == host && settings["runtimeHost"] == host).then_some(policy)
        })
    })
}

/// Takes away what [`StandIn`] has applied and serves, if anything.
pub(crate) fn remove(kit: &Kit) {
    let kubectl = &kit.node.kubectl;
    kubectl.ok(&["delete", "-k", "deploy/workloads", "--ignore-not-found"]);
    let webhooks = ["clusterwide-local-registry", "clusterwide-local-registry-workloads"];
    kubectl.ok(&[&["delete", "mutatingwebhookconfiguration", "--ignore-not-found"], &webhooks[..]].concat());
}
