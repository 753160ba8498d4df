//! What a repository has.

use std::collections::{BTreeMap, BTreeSet};

use local_registry_core::{Digest, Tag};

use super::attachment;

/// What was read of a repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inventory {
    /// What each tag names.
    pub(crate) tags: BTreeMap<Tag, Digest>,
    /// What tags and the cluster name, and everything below it. What an index names and the registry does not have is not there.
    pub(crate) manifests: BTreeMap<Digest, Manifest>,
}

/// What matters of a manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// What an index names.
    pub(crate) children: Vec<Digest>,
    /// What the manifest says that it is attached to.
    pub(crate) subject: Option<Digest>,
    /// The configuration.
    pub(crate) config: Option<Config>,
    /// The date in its annotations, as it is written.
    pub(crate) annotation: Option<String>,
    /// What it needs of the storage, and how large that is.
    pub(crate) parts: Vec<(Digest, u64)>,
}

/// A configuration, as a manifest describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// Whether it is that of an image, which has a date.
    pub(crate) is_of_an_image: bool,
}

impl Inventory {
    /// What a tag is attached to, by its name or by what its manifest says; `None` for an image.
    pub(crate) fn subject(&self, tag: &Tag) -> Option<Digest> {
        let said = || self.manifests.get(self.tags.get(tag)?)?.subject.clone();
        attachment::subject(tag).or_else(said)
    }

    /// The tags that name a manifest.
    pub(crate) fn tags_of<'i>(&'i self, digest: &'i Digest) -> impl Iterator<Item = &'i Tag> {
        self.tags.iter().filter(move |(_, named)| *named == digest).map(|(tag, _)| tag)
    }

    /// How many bytes these manifests need that others do not.
    pub(crate) fn bytes_alone(&self, going: &BTreeSet<Digest>) -> u64 {
        let parts = |goes: bool| {
            let chosen = self.manifests.iter().filter(move |(digest, _)| going.contains(*digest) == goes);
            chosen.flat_map(|(_, manifest)| &manifest.parts)
        };
        let needed: BTreeSet<&Digest> = parts(false).map(|(digest, _)| digest).collect();
        let alone: BTreeMap<&Digest, u64> = parts(true).map(|(digest, size)| (digest, *size)).collect();
        alone.iter().filter(|(digest, _)| !needed.contains(*digest)).map(|(_, size)| *size).fold(0, u64::saturating_add)
    }
}
