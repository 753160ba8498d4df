//! What was read of sources, for all targets of an image: they are worked on at about the same time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use local_registry_core::Digest;
use local_registry_oci::{Reference, Repository};
use tokio::time::Instant;

use crate::attached::{CosignTag, Referrers, TagNames, may_have};
use crate::edges::{Item, Ruling};
use crate::image::{Manifests, Memo, Place, PromotionError, Room};

/// How many bytes of manifests are remembered.
const MANIFESTS: usize = 4 << 20;
/// For how many manifests it is remembered whether they are there, and what is attached to them.
const LOOKED_AT: usize = 10_000;
/// How many bytes of tags are remembered, and for how long: signatures may come at any time.
const TAGS: usize = 4 << 20;
const TAGS_FOR: Duration = Duration::from_secs(30);

/// How many bytes of what the rules say are remembered.
const RULINGS: usize = 1 << 20;

type Key = (Repository, Digest);

/// What was read of sources.
pub(crate) struct SourceReads {
    /// Their manifests.
    pub(crate) manifests: Arc<Manifests>,
    existing: Memo<Key, bool>,
    attached: Memo<Key, Attached>,
    tags: Memo<Repository, Tags>,
    rulings: Memo<(Arc<str>, Key), Ruling>,
}

/// Whether anything is attached to a manifest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attached {
    pub(crate) tags: Vec<(CosignTag, Digest)>,
    pub(crate) has_referrers: bool,
}

impl Attached {
    pub(crate) fn is_empty(&self) -> bool {
        self.tags.is_empty() && !self.has_referrers
    }
}

/// The tags of a repository that are about manifests, if the registry lists them.
#[derive(Debug, Clone)]
struct Tags {
    at: Instant,
    names: TagNames,
}

impl Default for SourceReads {
    fn default() -> Self {
        Self {
            manifests: Arc::new(Memo::new(MANIFESTS)),
            existing: Memo::new(LOOKED_AT),
            attached: Memo::new(LOOKED_AT),
            tags: Memo::new(TAGS),
            rulings: Memo::new(RULINGS),
        }
    }
}

impl SourceReads {
    /// Whether a manifest is there.
    pub(crate) async fn has(&self, place: &Place<'_>, digest: &Digest) -> Result<bool, PromotionError> {
        let key = (place.repository.clone(), digest.clone());
        let ask = Box::pin(async {
            let is_there = place.digest(Reference::Digest(digest)).await?.is_some();
            Ok((is_there, is_there.then_some(1)))
        });
        self.existing.get(key, |_| true, ask).await
    }

    /// Whether anything is attached to a manifest, as `ask` finds out. It is remembered if that is sure.
    pub(crate) async fn attached(
        &self,
        place: &Place<'_>,
        digest: &Digest,
        ask: impl Future<Output = Result<(Attached, bool), PromotionError>>,
    ) -> Result<Attached, PromotionError> {
        let key = (place.repository.clone(), digest.clone());
        let ask = async { ask.await.map(|(found, is_sure)| (found, is_sure.then_some(1))) };
        self.attached.get(key, |_| true, ask).await
    }

    /// What the rules of a project say of an image, as `look` finds out.
    pub(crate) async fn ruling(
        &self,
        item: &Item,
        look: impl Future<Output = Result<Ruling, PromotionError>>,
    ) -> Result<Ruling, PromotionError> {
        let key = (Arc::clone(&item.project), (item.source.clone(), item.digest.clone()));
        let look = async { look.await.map(|ruling| (ruling.clone(), Some(ruling.weight()))) };
        self.rulings.get(key, |_| true, look).await
    }

    /// The tags of a source that may be about manifests. A registry that does not list the tag of this image's signatures,
    /// although it has it, hides such tags: then nobody knows.
    pub(crate) async fn tag_names(&self, place: &Place<'_>, image: &Digest, room: &Room) -> TagNames {
        let ask = async {
            // The client learns whether the registry has the API of referrers by this one request, and not by one for each
            // platform.
            let _ = Referrers::read(place, image, room, &Some(Arc::default())).await;
            let found = place.registry.short_list_of_tags(place.repository).await.ok().flatten();
            let names = found.map(|mut names| {
                names.retain(|name| name.starts_with("sha256-"));
                Arc::new(names)
            });
            let weight = names.iter().flat_map(|names| names.iter()).map(|name| name.len() + 100).sum::<usize>();
            Ok::<_, Infallible>((Tags { at: Instant::now(), names }, Some(weight + 1000)))
        };
        let Ok(found) = self.tags.get(place.repository.clone(), |tags| tags.at.elapsed() < TAGS_FOR, ask).await;
        let (names, tag) = (found.names?, CosignTag::Signatures.of(image)?);
        if may_have(&Some(Arc::clone(&names)), &tag) {
            return Some(names);
        }
        let is_hidden = !matches!(place.digest(Reference::Tag(&tag)).await, Ok(None));
        (!is_hidden).then_some(names)
    }
}
