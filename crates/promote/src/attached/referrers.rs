//! What a registry lists as attached to a manifest: its referrers.
//!
//! A manifest that names another one as its subject is found by the API of referrers; without that API, by the index that
//! has the tag `sha256-HEX`.

use std::collections::BTreeMap;

use oci_spec::image::{Descriptor, ImageIndex};

use local_registry_core::{Digest, Quoted, Tag};
use local_registry_oci::{RawManifest, Reference};

use super::limits::{ANNOTATIONS, INDEX};
use super::tag_names::{TagNames, may_have};
use crate::image::{Parts, Place, PromotionError, Room};

/// The referrers of one manifest.
#[derive(Debug, Default)]
pub(crate) struct Referrers {
    pub(crate) listed: BTreeMap<Digest, Descriptor>,
    /// Digests that are listed, and are none that can be promoted.
    pub(crate) strange: Vec<String>,
    /// Whether the registry has the API of referrers.
    pub(crate) has_api: bool,
    /// The index that lists them, for a registry without that API.
    pub(crate) index: Option<RawManifest>,
}

impl Referrers {
    /// Asks a registry, of which these tags are known.
    pub(crate) async fn read(
        place: &Place<'_>,
        digest: &Digest,
        room: &Room,
        names: &TagNames,
    ) -> Result<Self, PromotionError> {
        let listed = {
            let _turn = room.list().await;
            place.registry.referrers(place.repository, digest).await.map_err(|error| place.failed(error))?
        };
        match listed {
            Some(found) => Ok(Self { has_api: true, ..Self::of(found) }),
            None => Self::of_index(place, digest, names).await,
        }
    }

    async fn of_index(place: &Place<'_>, digest: &Digest, names: &TagNames) -> Result<Self, PromotionError> {
        let Some(tag) = index_tag(digest).filter(|tag| may_have(names, tag)) else { return Ok(Self::default()) };
        let Some(index) = place.manifest(Reference::Tag(&tag)).await? else { return Ok(Self::default()) };
        // GitLab reads this tag as the digest.
        if index.digest == *digest {
            return Ok(Self::default());
        }
        // Somebody's image may have such a tag. It lists nothing.
        if !Parts::read_aside(&index).await?.is_index {
            return Ok(Self::default());
        }
        if index.bytes.len() > INDEX {
            return Err(PromotionError::Unfit(format!("{tag}, the list of referrers, has more than {INDEX} bytes")));
        }
        let parsed = serde_json::from_slice::<ImageIndex>(&index.bytes);
        let parsed = parsed.map_err(|_| PromotionError::Unfit(format!("{tag} is not a list of referrers")))?;
        Ok(Self { index: Some(index), ..Self::of(parsed.manifests().clone()) })
    }

    fn of(descriptors: Vec<Descriptor>) -> Self {
        let mut referrers = Self::default();
        for descriptor in descriptors {
            let digest = descriptor.digest().to_string();
            match digest.parse() {
                Ok(digest) => drop(referrers.listed.insert(digest, slim(descriptor))),
                Err(_) => referrers.strange.push(format!("{} is not a SHA-256 digest", Quoted(&digest))),
            }
        }
        referrers
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.strange.is_empty()
    }
}

/// A descriptor without annotations, if there are many: a list may have ten thousand, and each takes a hundred bytes.
fn slim(mut descriptor: Descriptor) -> Descriptor {
    if descriptor.annotations().as_ref().is_some_and(|all| all.len() > ANNOTATIONS) {
        descriptor.set_annotations(None);
    }
    descriptor
}

/// The tag of the index that lists referrers.
pub(crate) fn index_tag(digest: &Digest) -> Option<Tag> {
    format!("sha256-{}", digest.hex()).parse().ok()
}
