//! What is attached to an image, and proves who has signed it, and where it comes from.

use std::sync::Arc;

use bytes::Bytes;
use local_registry_core::{Digest, Tag};
use local_registry_oci::{RawManifest, Reference};
use local_registry_signatures::{SignatureError, Signed, Signers, Statement};
use oci_spec::image::Descriptor;
use tokio::task::spawn_blocking;

use crate::attached::{
    BUNDLES, CosignTag, ENVELOPE, ENVELOPES, MANIFESTS, NAMED, PAYLOAD, PAYLOADS, REFERRERS, Referrers, SIGNATURES,
};
use crate::attachments::{signatures_first, within};
use crate::image::{Layer, Parts, Place, PromotionError, Room, SMALL};
use local_registry_promotion_tree::{ProvenanceRule, Rules};

/// What cosign says of a manifest with signatures that names its image as subject.
const COSIGN_ARTIFACTS: &str = "application/vnd.dev.cosign.artifact.";

/// What was found so far.
pub(crate) struct Evidence<'e> {
    rules: &'e Arc<Rules>,
    place: &'e Place<'e>,
    image: RawManifest,
    room: &'e Room,
    is_signed: bool,
    has_provenance: bool,
    /// Why something else that was found proves nothing.
    rejected: Vec<String>,
}

impl<'e> Evidence<'e> {
    /// Looks at what is attached to an image until it proves enough: cosign's tags, and then referrers.
    pub(crate) async fn gather(
        rules: &'e Arc<Rules>,
        place: &'e Place<'e>,
        image: &Digest,
        room: &'e Room,
    ) -> Result<Self, PromotionError> {
        let image = place.whole_manifest(image).await?;
        let (is_signed, has_provenance) = (false, rules.provenance.is_none());
        let mut evidence = Self { rules, place, image, room, is_signed, has_provenance, rejected: Vec::new() };
        for kind in [CosignTag::Signatures, CosignTag::Attestations] {
            let is_wanted = if kind == CosignTag::Signatures { !evidence.is_signed } else { !evidence.has_provenance };
            if let Some(tag) = kind.of(&evidence.image.digest).filter(|_| is_wanted) {
                let found = evidence.named(kind, &tag).await;
                evidence.or_rejected(&tag, found)?;
            }
        }
        if !evidence.is_enough() {
            evidence.referrers().await?;
        }
        Ok(evidence)
    }

    /// Why the image does not count as signed, if so.
    pub(crate) fn lacks_signature(&self) -> Option<String> {
        (!self.is_signed).then(|| self.lacks("a valid signature"))
    }

    /// Why the image does not count as coming from where it should, if so.
    pub(crate) fn lacks_provenance(&self) -> Option<String> {
        (!self.has_provenance).then(|| self.lacks("a valid provenance"))
    }

    fn lacks(&self, what: &str) -> String {
        let rejected = if self.rejected.is_empty() { String::new() } else { format!(": {}", self.rejected.join("; ")) };
        format!("{} does not have {what}{rejected}", self.place.repository.at(&self.image.digest))
    }

    fn is_enough(&self) -> bool {
        self.is_signed && self.has_provenance
    }

    fn reject(&mut self, what: &dyn std::fmt::Display, reason: &dyn std::fmt::Display) {
        if self.rejected.len() < NAMED {
            self.rejected.push(format!("{what} {reason}"));
        }
    }

    /// What is broken proves nothing. A registry that fails is another matter.
    fn or_rejected<T>(
        &mut self,
        what: &dyn std::fmt::Display,
        result: Result<T, PromotionError>,
    ) -> Result<Option<T>, PromotionError> {
        match result {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_about_what_is_attached() => {
                self.reject(what, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Looks at what one of cosign's tags names.
    async fn named(&mut self, kind: CosignTag, tag: &Tag) -> Result<(), PromotionError> {
        let Some(manifest) = self.place.manifest(Reference::Tag(tag)).await? else { return Ok(()) };
        // GitLab reads such a tag as the digest.
        if manifest.digest == self.image.digest {
            return Ok(());
        }
        kind.check(&manifest, &self.image.digest, self.place, self.room).await?;
        self.layers(tag, &manifest).await
    }

    async fn referrers(&mut self) -> Result<(), PromotionError> {
        let listed = Referrers::read(self.place, &self.image.digest, self.room, &None).await;
        let Some(referrers) = self.or_rejected(&"the list of referrers", listed)? else { return Ok(()) };
        let first = signatures_first(referrers.listed);
        for (digest, descriptor) in first.iter().take(REFERRERS) {
            if self.is_enough() {
                return Ok(());
            }
            if may_prove(descriptor) {
                let looked = self.referrer(digest, descriptor).await;
                self.or_rejected(digest, looked)?;
            }
        }
        if first.len() > REFERRERS && !self.is_enough() {
            self.reject(&"the image", &format!("has more than {REFERRERS} referrers"));
        }
        Ok(())
    }

    async fn referrer(&mut self, digest: &Digest, descriptor: &Descriptor) -> Result<(), PromotionError> {
        within(descriptor.size(), MANIFESTS as u64, "bytes of manifests")?;
        let _turn = if descriptor.size() > SMALL as u64 { self.room.large_attached().await } else { None };
        let manifest = self.place.whole_manifest(digest).await?;
        if Parts::read_aside(&manifest).await?.subject.as_ref() != Some(&self.image.digest) {
            return Err(PromotionError::Unfit("is listed for the image, and is about something else".to_owned()));
        }
        self.layers(digest, &manifest).await
    }

    /// Looks at what was signed, and at the signatures of that.
    async fn layers(&mut self, what: &dyn std::fmt::Display, manifest: &RawManifest) -> Result<(), PromotionError> {
        let layers = Layer::all_of(manifest);
        let layers = layers.ok_or_else(|| PromotionError::Unfit("has layers that nobody signs".to_owned()))?;
        for layer in layers.into_iter().take(SIGNATURES) {
            if self.is_enough() {
                break;
            }
            let Some(kind) = Kind::of(&layer) else { continue };
            let longest = if kind == Kind::Payload { PAYLOAD } else { ENVELOPE };
            if layer.size > longest {
                self.reject(what, &format!("has more than {longest} bytes in the layer {}", layer.digest));
                continue;
            }
            let _turn = if layer.size > PAYLOAD { self.room.envelope().await } else { None };
            let blob = layer.blob();
            let read = self.place.registry.read_blob(self.place.repository, &blob).await;
            let read = read.map_err(|error| self.place.failed(error));
            let Some(bytes) = self.or_rejected(what, read)? else { continue };
            match self.verify(kind, bytes, layer).await {
                Ok(signed) => self.count(what, signed),
                Err(error) => self.reject(what, &error),
            }
        }
        Ok(())
    }

    fn count(&mut self, what: &dyn std::fmt::Display, signed: Signed) {
        match (signed, &self.rules.provenance) {
            (Signed::Image, _) => self.is_signed = true,
            (Signed::Statement(statement), rule) => {
                self.is_signed |= statement.signs_image();
                let reason = rule.as_ref().and_then(|rule| refusal(rule, &statement));
                match reason {
                    None => self.has_provenance |= rule.is_some() && statement.provenance().is_some(),
                    Some(reason) => self.reject(what, &reason),
                }
            }
        }
    }

    /// Verifies a signature beside the only thread that asks registries.
    async fn verify(&self, kind: Kind, bytes: Bytes, layer: Layer) -> Result<Signed, PromotionError> {
        let (rules, image) = (Arc::clone(self.rules), self.image.clone());
        let verified = spawn_blocking(move || {
            let signers = rules.signatures.as_ref().map(|rule| &rule.signers);
            signers.map(|signers| kind.verify(signers, &bytes, &layer, &image))
        });
        match verified.await {
            Ok(Some(Ok(signed))) => Ok(signed),
            Ok(Some(Err(error))) => Err(PromotionError::Unfit(error.to_string())),
            Ok(None) => Err(PromotionError::Unfit("is signed, and the rules name nobody who signs".to_owned())),
            Err(error) => Err(PromotionError::Unfit(format!("could not be verified: {error}"))),
        }
    }
}

/// Why a statement is not the provenance that is asked for, if it is a provenance.
fn refusal(rule: &ProvenanceRule, statement: &Statement) -> Option<String> {
    rule.refuses(&statement.provenance()?)
}

/// Whether a referrer may prove something, by what its registry says of it.
fn may_prove(descriptor: &Descriptor) -> bool {
    let artifact_type = descriptor.artifact_type().as_ref().map(ToString::to_string).unwrap_or_default();
    let known = [BUNDLES, COSIGN_ARTIFACTS, PAYLOADS, ENVELOPES];
    // Registries that do not know the field give the type of the configuration, or nothing.
    artifact_type.is_empty()
        || artifact_type.starts_with("application/vnd.oci.")
        || known.iter().any(|known| artifact_type.starts_with(known))
}

/// What a layer has that is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Payload,
    Envelope,
    Bundle,
}

impl Kind {
    fn of(layer: &Layer) -> Option<Self> {
        match layer.media_type.as_str() {
            PAYLOADS => Some(Self::Payload),
            ENVELOPES => Some(Self::Envelope),
            other => other.starts_with(BUNDLES).then_some(Self::Bundle),
        }
    }

    fn verify(
        self,
        signers: &Signers,
        bytes: &[u8],
        layer: &Layer,
        image: &RawManifest,
    ) -> Result<Signed, SignatureError> {
        match self {
            Self::Payload => signers.verify_payload(bytes, &layer.annotations, &image.digest).map(|()| Signed::Image),
            Self::Envelope => signers.verify_envelope(bytes, &layer.annotations, &image.digest).map(Signed::Statement),
            Self::Bundle => signers.verify_bundle(bytes, &image.digest, &image.bytes),
        }
    }
}
