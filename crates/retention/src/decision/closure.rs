//! What hangs together: an index and what it names, an image and what is attached to it.

use std::collections::{BTreeMap, BTreeSet};

use local_registry_core::{Digest, Tag};

use super::inventory::Inventory;

/// What is attached to what, by tags.
pub(crate) struct Attachments<'a> {
    /// The tag, what it names and what it is attached to.
    pub(crate) all: Vec<(&'a Tag, &'a Digest, Digest)>,
    by_subject: BTreeMap<Digest, Vec<&'a Digest>>,
}

impl<'a> Attachments<'a> {
    pub(crate) fn of(inventory: &'a Inventory) -> Self {
        let all: Vec<(&Tag, &Digest, Digest)> =
            inventory.tags.iter().filter_map(|(tag, digest)| Some((tag, digest, inventory.subject(tag)?))).collect();
        let mut by_subject: BTreeMap<Digest, Vec<&Digest>> = BTreeMap::new();
        for (_, digest, subject) in &all {
            by_subject.entry(subject.clone()).or_default().push(digest);
        }
        Self { all, by_subject }
    }

    /// What is attached to a manifest.
    pub(crate) fn to(&self, subject: &Digest) -> &[&'a Digest] {
        self.by_subject.get(subject).map(Vec::as_slice).unwrap_or_default()
    }

    /// Adds to `reached` what can be reached from `start` without what `barrier` has: everything below it, and everything that is
    /// attached to that.
    pub(crate) fn reach<'s>(
        &self,
        inventory: &Inventory,
        start: impl IntoIterator<Item = &'s Digest>,
        barrier: &BTreeSet<Digest>,
        reached: &mut BTreeSet<Digest>,
    ) {
        let mut open: Vec<Digest> = start.into_iter().cloned().collect();
        while let Some(digest) = open.pop() {
            let Some(manifest) = inventory.manifests.get(&digest) else { continue };
            if barrier.contains(&digest) || reached.contains(&digest) {
                continue;
            }
            open.extend(manifest.children.iter().cloned());
            open.extend(self.to(&digest).iter().map(|attached| (*attached).clone()));
            reached.insert(digest);
        }
    }
}
