//! A request that writes a Build or BuildRun.

use super::fields::{DELETION, LABEL, SPEC_MASKS, Version};
use crate::admission::{ANNOTATIONS, Settings};
use crate::json::Node;

/// A request that creates or updates a Build or BuildRun.
pub(super) struct BuildRequest<'r> {
    pub(super) version: Version,
    pub(super) object: &'r Node<'r>,
    /// The object before an UPDATE.
    pub(super) old: Option<&'r Node<'r>>,
    pub(super) namespace: &'r str,
    /// Nothing of the request is stored, nor was anything of the requests before it in the same dry run.
    pub(super) is_dry_run: bool,
    pub(super) settings: &'r Settings,
}

impl BuildRequest<'_> {
    /// Whether this is an UPDATE that changes nothing of what this room reads.
    pub(super) fn changes_nothing(&self) -> bool {
        self.old.is_some_and(|old| is_alike(self.object, old))
    }

    /// Whether this is an UPDATE that changes the label of a Build whose output is local.
    pub(super) fn changes_label(&self) -> bool {
        self.old.is_some_and(|old| old.at(LABEL).ok().flatten() != self.object.at(LABEL).ok().flatten())
    }

    /// Whether the object was being deleted before an UPDATE.
    pub(super) fn is_of_deleted(&self) -> bool {
        self.old.is_some_and(|old| matches!(old.at(DELETION), Ok(Some(_))))
    }
}

/// Whether two versions of an object have the same of what says which images it has. A label says nothing about them, and
/// neither does whether the object is being deleted, nor what is read of other kinds.
pub(super) fn is_alike(object: &Node<'_>, old: &Node<'_>) -> bool {
    SPEC_MASKS.iter().map(|(name, _)| *name).all(|name| {
        let field = |object| Node::field(object, "spec")?.field(name);
        field(object) == field(old)
    }) && object.at(ANNOTATIONS).ok() == old.at(ANNOTATIONS).ok()
}
