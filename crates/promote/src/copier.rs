//! Copies an image: blobs, then manifests from the leaves up, each after what is attached to it, then the tags.
//!
//! An image is visible by its own digest or tag only when everything is there. So whatever stops a copy, the next one goes
//! on, and what is there already is not sent again.

use std::sync::Arc;

use futures_util::future::try_join_all;
use futures_util::stream::{self, TryStreamExt};

use crate::attachments::{Attachments, LeftOut};
use crate::delivery::Delivery;
use crate::edges::{Item, Progress};
use crate::image::{Manifest, ManifestTree, Parts, Place, PromotionError};
use crate::proof::{check_arrival, is_asked};
use crate::source::{Shared, SourceReads, Transfer};
use local_registry_core::Tag;
use local_registry_oci::{Reference, Registries};

/// How many parts of one image are under way at once.
const AT_ONCE: usize = 16;

/// Copies images between registries.
pub(crate) struct Copier<'r> {
    registries: &'r Registries,
    shared: Shared,
    delivery: Delivery,
}

impl<'r> Copier<'r> {
    pub(crate) fn new(registries: &'r Registries, progress: Arc<dyn Progress>) -> Self {
        Self { registries, shared: Shared::default(), delivery: Delivery::new(progress) }
    }

    /// What was read of sources.
    pub(crate) fn reads(&self) -> &SourceReads {
        &self.shared.reads
    }

    /// Between which registries an item goes.
    pub(crate) fn transfer<'t>(&'t self, item: &'t Item) -> Result<Transfer<'t>, PromotionError> {
        Transfer::new(self.registries, &self.shared, item)
    }

    /// Copies an image with everything that is attached to it, but sets no tag.
    pub(crate) async fn copy(&self, item: &Item, left_out: &LeftOut) -> Result<(), PromotionError> {
        let transfer = self.transfer(item)?;
        {
            let tree = ManifestTree::read(&transfer.source, &item.digest, &transfer.room).await?;
            for manifest in tree.manifests() {
                manifest.is_offered_by(&transfer.source).await?;
            }
            let attachments = Attachments::copied(&self.delivery, &transfer, (&tree, &item.digest), left_out);
            // What proves something about the image comes before anything of it. Nobody sees what the rules refuse, not by the digest
            // of a platform either.
            if is_asked(item)
                && let Some(top) = tree.manifest(&item.digest)
            {
                attachments.of_manifest(&item.digest).await?;
                check_arrival(item, &transfer, &top.raw).await?;
            }
            for level in tree.leaves_first() {
                stream::iter(level.into_iter().map(Ok))
                    .try_for_each_concurrent(AT_ONCE, |manifest| self.manifest(&attachments, manifest, item))
                    .await?;
            }
        }
        // Read back, whole: its digest is checked on the way.
        let Place { repository, .. } = &transfer.target;
        match transfer.target.manifest(Reference::Digest(&item.digest)).await? {
            Some(_) => Ok(()),
            None => Err(PromotionError::NotThere { image: repository.at(&item.digest) }),
        }
    }

    /// Copies what is attached to an image that is there already.
    pub(crate) async fn attach(&self, item: &Item, left_out: &LeftOut) -> Result<(), PromotionError> {
        let transfer = self.transfer(item)?;
        let tree = ManifestTree::read(&transfer.target, &item.digest, &transfer.room).await?;
        let attachments = Attachments::copied(&self.delivery, &transfer, (&tree, &item.digest), left_out);
        attachments.of_image().await
    }

    /// Sets tags of an image that is there. Each is looked at once more, right before and right after: one registry may have
    /// two names, and somebody else may set tags, too.
    pub(crate) async fn tag<'t>(&self, item: &Item, tags: impl Iterator<Item = &'t Tag>) -> Result<(), PromotionError> {
        let Transfer { target, .. } = self.transfer(item)?;
        let by_digest = Reference::Digest(&item.digest);
        let manifest = target.manifest(by_digest).await?;
        let gone = || PromotionError::NotThere { image: target.repository.at(&item.digest) };
        let manifest = manifest.ok_or_else(gone)?;
        let media_type = Parts::read_aside(&manifest).await?.media_type;
        try_join_all(tags.map(async |tag| {
            let image = target.repository.tagged(tag);
            match target.digest(Reference::Tag(tag)).await? {
                Some(found) if found == item.digest => return Ok(()),
                Some(found) => return Err(PromotionError::Moves { image, found }),
                None => target.put(Reference::Tag(tag), &media_type, &manifest).await?,
            }
            match target.digest(Reference::Tag(tag)).await? {
                Some(found) if found == item.digest => Ok(()),
                Some(found) => Err(PromotionError::Moved { image, found }),
                None => Err(PromotionError::NotThere { image }),
            }
        }))
        .await?;
        target.digest(by_digest).await?.map(drop).ok_or_else(gone)
    }

    /// Copies a manifest after its parts. The one of the image itself is not looked for before: the caller knows that it is to
    /// be copied.
    async fn manifest(
        &self,
        attachments: &Attachments<'_>,
        manifest: &Manifest,
        item: &Item,
    ) -> Result<(), PromotionError> {
        let transfer = attachments.transfer;
        let digest = &manifest.raw.digest;
        let by_digest = Reference::Digest(digest);
        let is_top = *digest == item.digest;
        if !is_top && transfer.target.digest(by_digest).await?.is_some() {
            return attachments.of_manifest(digest).await;
        }
        let blobs = self.delivery.shipments.copy_all(transfer, &manifest.parts);
        if is_top && is_asked(item) {
            blobs.await?;
        } else {
            tokio::try_join!(blobs, attachments.of_manifest(digest))?;
        }
        transfer.target.put(by_digest, &manifest.parts.media_type, &manifest.raw).await
    }
}
