//! What is attached to an image, and what becomes of it: it is copied, or only looked at.
//!
//! One walk decides for both what belongs to the image. Whatever is broken, over a limit or not about it is left out, and
//! reported; the image goes. Only a registry that fails stops it: then nobody knows what is attached.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use futures_util::stream::{self, TryStreamExt};
use local_registry_core::Digest;
use local_registry_oci::{RawManifest, Reference};
use tokio::sync::OnceCell;

use super::left_out::LeftOut;
use super::spent::{Spent, attached_manifest};
use crate::attached::{CosignTag, Referrers, TagNames, may_have};
use crate::delivery::Delivery;
use crate::image::{Manifest, ManifestTree, Parts, PromotionError, turn};
use crate::source::{Attached, Transfer};

/// For how many manifests of an image it is looked at once what is attached.
const AT_ONCE: usize = 16;

/// The walk through what is attached to an image.
pub(crate) struct Attachments<'a> {
    pub(crate) transfer: &'a Transfer<'a>,
    pub(crate) image: &'a ManifestTree,
    top: &'a Digest,
    /// The tags of the source, once somebody wants them.
    names: OnceCell<TagNames>,
    pub(crate) left_out: &'a LeftOut,
    /// What copies; without, it is only looked what the target lacks.
    pub(crate) delivery: Option<&'a Delivery>,
    missing: Mutex<BTreeSet<String>>,
}

impl<'a> Attachments<'a> {
    /// Copies what is attached.
    pub(crate) fn copied(
        delivery: &'a Delivery,
        transfer: &'a Transfer<'a>,
        image: (&'a ManifestTree, &'a Digest),
        left_out: &'a LeftOut,
    ) -> Self {
        Self { delivery: Some(delivery), ..Self::seen(transfer, image, left_out) }
    }

    /// Looks what would be copied.
    pub(crate) fn seen(
        transfer: &'a Transfer<'a>,
        (image, top): (&'a ManifestTree, &'a Digest),
        left_out: &'a LeftOut,
    ) -> Self {
        Self { transfer, image, top, names: OnceCell::new(), left_out, delivery: None, missing: Mutex::default() }
    }

    /// What the target lacks: digests of referrers, and tags of cosign.
    pub(crate) fn into_missing(self) -> BTreeSet<String> {
        self.missing.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_missing(&self, name: String) {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
    }

    /// Goes through what is attached to the image, and to each of its parts.
    pub(crate) async fn of_image(&self) -> Result<(), PromotionError> {
        stream::iter(self.image.digests().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |digest| self.of_manifest(digest))
            .await
    }

    /// Goes through what is attached to one manifest of the image. That may be at the target before what it is about.
    pub(crate) async fn of_manifest(&self, digest: &Digest) -> Result<(), PromotionError> {
        let Transfer { source, reads, .. } = self.transfer;
        let attached = reads.attached(source, digest, Box::pin(self.look(digest))).await?;
        if attached.is_empty() {
            return Ok(());
        }
        // What is listed was only looked at, and is read anew: it takes memory until all of it is there.
        let _turn = turn(&self.transfer.attached).await;
        let mut spent = Spent::default();
        for (kind, found) in attached.tags {
            let before = spent.blobs;
            if self.or_left_out(self.cosign(kind, digest, &found, &mut spent).await)?.is_none() {
                spent.blobs = before;
            }
        }
        if attached.has_referrers {
            self.referrers(digest, 0, &mut spent).await?;
        }
        Ok(())
    }

    /// Looks whether anything is attached to a manifest, and whether that is sure.
    async fn look(&self, digest: &Digest) -> Result<(Attached, bool), PromotionError> {
        let names = self.names().await;
        let (mut found, mut is_sure) = (Attached::default(), true);
        for kind in CosignTag::ALL {
            let Some(tag) = kind.of(digest).filter(|tag| may_have(names, tag)) else { continue };
            match self.or_left_out(self.transfer.source.digest(Reference::Tag(&tag)).await)? {
                Some(digest) => found.tags.extend(digest.map(|digest| (kind, digest))),
                None => is_sure = false,
            }
        }
        match self.or_left_out(self.referrers_of(digest).await)? {
            Some(referrers) => found.has_referrers = !referrers.is_empty(),
            None => is_sure = false,
        }
        Ok((found, is_sure))
    }

    /// The tags of the source, if it lists them.
    async fn names(&self) -> &TagNames {
        let Transfer { source, reads, room, .. } = self.transfer;
        self.names.get_or_init(|| Box::pin(reads.tag_names(source, self.top, room))).await
    }

    /// Leaves something out if it cannot be promoted.
    pub(crate) fn or_left_out<T>(&self, result: Result<T, PromotionError>) -> Result<Option<T>, PromotionError> {
        match result {
            Ok(found) => Ok(Some(found)),
            Err(error) => self.left_out.add_error(error).map(|()| None),
        }
    }

    pub(crate) async fn referrers_of(&self, digest: &Digest) -> Result<Referrers, PromotionError> {
        Referrers::read(&self.transfer.source, digest, &self.transfer.room, self.names().await).await
    }

    /// A manifest of the source that is attached.
    pub(crate) async fn manifest(&self, digest: &Digest, spent: &mut Spent) -> Result<RawManifest, PromotionError> {
        attached_manifest(&self.transfer.source, digest, &self.transfer.room, spent).await
    }

    /// Copies one manifest that is attached, after what is attached to it, or looks whether it could be.
    pub(crate) async fn take(
        &self,
        manifest: &Manifest,
        level: usize,
        spent: &mut Spent,
    ) -> Result<(), PromotionError> {
        let Manifest { raw, parts } = manifest;
        spent.add_blobs(parts.size())?;
        manifest.is_offered_by(&self.transfer.source).await?;
        let Some(delivery) = self.delivery else { return self.check_blobs(parts).await };
        delivery.shipments.copy_all(self.transfer, parts).await?;
        self.referrers(&raw.digest, level + 1, spent).await?;
        self.transfer.target.put(Reference::Digest(&raw.digest), &parts.media_type, raw).await
    }

    /// Looks whether the source has all blobs as they are described.
    pub(crate) async fn check_blobs(&self, parts: &Parts) -> Result<(), PromotionError> {
        let source = &self.transfer.source;
        for blob in &parts.blobs {
            let checked = source.registry.check_blob(source.repository, blob).await;
            checked.map_err(|error| source.failed(error))?;
        }
        Ok(())
    }
}
