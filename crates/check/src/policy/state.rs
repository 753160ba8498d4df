//! Whether a policy is served.

use serde_json::Value;

use crate::link::Link;
use local_registry_cluster::{Policy, PolicyName};

/// Conditions that Kubewarden's controller sets to `True` once the API server calls the policy, and once every pod of the
/// policy server has the policy's newest settings.
const CONDITIONS: [&str; 2] = ["PolicyActive", "PolicyUniquelyReachable"];

/// Whether every pod of the policy server serves the policy with its newest settings.
///
/// `policyStatus` alone does not show that: it stays `active` while the policy server rolls, and also if the roll hangs.
pub(crate) fn state(subject: &str, name: &PolicyName, policy: &Policy, policy_servers: &str) -> Link {
    let mut trouble = Vec::new();
    let status = policy.str("/status/policyStatus").unwrap_or("unknown");
    let is_active = status == "active";
    if !is_active {
        trouble.push(format!("its status is {status}, not active"));
    }
    for kind in CONDITIONS {
        let text = |condition: &Value, field: &str| Some(condition.get(field)?.as_str()?.to_owned());
        let conditions = policy.list("/status/conditions");
        let found = conditions.iter().find(|condition| text(condition, "type").as_deref() == Some(kind));
        match found.map(|condition| (text(condition, "status"), text(condition, "message"))) {
            None if is_active => trouble.push(format!("it has no condition {kind}")),
            None => {}
            Some((Some(status), _)) if status == "True" => {}
            Some((status, message)) => trouble.push(format!(
                "{kind} is {}: {}",
                status.as_deref().unwrap_or("unknown"),
                message.unwrap_or_default(),
            )),
        }
    }
    if trouble.is_empty() {
        return Link::ok(subject, "it is active, and its policy server serves its newest settings");
    }
    let remedy = if is_active {
        let server = policy.str("/spec/policyServer").unwrap_or("default");
        format!(
            "wait until the policy server has rolled; if it hangs, see why: kubectl describe pods --namespace {policy_servers} --selector kubewarden/policy-server={server}"
        )
    } else {
        let kind = name.kind().to_lowercase();
        format!("see what the Kubewarden controller says of it: kubectl describe {kind} {}", name.arguments())
    };
    Link::failed(subject, trouble.join(", ")).remedy(remedy)
}
