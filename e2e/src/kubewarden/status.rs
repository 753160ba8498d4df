//! What the controller writes into a policy's status.

use serde_json::{Value, json};

use super::Kubewarden;

impl Kubewarden {
    /// Writes a policy's status. `is_reachable`: whether every pod of the policy server is ready and has the newest
    /// configuration. If not, the controller leaves `policyStatus` as it was.
    pub(super) fn write_status(&self, policy: &Value, is_reachable: bool) {
        let unique = if is_reachable {
            ("LatestReplicaSetIsUniquelyReachable", "The latest replica set is uniquely reachable")
        } else {
            ("LatestReplicaSetIsNotUniquelyReachable", "The latest replica set is not uniquely reachable")
        };
        let webhook = if is_reachable {
            "The policy webhook has been created"
        } else {
            "The policy webhook has not been created"
        };
        let condition = |kind: &str, holds: bool, reason: &str, message: &str| {
            let status = if holds { "True" } else { "False" };
            let known = policy["status"]["conditions"].as_array().into_iter().flatten();
            let same = known.into_iter().find(|known| known["type"] == kind && known["status"] == status);
            let time = same.map_or_else(now, |known| known["lastTransitionTime"].clone());
            json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": time})
        };
        let was_active = policy["status"]["policyStatus"] == "active";
        let up_to_date = "Configuration for this policy is up to date";
        self.patch_status(
            policy,
            &json!({
                "policyStatus": if is_reachable || was_active { "active" } else { "pending" },
                "mode": policy["spec"]["mode"].as_str().unwrap_or("protect"),
                "conditions": [
                    condition("PolicyActive", is_reachable, "PolicyActive", webhook),
                    condition("PolicyUniquelyReachable", is_reachable, unique.0, unique.1),
                    condition("PolicyServerConfigurationUpToDate", true, "ConfigurationVersionMatch", up_to_date),
                ],
            }),
        );
    }

    pub(super) fn patch_status(&self, policy: &Value, status: &Value) {
        let patch = json!({"status": status}).to_string();
        let how = ["--subresource=status", "--type=merge", "--patch", &patch];
        self.kubectl.ok(&[&["patch"], &of(policy)[..], &how].concat());
    }
}

/// What names a policy in a command of `kubectl`.
pub(super) fn of(policy: &Value) -> Vec<&str> {
    let text = |pointer: &str| policy.pointer(pointer).and_then(Value::as_str);
    let namespace = text("/metadata/namespace").map(|namespace| ["--namespace", namespace]);
    let name = [text("/kind").unwrap(), text("/metadata/name").unwrap()];
    [&name[..], namespace.as_ref().map_or(&[], |namespace| &namespace[..])].concat()
}

fn now() -> Value {
    // Kubernetes writes times in whole seconds.
    json!(jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap().to_string())
}
