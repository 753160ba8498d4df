//! Whether a policy may do what it is for.

use local_registry_cluster::policies::Protection;
use local_registry_core::text::Excerpt;

use super::checked::Checked;
use crate::link::Link;

impl Checked<'_> {
    /// Whether the policy mutates and rejects. `any_mutates`: whether one of the policies that are checked mutates wherever this
    /// one is asked, so that one that does not is a guard.
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
        for protection in self.spec.protections(self.about) {
            let Protection { field, found, expected, otherwise } = protection;
            let link = self.link_of(field);
            links.push(if protection.holds() {
                Link::ok(link, found)
            } else {
                Link::failed(link, format!("it is {}, so {otherwise}", Excerpt(found)))
                    .remedy(format!("set spec.{field}: {expected}"))
            });
        }
        links
    }
}
