//! What asks the policies: a stand-in for Kubewarden, or the real one.

use std::sync::Once;

use e2e::{Kubewarden, eventually};
use serde_json::{Value, json};

use crate::kit::Kit;

/// What installs Kubewarden and the policies for Builds and for pods, and serves them.
pub(crate) trait Admission {
    /// Installs Kubewarden, unless it is there.
    fn install(&self, kit: &Kit);

    /// Installs both policies, beside the kit.
    fn apply(&self, kit: &Kit);

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

    fn apply(&self, kit: &Kit) {
        kit.install_policies(&policies()).ok(&["upgrade"]);
    }

    fn serve(&self, kit: &Kit, host: &str) {
        for policy in with_host(kit, host) {
            kit.node.serve(&policy);
        }
    }
}

/// The values of both policies.
pub(crate) fn policies() -> Value {
    json!({"policy": {"enabled": true}, "workloads": {"enabled": true}})
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

/// Takes away the webhooks of [`StandIn`], as Kubewarden does for policies that are gone.
pub(crate) fn forget(kit: &Kit) {
    let webhooks = ["clusterwide-local-registry", "clusterwide-local-registry-workloads"];
    let delete = ["delete", "mutatingwebhookconfiguration", "--ignore-not-found"];
    kit.node.kubectl.ok(&[&delete[..], &webhooks].concat());
}
