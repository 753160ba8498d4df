//! What is attached to an image: signatures, attestations, bills of materials.
//!
//! There are three ways to attach something to a manifest with the digest `sha256:HEX`: a manifest that names it as its
//! subject, found by the API of referrers; the same, listed in an index with the tag `sha256-HEX`, for registries without
//! that API; and cosign's tags `sha256-HEX.sig`, `.att` and `.sbom`.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use oci_spec::image::{Descriptor, ImageIndex};

use local_registry_core::{Digest, Tag};
use local_registry_oci::{RawManifest, Reference, Registry, Repository};

use super::error::PromotionError;
use super::manifest_tree::ManifestTree;
use super::parts::Parts;

/// How deep signatures of signatures are followed.
pub(super) const DEEPEST: usize = 4;
/// The ends of cosign's tags.
const COSIGN: [&str; 3] = ["sig", "att", "sbom"];

/// What is attached to one manifest.
#[derive(Debug, Default)]
pub(super) struct Attached {
    /// What names the manifest as its subject, or is listed for it.
    pub(super) referrers: BTreeMap<Digest, Descriptor>,
    /// cosign's tags, and what they name.
    pub(super) tags: Vec<(Tag, Digest)>,
    /// Whether the registry has the API of referrers.
    pub(super) has_api: bool,
    /// The index that lists the referrers, for a registry without that API.
    pub(super) index: Option<RawManifest>,
}

impl Attached {
    /// Asks a registry what is attached to a manifest.
    pub(super) async fn read(
        registry: &Registry,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Self, PromotionError> {
        let cosign = try_join_all(COSIGN.iter().filter_map(|end| tag(digest, &format!(".{end}"))).map(async |tag| {
            let found = registry.manifest_digest(repository, Reference::Tag(&tag)).await?;
            Ok::<_, PromotionError>(found.map(|digest| (tag, digest)))
        }));
        let (cosign, listed) = tokio::try_join!(cosign, Self::listed(registry, repository, digest))?;
        Ok(Self { tags: cosign.into_iter().flatten().collect(), ..listed })
    }

    /// What counts at a depth: cosign's tags are about images, and not about what is attached to them.
    pub(super) async fn read_at(
        depth: usize,
        registry: &Registry,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Self, PromotionError> {
        if depth == 0 {
            Self::read(registry, repository, digest).await
        } else {
            Self::listed(registry, repository, digest).await
        }
    }

    /// The referrers alone.
    pub(super) async fn listed(
        registry: &Registry,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Self, PromotionError> {
        if let Some(found) = registry.referrers(repository, digest).await? {
            return Ok(Self { referrers: by_digest(found), has_api: true, ..Self::default() });
        }
        let Some(tag) = index_tag(digest) else { return Ok(Self::default()) };
        let Some(index) = registry.manifest(repository, Reference::Tag(&tag)).await? else {
            return Ok(Self::default());
        };
        let referrers = serde_json::from_slice::<ImageIndex>(&index.bytes)
            .map(|parsed| by_digest(parsed.manifests().clone()))
            // Somebody's image may have such a tag. It lists nothing.
            .unwrap_or_default();
        Ok(Self { referrers, index: Some(index), ..Self::default() })
    }

    /// Whether nothing is attached.
    pub(super) fn is_empty(&self) -> bool {
        self.referrers.is_empty() && self.tags.is_empty()
    }
}

/// A referrer of a manifest, with all of its manifests. `None` if it is not there, or is about something else: an index may list anything.
pub(super) async fn referrer(
    registry: &Registry,
    repository: &Repository,
    referrer: &Digest,
    subject: &Digest,
) -> Result<Option<ManifestTree>, PromotionError> {
    let Some(manifest) = registry.manifest(repository, Reference::Digest(referrer)).await? else { return Ok(None) };
    if Parts::read(&manifest)?.subject.as_ref() != Some(subject) {
        return Ok(None);
    }
    ManifestTree::read(registry, repository, referrer).await.map(Some)
}

/// The tag of the index that lists referrers.
pub(super) fn index_tag(digest: &Digest) -> Option<Tag> {
    tag(digest, "")
}

fn tag(digest: &Digest, end: &str) -> Option<Tag> {
    format!("sha256-{}{end}", digest.hex()).parse().ok()
}

fn by_digest(descriptors: Vec<Descriptor>) -> BTreeMap<Digest, Descriptor> {
    let digest = |descriptor: &Descriptor| descriptor.digest().to_string().parse().ok();
    descriptors.into_iter().filter_map(|descriptor| Some((digest(&descriptor)?, descriptor))).collect()
}
