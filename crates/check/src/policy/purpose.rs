//! Whether a policy may do what it is for.

use super::checked::Checked;
use crate::link::Link;

impl Checked<'_> {
    /// Whether the policy mutates and rejects. `any_mutates`: whether one of the policies that are checked mutates, so that
    /// one that does not is a guard.
    pub(super) fn purpose(&self, any_mutates: bool) -> Vec<Link> {
        let mut links = Vec::new();
        if !self.spec.mutating {
            let link = self.link_of("mutating");
            links.push(if any_mutates {
                Link::ok(link, "it is a guard: it rejects what another policy should have resolved")
            } else {
                Link::failed(link, "spec.mutating is not true")
                    .remedy("set spec.mutating: true, or nothing is injected")
            });
        }
        // The fields that make a policy do nothing unless they have this value, and what happens otherwise. Kubewarden's CRD
        // and the API server default them to this value.
        for (field, found, expected, otherwise) in [
            ("mode", &self.spec.mode, "protect", "the policy is asked, but its answers are ignored"),
            ("failurePolicy", &self.spec.failure_policy, "Fail", "an image that cannot be resolved goes to Docker Hub"),
        ] {
            let found = found.as_deref().unwrap_or(expected);
            let link = self.link_of(field);
            links.push(if found == expected {
                Link::ok(link, found)
            } else {
                Link::failed(link, format!("it is {found}, so {otherwise}"))
                    .remedy(format!("set spec.{field}: {expected}"))
            });
        }
        links
    }
}
