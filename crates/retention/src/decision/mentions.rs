//! Which manifests the cluster names: by their digest, by that of their configuration, or by something below them.

use std::collections::BTreeMap;

use local_registry_core::Digest;

use super::inventory::Inventory;
use crate::names::named::{Named, Object};

/// The manifests that the cluster names by digest, and the first object that does.
pub(crate) fn named_manifests<'a>(inventory: &'a Inventory, named: &'a Named) -> BTreeMap<&'a Digest, &'a Object> {
    let digests = named.digests();
    let mut parents: BTreeMap<&Digest, Vec<&Digest>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    let mut open = Vec::new();
    for (digest, manifest) in &inventory.manifests {
        for child in &manifest.children {
            parents.entry(child).or_default().push(digest);
        }
        // Some runtimes name an image by its configuration.
        let config = manifest.config.as_ref().map(|config| &config.digest);
        let mut own = std::iter::once(digest).chain(config).chain(&manifest.children);
        if let Some(object) = own.find_map(|digest| digests.get(digest)) {
            open.push((digest, *object));
        }
    }
    while let Some((digest, object)) = open.pop() {
        if found.insert(digest, object).is_none() {
            open.extend(parents.get(digest).into_iter().flatten().map(|parent| (*parent, object)));
        }
    }
    found
}
