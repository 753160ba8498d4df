//! The walk through the referrers of a manifest, and through theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;

use local_registry_core::Digest;
use local_registry_oci::{RawManifest, Reference};
use oci_spec::image::Descriptor;

use super::spent::Spent;
use super::walk::Attachments;
use crate::attached::{BUNDLES, COSIGN_ARTIFACTS, LEVELS, MANIFESTS, REFERRERS, Referrers};
use crate::image::{Manifest, ManifestTree, Parts, PromotionError};
use crate::source::Transfer;

/// How the types of signatures begin.
const SIGNATURE_TYPES: [&str; 3] = [BUNDLES, COSIGN_ARTIFACTS, "application/vnd.cncf.notary.signature"];

/// The order in which referrers are taken, as many as there may be: what says that it is a signature, then what is small. So
/// junk does not take their places by its digest.
pub(crate) fn signatures_first(referrers: BTreeMap<Digest, Descriptor>) -> Vec<(Digest, Descriptor)> {
    let is_signature = |descriptor: &Descriptor| {
        let artifact_type = descriptor.artifact_type().as_ref().map(ToString::to_string).unwrap_or_default();
        SIGNATURE_TYPES.iter().any(|signature| artifact_type.starts_with(signature))
    };
    let mut all: Vec<(Digest, Descriptor)> = referrers.into_iter().collect();
    all.sort_by_key(|(_, descriptor)| (!is_signature(descriptor), descriptor.size()));
    // One more than that says that there are more.
    all.truncate(REFERRERS + 1);
    all
}

type Walking<'f> = Pin<Box<dyn Future<Output = Result<(), PromotionError>> + 'f>>;

impl Attachments<'_> {
    /// Goes through the referrers of a manifest, and then through theirs.
    pub(crate) fn referrers<'f>(&'f self, subject: &'f Digest, level: usize, spent: &'f mut Spent) -> Walking<'f> {
        Box::pin(async move {
            let Some(referrers) = self.or_left_out(self.referrers_of(subject).await)? else { return Ok(()) };
            let Referrers { listed: referrers, strange, index, .. } = referrers;
            for reason in strange {
                self.left_out.add(reason);
            }
            if referrers.is_empty() {
                return Ok(());
            }
            if level == LEVELS {
                let reason = format!("what is attached to {subject}, which is {LEVELS} levels away from the image");
                self.left_out.add(reason);
                return Ok(());
            }
            let mut listed = Vec::new();
            for (found, descriptor) in &signatures_first(referrers) {
                if !spent.referrer() {
                    self.left_out.add(format!("all but {REFERRERS} referrers, signatures among them perhaps"));
                    break;
                }
                let before = spent.blobs;
                let done = self.referrer(subject, (found, descriptor), level, spent).await;
                if done.is_err() {
                    // What is left out leaves room for others.
                    spent.blobs = before;
                }
                let done = done.map_err(|error| match error {
                    PromotionError::Unfit(reason) => PromotionError::Unfit(format!("{found}: {reason}")),
                    error => error,
                });
                if self.or_left_out(done)?.is_some() {
                    listed.push(descriptor.clone());
                }
            }
            self.or_left_out(self.list(subject, &listed, index.as_ref()).await)?;
            Ok(())
        })
    }

    /// Lists referrers at the target, if that does not do so by itself, or looks whether it lists them.
    async fn list(
        &self,
        subject: &Digest,
        listed: &[Descriptor],
        of_source: Option<&RawManifest>,
    ) -> Result<(), PromotionError> {
        if listed.is_empty() {
            return Ok(());
        }
        let Transfer { target, room, .. } = self.transfer;
        let existing = match Referrers::read(target, subject, room, &None).await {
            Ok(existing) => existing,
            // It lists more than anybody reads, by itself.
            Err(PromotionError::Target(error)) if error.is_too_long() => return Ok(()),
            Err(error) => return Err(error),
        };
        match self.delivery {
            Some(delivery) if !existing.has_api => delivery.indexes.list(target, subject, listed, of_source).await,
            Some(_) => Ok(()),
            None => {
                let known: BTreeSet<&str> = existing.listed.keys().map(Digest::as_str).collect();
                let digests = listed.iter().map(|one| one.digest().to_string());
                digests.filter(|digest| !known.contains(digest.as_str())).for_each(|digest| self.is_missing(digest));
                Ok(())
            }
        }
    }

    /// Goes through one referrer of a manifest.
    async fn referrer(
        &self,
        subject: &Digest,
        (digest, descriptor): (&Digest, &Descriptor),
        level: usize,
        spent: &mut Spent,
    ) -> Result<(), PromotionError> {
        let Transfer { target, .. } = self.transfer;
        if self.image.has(digest) {
            return Err(PromotionError::Unfit("is a part of the image".to_owned()));
        }
        spent.may_have(descriptor.size())?;
        let raw = self.manifest(digest, spent).await?;
        let parts = Parts::read_aside(&raw).await?;
        if parts.subject.as_ref() != Some(subject) {
            return Err(PromotionError::Unfit("is listed for the image, and is about something else".to_owned()));
        }
        if target.digest(Reference::Digest(digest)).await?.is_some() {
            return self.referrers(digest, level + 1, spent).await;
        }
        let top = Manifest { raw, parts };
        if !top.parts.children.is_empty() {
            return self.index(&top, level, spent).await;
        }
        self.take(&top, level, spent).await?;
        if self.delivery.is_none() {
            self.is_missing(digest.to_string());
        }
        Ok(())
    }

    /// Goes through a referrer that has children.
    async fn index(&self, top: &Manifest, level: usize, spent: &mut Spent) -> Result<(), PromotionError> {
        let Transfer { source, target, room, .. } = self.transfer;
        if spent.turn.is_none() {
            spent.turn = room.large_attached().await;
        }
        let left = MANIFESTS.saturating_sub(spent.manifests) + top.raw.bytes.len();
        let tree = ManifestTree::within(source, &top.raw.digest, left).await?;
        spent.manifest(tree.bytes().saturating_sub(top.raw.bytes.len()))?;
        if tree.digests().any(|digest| self.image.has(digest)) {
            return Err(PromotionError::Unfit("has a part of the image as its own part".to_owned()));
        }
        for manifest in tree.leaves_first().into_iter().flatten() {
            let digest = &manifest.raw.digest;
            if *digest != top.raw.digest && target.digest(Reference::Digest(digest)).await?.is_some() {
                continue;
            }
            self.take(manifest, level, spent).await?;
        }
        if self.delivery.is_none() {
            self.is_missing(top.raw.digest.to_string());
        }
        Ok(())
    }
}
