//! Whether a policy's settings say what the cluster declares.

use local_registry_core::text::Excerpt;
use local_registry_declaration::Declared;
use local_registry_sync::Plan;

use super::checked::Checked;
use crate::link::Link;

impl Checked<'_> {
    /// Whether the settings say what the cluster declares. `is_served`: whether the policy server is known to serve them.
    pub(super) fn settings(&self, declared: &Declared, is_served: bool) -> Link {
        let link = self.link_of("settings");
        match Plan::new(declared, &self.policy) {
            Ok(Plan::Unchanged) if is_served => Link::ok(link, "they say what the cluster declares, and are served"),
            Ok(Plan::Unchanged) => {
                Link::warning(link, "they say what the cluster declares, but it is not known whether they are served")
            }
            Ok(Plan::Apply(expected)) => {
                let [found, expected] = [self.policy.settings(), expected.to_json()].map(|value| value.to_string());
                let (found, expected) = (Excerpt(&found), Excerpt(&expected));
                let seen = format!("they are {found}, and the cluster declares {expected}");
                Link::failed(link, seen).remedy("run local-registry-sync for this policy")
            }
            Ok(Plan::Foreign(fields)) => Link::warning(link, fields.to_string()).remedy(fields.remedy()),
            Err(error) => Link::failed(link, error.to_string()),
        }
    }
}
