//! An image to promote to one repository, under all of its tags.

use std::collections::HashMap;

use crate::manifest::Edge;
use local_registry_core::{Digest, Tag};
use local_registry_oci::Repository;

/// The edges that only differ in their tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) project: String,
    pub(super) source: Repository,
    pub(super) digest: Digest,
    pub(super) target: Repository,
    pub(super) tags: Vec<Tag>,
}

impl Item {
    /// The items of these edges, in the order in which the first edge of each came.
    pub(super) fn group(edges: impl IntoIterator<Item = Edge>) -> Vec<Self> {
        let mut items: Vec<Self> = Vec::new();
        let mut known: HashMap<(Repository, Digest, Repository), usize> = HashMap::new();
        for Edge { project, source, digest, target, tag } in edges {
            let index = *known.entry((source.clone(), digest.clone(), target.clone())).or_insert(items.len());
            if index == items.len() {
                items.push(Self { project, source, digest, target, tags: Vec::new() });
            }
            if let Some(item) = items.get_mut(index) {
                item.tags.extend(tag);
            }
        }
        items
    }

    /// The edge of one tag, or of the digest alone.
    pub(super) fn edge(&self, tag: Option<&Tag>) -> Edge {
        let Self { project, source, digest, target, .. } = self.clone();
        Edge { project, source, digest, target, tag: tag.cloned() }
    }

    /// Every edge: one for each tag, or the one of the digest.
    pub(super) fn edges(&self) -> Vec<Edge> {
        if self.tags.is_empty() {
            return vec![self.edge(None)];
        }
        self.tags.iter().map(|tag| self.edge(Some(tag))).collect()
    }
}
