//! An image to promote to one repository, under all of its tags.

use std::collections::HashMap;
use std::sync::Arc;

use super::report::{Remarks, Report, State};
use local_registry_core::{Digest, Tag};
use local_registry_oci::Repository;
use local_registry_promotion_tree::{Edge, ProjectRules, Rules};

/// The edges of a project that only differ in their tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) project: Arc<str>,
    pub(crate) source: Repository,
    pub(crate) digest: Digest,
    pub(crate) target: Repository,
    pub(crate) tags: Vec<Tag>,
    /// What its project demands of it, if it has rules.
    pub(crate) rules: Option<Arc<Rules>>,
}

impl Item {
    /// The items of these edges, in the order in which the first edge of each came.
    pub(crate) fn group(edges: impl IntoIterator<Item = Edge>, rules: &ProjectRules) -> Vec<Self> {
        let mut items: Vec<Self> = Vec::new();
        let mut known: HashMap<(Arc<str>, Repository, Digest, Repository), usize> = HashMap::new();
        for Edge { project, source, digest, target, tag } in edges {
            let index =
                *known.entry((project.clone(), source.clone(), digest.clone(), target.clone())).or_insert(items.len());
            if index == items.len() {
                let rules = rules.of(&project).cloned();
                items.push(Self { project, source, digest, target, tags: Vec::new(), rules });
            }
            if let Some(item) = items.get_mut(index) {
                item.tags.extend(tag);
            }
        }
        items
    }

    /// The edge of one tag, or of the digest alone.
    fn edge(&self, tag: Option<&Tag>) -> Edge {
        let Self { project, source, digest, target, .. } = self.clone();
        Edge { project, source, digest, target, tag: tag.cloned() }
    }

    /// Why nothing is promoted by a tag, if so.
    pub(crate) fn denies(&self, tag: &Tag) -> Option<String> {
        self.rules.as_ref()?.denies(tag)
    }

    /// The tags that it is promoted by.
    pub(crate) fn allowed_tags(&self) -> impl Iterator<Item = &Tag> {
        self.tags.iter().filter(|tag| self.denies(tag).is_none())
    }

    /// Whether its rules deny all of its tags.
    pub(crate) fn is_denied(&self) -> bool {
        !self.tags.is_empty() && self.allowed_tags().next().is_none()
    }

    /// What tells its edges apart: each of its tags, or none.
    pub(crate) fn tags_or_none(&self) -> impl Iterator<Item = Option<&Tag>> {
        let none = if self.tags.is_empty() { Some(None) } else { None };
        self.tags.iter().map(Some).chain(none)
    }

    /// The reports of its edges, which have these states.
    pub(crate) fn reports(&self, states: impl IntoIterator<Item = State>, remarks: &Remarks) -> Vec<Report> {
        let Remarks { left_out, warnings } = remarks;
        let reports = self.tags_or_none().zip(states);
        let report = |(tag, state)| Report {
            edge: self.edge(tag),
            state,
            left_out: left_out.clone(),
            warnings: warnings.clone(),
        };
        reports.map(report).collect()
    }
}
