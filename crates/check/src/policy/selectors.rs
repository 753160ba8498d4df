//! Whether a policy's selectors leave something out.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Subject;
use crate::builds::StoredBuilds;
use crate::link::Link;
use crate::names::Names;
use crate::selector::{Selector, SelectorError};
use local_registry_cluster::Policy;
use local_registry_cluster::{Cluster, Listed};
use local_registry_core::text::with_causes;

/// What to do about a selector that leaves out everything, and about one that leaves out something.
const NAMESPACE_REMEDIES: [&str; 2] =
    ["remove spec.namespaceSelector, or nothing is resolved", "remove spec.namespaceSelector, unless that is meant"];
const OBJECT_REMEDIES: [&str; 2] =
    ["remove spec.objectSelector, or nothing is resolved", "remove spec.objectSelector, unless that is meant"];

/// The name and labels of a namespace.
#[derive(Debug, Clone, Deserialize)]
struct Namespace {
    metadata: Metadata,
}

#[derive(Debug, Clone, Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// The selector of objects that a policy has, if any.
pub(crate) fn object_selector(policy: &Policy) -> Result<Option<Selector>, SelectorError> {
    Selector::read(policy.pointer("/spec/objectSelector"))
}

/// The links of the policy's selectors, or one that says that there are none.
pub(crate) async fn selectors(
    subject: &str,
    about: Subject,
    policy: &Policy,
    cluster: &Cluster,
    stored: &StoredBuilds,
) -> Vec<Link> {
    let mut links = Vec::new();
    let unreadable = |subject: &str, error: &SelectorError| {
        Link::warning(subject, format!("it cannot be read: {error}")).remedy("correct the policy")
    };
    let of_namespaces = format!("{subject} namespaceSelector");
    match Selector::read(policy.pointer("/spec/namespaceSelector")) {
        Ok(None) => {}
        Ok(Some(selector)) => links.push(compare_with_namespaces(of_namespaces, &selector, cluster).await),
        Err(error) => links.push(unreadable(&of_namespaces, &error)),
    }
    let of_objects = format!("{subject} objectSelector");
    match object_selector(policy) {
        Ok(None) => {}
        Ok(Some(selector)) => {
            // Pods come and go, so those that are there now say little.
            let stored = Some(stored).filter(|_| about == Subject::Builds);
            links.push(compare_with_builds(of_objects, &selector, stored));
        }
        Err(error) => links.push(unreadable(&of_objects, &error)),
    }
    if links.is_empty() {
        links.push(Link::ok(format!("{subject} selectors"), "they leave no namespace and no object out"));
    }
    links
}

async fn compare_with_namespaces(subject: String, selector: &Selector, cluster: &Cluster) -> Link {
    let [nothing, something] = NAMESPACE_REMEDIES;
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
        Err(error) => Link::warning(subject, format!("{found}: {}", with_causes(&error))),
        Ok(()) if matched == 0 => {
            Link::failed(subject, format!("{found}, and there is no such namespace")).remedy(nothing)
        }
        Ok(()) if left_out.count() == 0 => {
            let seen = format!("{found}; these are all namespaces now, but a new one may be left out");
            Link::warning(subject, seen).remedy(something)
        }
        Ok(()) => Link::warning(subject, format!("{found}; no image is resolved in {left_out}")).remedy(something),
    }
}

fn compare_with_builds(subject: String, selector: &Selector, stored: Option<&StoredBuilds>) -> Link {
    let [nothing, something] = OBJECT_REMEDIES;
    let found = format!("it sees only objects with {selector}");
    if selector.is_impossible() {
        return Link::failed(subject, format!("{found}, which nothing has")).remedy(nothing);
    }
    match stored.and_then(|stored| stored.matched(selector)) {
        Some((0, count)) if count > 0 => {
            Link::failed(subject, format!("{found}, which none of {count} Builds has")).remedy(nothing)
        }
        Some((matched, count)) if count > 0 => {
            let seen = format!("{found}, which {matched} of {count} Builds have; no other image is resolved");
            Link::warning(subject, seen).remedy(something)
        }
        _ => Link::warning(subject, format!("{found}; no other image is resolved")).remedy(something),
    }
}
