//! The manifests of an image: its own, and those of its children. They are few and small; blobs stay where they are.

use std::collections::{HashMap, HashSet};

use local_registry_core::Digest;
use local_registry_oci::RawManifest;

use super::error::PromotionError;
use super::parts::Parts;
use super::place::Place;
use super::room::{LARGEST, MEDIUM, Room, SMALL, Turn};

/// How deep an index may be in others.
const DEEPEST: usize = 4;

/// A manifest, and what it refers to.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) raw: RawManifest,
    pub(crate) parts: Parts,
}

impl Manifest {
    /// Looks whether a registry has the layers that are not to be distributed, and that their owner does not offer.
    pub(crate) async fn is_offered_by(&self, place: &Place<'_>) -> Result<(), PromotionError> {
        for foreign in &self.parts.foreign {
            let has_it = place.registry.has_blob(place.repository, &foreign.0).await;
            if !has_it.map_err(|error| place.failed(error))? {
                return Err(Parts::foreign(&self.raw.digest, foreign).into());
            }
        }
        Ok(())
    }
}

/// All manifests of an image, by digest.
#[derive(Debug)]
pub(crate) struct ManifestTree {
    manifests: HashMap<Digest, Manifest>,
    /// The turn of an image that is not small, until its manifests are not needed any more.
    _turn: Turn,
}

impl ManifestTree {
    /// Reads an image from a registry: everything that is not a blob. Nothing is copied of an image that lacks a child, or
    /// that has one that cannot be promoted.
    pub(crate) async fn read(place: &Place<'_>, top: &Digest, room: &Room) -> Result<Self, PromotionError> {
        match Self::within(place, top, SMALL).await {
            Err(PromotionError::TooLarge { .. }) => {}
            tree => return tree,
        }
        {
            let turn = room.medium_image().await;
            match Self::within(place, top, MEDIUM).await {
                Err(PromotionError::TooLarge { .. }) => {}
                tree => return Ok(Self { _turn: turn, ..tree? }),
            }
        }
        let turn = room.large_image().await;
        Ok(Self { _turn: turn, ..Self::within(place, top, LARGEST).await? })
    }

    /// Reads an image whose manifests have no more than so many bytes.
    pub(crate) async fn within(place: &Place<'_>, top: &Digest, largest: usize) -> Result<Self, PromotionError> {
        let mut manifests: HashMap<Digest, Manifest> = HashMap::new();
        let mut wanted = vec![(top.clone(), 0)];
        let mut bytes = 0;
        while let Some((digest, depth)) = wanted.pop() {
            if manifests.contains_key(&digest) {
                continue;
            }
            if depth > DEEPEST {
                return Err(PromotionError::TooDeep { digest, deepest: DEEPEST });
            }
            let raw = place.whole_manifest(&digest).await?;
            bytes += raw.bytes.len();
            if bytes > largest {
                return Err(PromotionError::TooLarge { digest: top.clone(), largest });
            }
            let parts = Parts::read_aside(&raw).await?;
            wanted.extend(parts.children.iter().map(|child| (child.clone(), depth + 1)));
            manifests.insert(digest, Manifest { raw, parts });
        }
        Ok(Self { manifests, _turn: None })
    }

    /// How many bytes all of them have.
    pub(crate) fn bytes(&self) -> usize {
        self.manifests().map(|manifest| manifest.raw.bytes.len()).sum()
    }

    /// All manifests.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.manifests.values()
    }

    /// One of them, if the image has it.
    pub(crate) fn manifest(&self, digest: &Digest) -> Option<&Manifest> {
        self.manifests.get(digest)
    }

    /// Whether the image has a manifest.
    pub(crate) fn has(&self, digest: &Digest) -> bool {
        self.manifests.contains_key(digest)
    }

    /// All manifests, each once: first those without children, then those whose children came before, and so on.
    pub(crate) fn leaves_first(&self) -> Vec<Vec<&Manifest>> {
        let mut levels = Vec::new();
        let mut done: HashSet<&Digest> = HashSet::new();
        let mut rest: Vec<&Manifest> = self.manifests.values().collect();
        while !rest.is_empty() {
            let is_ready = |manifest: &&Manifest| manifest.parts.children.iter().all(|child| done.contains(child));
            let (level, later): (Vec<&Manifest>, Vec<&Manifest>) = rest.into_iter().partition(is_ready);
            // Digests have no circles, and a whole image has all children.
            if level.is_empty() {
                break;
            }
            done.extend(level.iter().map(|manifest| &manifest.raw.digest));
            levels.push(level);
            rest = later;
        }
        levels
    }

    /// The digests of all manifests.
    pub(crate) fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.manifests.keys()
    }
}
