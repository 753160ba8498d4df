//! The manifests of an image: its own, and those of its children. They are few and small; blobs stay where they are.

use std::collections::{HashMap, HashSet};

use local_registry_core::Digest;
use local_registry_oci::{RawManifest, Reference, Registry, Repository};

use super::error::PromotionError;
use super::parts::Parts;

/// How deep an index may be in others.
const DEEPEST: usize = 4;
/// How many bytes all manifests of an image may have.
const LARGEST: usize = 8 << 20;

/// A manifest, and what it refers to.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) raw: RawManifest,
    pub(super) parts: Parts,
}

/// All manifests of an image, by digest.
#[derive(Debug)]
pub(super) struct ManifestTree {
    top: Digest,
    manifests: HashMap<Digest, Manifest>,
}

impl ManifestTree {
    /// Reads an image from a registry: everything that is not a blob. Nothing is copied of an image that lacks a child, or
    /// that has one that cannot be promoted.
    pub(super) async fn read(
        registry: &Registry,
        repository: &Repository,
        top: &Digest,
    ) -> Result<Self, PromotionError> {
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
            let found = registry.manifest(repository, Reference::Digest(&digest)).await?;
            let Some(raw) = found else {
                return Err(PromotionError::Incomplete { digest, repository: repository.clone() });
            };
            bytes += raw.bytes.len();
            if bytes > LARGEST {
                return Err(PromotionError::TooLarge { digest: top.clone(), largest: LARGEST });
            }
            let parts = Parts::read(&raw)?;
            wanted.extend(parts.children.iter().map(|child| (child.clone(), depth + 1)));
            manifests.insert(digest, Manifest { raw, parts });
        }
        Ok(Self { top: top.clone(), manifests })
    }

    /// One of the image's manifests.
    pub(super) fn manifest(&self, digest: &Digest) -> Option<&Manifest> {
        self.manifests.get(digest)
    }

    /// What the image's own manifest refers to.
    pub(super) fn top_parts(&self) -> Option<&Parts> {
        self.manifest(&self.top).map(|manifest| &manifest.parts)
    }

    /// All manifests, each once: first those without children, then those whose children came before, and so on.
    pub(super) fn leaves_first(&self) -> Vec<Vec<&Manifest>> {
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
    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.manifests.keys()
    }
}
