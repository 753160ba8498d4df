//! Whether a policy's selectors leave something out.

use std::collections::BTreeMap;

use local_registry_cluster::policies::{Resources, ShippedPolicy};
use local_registry_cluster::{Cluster, Listed, Selector, SelectorError};
use local_registry_core::text::with_causes;
use serde::Deserialize;

use super::checked::Checked;
use crate::builds::StoredBuilds;
use crate::link::Link;
use crate::names::Names;

/// What to do about a selector that leaves out everything, and about one that leaves out something.
const NAMESPACE_REMEDIES: [&str; 2] =
    ["remove spec.namespaceSelector, or nothing is resolved", "remove spec.namespaceSelector, unless that is meant"];
/// The same of a policy for labelled namespaces: without a selector, it would be asked in all.
const LABELLED_REMEDIES: [&str; 2] = [
    "give it the namespaceSelector of charts/local-registry/files/policies/labelled.yaml, or nothing is resolved",
    "give it the namespaceSelector of charts/local-registry/files/policies/labelled.yaml, unless that is meant",
];
const OBJECT_REMEDIES: [&str; 2] =
    ["remove spec.objectSelector, or nothing is resolved", "remove spec.objectSelector, unless that is meant"];

/// The name and labels of a namespace.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Namespace {
    pub(super) metadata: Metadata,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Metadata {
    pub(super) name: String,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}

impl Checked<'_> {
    /// The links of the policy's selectors, or one that says that there are none.
    pub(super) async fn selectors(&self, stored: &StoredBuilds, cluster: &Cluster) -> Vec<Link> {
        let mut links = Vec::new();
        let link = self.link_of("namespaceSelector");
        if let Some(labels) = self.spec.dropped_labels(self.name) {
            let seen = format!(
                "its matchLabels select nothing: Kubewarden drops them from a ClusterAdmissionPolicy, so it is also asked in namespaces without {labels}"
            );
            links.push(Link::warning(&link, seen).remedy("write them as matchExpressions, or remove them"));
        }
        match self.spec.namespace_selector(self.name) {
            Ok(None) => {}
            Ok(Some(selector)) if self.is_shipped(&selector) => {
                links.push(Link::ok(link, format!("it sees only namespaces with {selector}, as it is shipped")));
            }
            Ok(Some(selector)) => {
                let remedies = match self.about {
                    Resources::LabelledWorkloads => LABELLED_REMEDIES,
                    Resources::Builds | Resources::Workloads => NAMESPACE_REMEDIES,
                };
                links.push(compare_with_namespaces(link, &selector, remedies, cluster).await);
            }
            Err(error) => links.push(unreadable(link, &error)),
        }
        let link = self.link_of("objectSelector");
        match self.spec.object_selector() {
            Ok(None) => {}
            Ok(Some(selector)) => {
                // Pods come and go, so those that are there now say little.
                let stored = Some(stored).filter(|_| self.about == Resources::Builds);
                links.push(compare_with_builds(link, &selector, stored));
            }
            Err(error) => links.push(unreadable(link, &error)),
        }
        if links.is_empty() {
            links.push(Link::ok(self.link_of("selectors"), "they leave no namespace and no object out"));
        }
        links
    }

    /// Whether a selector of namespaces asks for nothing that the shipped one does not.
    fn is_shipped(&self, selector: &Selector) -> bool {
        let shipped = ShippedPolicy::of(self.about, self.name.namespace().is_some()).namespace_selector;
        shipped.is_some_and(|shipped| selector.beyond(&[shipped]).is_none())
    }
}

pub(super) fn unreadable(link: String, error: &SelectorError) -> Link {
    Link::warning(link, format!("it cannot be read: {error}")).remedy("correct the policy")
}

async fn compare_with_namespaces(
    link: String,
    selector: &Selector,
    [nothing, something]: [&str; 2],
    cluster: &Cluster,
) -> Link {
    let (mut matched, mut left_out) = (0_usize, Names::default());
    let show = |Namespace { metadata }| {
        if selector.matches(&metadata.labels) {
            matched += 1;
        } else {
            left_out.push(|| metadata.name);
        }
    };
    let listed = cluster.each(Listed::Namespaces, show).await;
    let found = format!("it sees only namespaces with {selector}");
    match listed {
        Err(error) => Link::warning(link, format!("{found}: {}", with_causes(&error))),
        Ok(()) if matched == 0 => {
            Link::failed(link, format!("{found}, and there is no such namespace")).remedy(nothing)
        }
        Ok(()) if left_out.count() == 0 => {
            let seen = format!("{found}; these are all namespaces now, but a new one may be left out");
            Link::warning(link, seen).remedy(something)
        }
        Ok(()) => Link::warning(link, format!("{found}; no image is resolved in {left_out}")).remedy(something),
    }
}

fn compare_with_builds(link: String, selector: &Selector, stored: Option<&StoredBuilds>) -> Link {
    let [nothing, something] = OBJECT_REMEDIES;
    let found = format!("it sees only objects with {selector}");
    if selector.is_impossible() {
        return Link::failed(link, format!("{found}, which nothing has")).remedy(nothing);
    }
    match stored.and_then(|stored| stored.matched(selector)) {
        Some((0, count)) if count > 0 => {
            Link::failed(link, format!("{found}, which none of {count} Builds has")).remedy(nothing)
        }
        Some((matched, count)) if count > 0 => {
            let seen = format!("{found}, which {matched} of {count} Builds have; no other image is resolved");
            Link::warning(link, seen).remedy(something)
        }
        _ => Link::warning(link, format!("{found}; no other image is resolved")).remedy(something),
    }
}
