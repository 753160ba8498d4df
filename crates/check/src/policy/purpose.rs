//! Whether a policy may do what it is for.

use crate::link::Link;
use local_registry_cluster::Policy;

/// The fields that make a policy do nothing unless they have this value, and what happens otherwise. Kubewarden's CRD and
/// the API server default them to this value.
const FIELDS: [(&str, &str, &str); 2] = [
    ("mode", "protect", "the policy is asked, but its answers are ignored"),
    ("failurePolicy", "Fail", "an image that cannot be resolved goes to Docker Hub"),
];

/// Whether the policy mutates and rejects. `any_mutates`: whether one of the policies that are checked mutates, so that
/// one that does not is a guard.
pub(crate) fn purpose(subject: &str, policy: &Policy, any_mutates: bool) -> Vec<Link> {
    let mut links = Vec::new();
    if !policy.is_mutating() {
        let subject = format!("{subject} mutating");
        links.push(if any_mutates {
            Link::ok(subject, "it is a guard: it rejects what another policy should have resolved")
        } else {
            Link::failed(subject, "spec.mutating is not true").remedy("set spec.mutating: true, or nothing is injected")
        });
    }
    for (field, expected, otherwise) in FIELDS {
        let found = policy.str(&format!("/spec/{field}")).unwrap_or(expected);
        let subject = format!("{subject} {field}");
        links.push(if found == expected {
            Link::ok(subject, found)
        } else {
            Link::failed(subject, format!("it is {found}, so {otherwise}"))
                .remedy(format!("set spec.{field}: {expected}"))
        });
    }
    links
}
