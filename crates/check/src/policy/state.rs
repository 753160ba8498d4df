//! Whether a policy is served.

use local_registry_core::text::Excerpt;

use super::checked::Checked;
use crate::link::Link;

/// Conditions that Kubewarden's controller sets to `True` once the API server calls the policy, and once every pod of the
/// policy server has the policy's newest settings.
const CONDITIONS: [&str; 2] = ["PolicyActive", "PolicyUniquelyReachable"];

impl Checked<'_> {
    /// Whether every pod of the policy server serves the policy with its newest settings.
    ///
    /// `policyStatus` alone does not show that: it stays `active` while the policy server rolls, and also if the roll hangs.
    pub(super) fn state(&self) -> Link {
        let mut trouble = Vec::new();
        let status = self.status.policy_status.as_deref().unwrap_or("unknown");
        let is_active = status == "active";
        if !is_active {
            trouble.push(format!("its status is {}, not active", Excerpt(status)));
        }
        for kind in CONDITIONS {
            match self.status.conditions.iter().find(|condition| condition.kind == kind) {
                None if is_active => trouble.push(format!("it has no condition {kind}")),
                None => {}
                Some(condition) => match condition.status.as_deref() {
                    Some("True") => {}
                    status => {
                        let (status, message) = (Excerpt(status.unwrap_or("unknown")), Excerpt(&condition.message));
                        trouble.push(format!("{kind} is {status}: {message}"));
                    }
                },
            }
        }
        if trouble.is_empty() {
            return Link::ok(self.link(), "it is active, and its policy server serves its newest settings");
        }
        let remedy = match self.spec.policy_server() {
            Ok(server) if is_active => {
                let namespace = &self.scope.policy_servers;
                format!(
                    "wait until the policy server has rolled; if it hangs, see why: kubectl describe pods --namespace {namespace} --selector kubewarden/policy-server={server}"
                )
            }
            _ => {
                let kind = self.name.kind().to_lowercase();
                let arguments = self.name.arguments();
                format!("see what the Kubewarden controller says of it: kubectl describe {kind} {arguments}")
            }
        };
        Link::failed(self.link(), trouble.join(", ")).remedy(remedy)
    }
}
