//! Whether a policy's settings say what the cluster declares.

use crate::link::Link;
use local_registry_cluster::Policy;
use local_registry_declaration::Declared;
use local_registry_sync::Plan;

/// Whether the settings say what the cluster declares. `is_served`: whether the policy server is known to serve them.
pub(crate) fn settings(subject: &str, policy: &Policy, declared: &Declared, is_served: bool) -> Link {
    let subject = format!("{subject} settings");
    match Plan::new(declared, policy) {
        Ok(Plan::Unchanged) if is_served => Link::ok(subject, "they say what the cluster declares, and are served"),
        Ok(Plan::Unchanged) => {
            Link::warning(subject, "they say what the cluster declares, but it is not known whether they are served")
        }
        Ok(Plan::Apply(declared)) => {
            let seen = format!("they are {}, and the cluster declares {}", policy.settings(), declared.to_json());
            Link::failed(subject, seen).remedy("run local-registry-sync for this policy")
        }
        Ok(Plan::Foreign(fields)) => Link::warning(subject, fields.to_string()).remedy(fields.remedy()),
        Err(error) => Link::failed(subject, error.to_string()),
    }
}
