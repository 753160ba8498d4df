//! What becomes of a tag, and why.

use std::collections::{BTreeMap, BTreeSet};

use local_registry_core::{Digest, Tag};

use super::date::Undated;
use crate::names::named::Object;

/// What becomes of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    Kept(Reason),
    /// The tag goes, and its manifest stays: something else needs that.
    Untagged,
    /// The manifest goes, with all of its tags.
    Deleted,
}

/// Why a tag stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// This object of the cluster names it.
    Named(Object),
    /// It is one of the newest images.
    Newest,
    /// It is too young to go.
    Young,
    /// Nobody knows how old it is.
    Undated(Undated),
    /// It is attached to something that stays.
    Attached,
    /// It is attached to something that is not known here.
    Unattached,
    /// It was pushed, or moved, while the program ran.
    Changed,
}

/// What becomes of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    /// What becomes of each tag.
    pub(crate) fates: BTreeMap<Tag, Fate>,
    /// The manifests that go, in the order in which they go.
    pub(crate) removals: Vec<Digest>,
}

impl Decision {
    /// Whether anything goes.
    pub(crate) fn deletes(&self) -> bool {
        !self.removals.is_empty() || self.untagged().next().is_some()
    }

    /// The tags that go while their manifests stay.
    pub(crate) fn untagged(&self) -> impl Iterator<Item = &Tag> {
        self.fates.iter().filter(|(_, fate)| **fate == Fate::Untagged).map(|(tag, _)| tag)
    }

    /// The manifests that go.
    pub(crate) fn going(&self) -> BTreeSet<Digest> {
        self.removals.iter().cloned().collect()
    }
}
