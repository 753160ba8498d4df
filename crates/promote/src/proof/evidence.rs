//! What is attached to an image, and proves who has signed it, and where it comes from.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use local_registry_core::{Digest, Quoted, Tag};
use local_registry_oci::{RawManifest, Reference};
use local_registry_promotion_tree::SignatureRule;
use local_registry_signatures::{SignatureError, Signed, Signers};
use oci_spec::image::Descriptor;
use tokio::task::spawn_blocking;

use crate::attached::{
    ATTESTATIONS, BUNDLES, COSIGN_ARTIFACTS, CosignTag, ENVELOPE, ENVELOPES, PAYLOAD, PAYLOADS, REFERRERS, Referrers,
    SIGNATURES,
};
use crate::attachments::{Spent, attached_manifest, signatures_first, within};
use crate::image::{Layer, Parts, Place, PromotionError, Room};

/// How many reasons are named for what proves nothing.
const REASONS: usize = 4;

/// What was found so far.
pub(crate) struct Evidence<'e> {
    rule: &'e SignatureRule,
    place: &'e Place<'e>,
    room: &'e Room,
    image: &'e RawManifest,
    spent: Spent,
    /// How many bytes were read of what is long, and which bundles were read: one proves the same wherever it is named.
    read: u64,
    bundles: HashSet<Digest>,
    is_signed: bool,
    has_provenance: bool,
    /// Why something else that was found proves nothing, and how much more there is.
    rejected: Vec<String>,
    others: usize,
}

impl<'e> Evidence<'e> {
    /// Looks at what is attached to an image until it proves enough: cosign's tags, and then the referrers that are listed. What a
    /// promotion would leave out proves nothing.
    pub(crate) async fn gather(
        rule: &'e SignatureRule,
        place: &'e Place<'e>,
        listed: &Place<'_>,
        room: &'e Room,
        image: &'e RawManifest,
    ) -> Result<Self, PromotionError> {
        let mut evidence = Self {
            rule,
            place,
            room,
            image,
            spent: Spent::default(),
            read: 0,
            bundles: HashSet::new(),
            is_signed: false,
            has_provenance: rule.provenance.is_none(),
            rejected: Vec::new(),
            others: 0,
        };
        for kind in [CosignTag::Signatures, CosignTag::Attestations] {
            let Some(tag) = kind.of(&image.digest).filter(|_| !evidence.is_enough()) else { continue };
            let found = evidence.named(kind, &tag).await;
            evidence.or_rejected(&tag, found)?;
        }
        if !evidence.is_enough() {
            evidence.referrers(listed).await?;
        }
        evidence.spent.turn = None;
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
        let image = self.place.repository.at(&self.image.digest);
        let others = if self.others == 0 { String::new() } else { format!("; and {} more", self.others) };
        match self.rejected.as_slice() {
            [] => format!("{image} does not have {what}: nothing is attached that could be one"),
            rejected => format!("{image} does not have {what}: {}{others}", rejected.join("; ")),
        }
    }

    fn is_enough(&self) -> bool {
        self.is_signed && self.has_provenance
    }

    fn reject(&mut self, what: &dyn Display, reason: &dyn Display) {
        if self.rejected.len() < REASONS {
            self.rejected.push(format!("{what} {reason}"));
        } else {
            self.others += 1;
        }
    }

    /// What is broken proves nothing. A registry that fails is another matter.
    fn or_rejected<T>(
        &mut self,
        what: &dyn Display,
        result: Result<T, PromotionError>,
    ) -> Result<Option<T>, PromotionError> {
        match result {
            Ok(found) => Ok(Some(found)),
            Err(error) if proves_nothing(&error) => {
                self.reject(what, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Looks at what one of cosign's tags names.
    async fn named(&mut self, kind: CosignTag, tag: &Tag) -> Result<(), PromotionError> {
        // GitLab reads such a tag as the digest.
        let found = self.place.digest(Reference::Tag(tag)).await?.filter(|found| *found != self.image.digest);
        let Some(digest) = found else { return Ok(()) };
        let manifest = attached_manifest(self.place, &digest, self.room, &mut self.spent).await?;
        kind.check(&manifest, &self.image.digest, self.place, self.room).await?;
        self.layers(tag, &manifest).await
    }

    async fn referrers(&mut self, place: &Place<'_>) -> Result<(), PromotionError> {
        let listed = Referrers::read(place, &self.image.digest, self.room, &None).await;
        let Some(referrers) = self.or_rejected(&"the list of referrers", listed)? else { return Ok(()) };
        let first = signatures_first(referrers.listed);
        if first.len() > REFERRERS {
            self.reject(&"the image", &format!("has more than {REFERRERS} referrers, and no more count"));
        }
        for (digest, descriptor) in first.iter().take(REFERRERS) {
            if self.is_enough() {
                break;
            }
            let looked = self.referrer(digest, descriptor).await;
            self.or_rejected(digest, looked)?;
        }
        Ok(())
    }

    async fn referrer(&mut self, digest: &Digest, descriptor: &Descriptor) -> Result<(), PromotionError> {
        self.spent.may_have(descriptor.size())?;
        if !may_prove(descriptor) {
            // It is copied, too.
            return self.spent.manifest(usize::try_from(descriptor.size()).unwrap_or(usize::MAX));
        }
        let manifest = attached_manifest(self.place, digest, self.room, &mut self.spent).await?;
        if Parts::read_aside(&manifest).await?.subject.as_ref() != Some(&self.image.digest) {
            return Err(PromotionError::Unfit("is listed for the image, and is about something else".to_owned()));
        }
        self.layers(digest, &manifest).await
    }

    /// Looks at what was signed, and at the signatures of that.
    async fn layers(&mut self, what: &dyn Display, manifest: &RawManifest) -> Result<(), PromotionError> {
        let layers = Layer::all_of(manifest);
        let layers = layers.ok_or_else(|| PromotionError::Unfit("has layers that nobody signs".to_owned()))?;
        for layer in layers.into_iter().take(SIGNATURES) {
            if self.is_enough() {
                break;
            }
            let Some(kind) = Kind::of(&layer) else { continue };
            if kind == Kind::Bundle && self.bundles.contains(&layer.digest) {
                continue;
            }
            let looked = self.layer(what, kind, layer).await;
            self.or_rejected(what, looked)?;
        }
        Ok(())
    }

    async fn layer(&mut self, what: &dyn Display, kind: Kind, layer: Layer) -> Result<(), PromotionError> {
        let longest = if kind == Kind::Payload { PAYLOAD } else { ENVELOPE };
        within(layer.size, longest, "bytes in a layer")?;
        let is_long = layer.size > PAYLOAD;
        let _turn = if is_long { self.room.envelope().await } else { None };
        if is_long {
            within(self.read.saturating_add(layer.size), ATTESTATIONS, "bytes of attestations")?;
        }
        let read = self.place.registry.read_blob(self.place.repository, &layer.blob()).await;
        let bytes = read.map_err(|error| self.place.failed(error))?;
        // Only what is there takes of the limit.
        if is_long {
            self.read += layer.size;
        }
        if kind == Kind::Bundle {
            self.bundles.insert(layer.digest.clone());
        }
        let signed = self.verify(kind, bytes, layer).await?;
        self.count(what, &signed);
        Ok(())
    }

    fn count(&mut self, what: &dyn Display, signed: &Signed) {
        let statement = match signed {
            Signed::Image => return self.is_signed = true,
            Signed::Statement(statement) if statement.signs_image() => return self.is_signed = true,
            Signed::Statement(statement) => statement,
        };
        let refusal = if let (Some(rule), Some(found)) = (&self.rule.provenance, statement.provenance()) {
            rule.refuses(&found)
        } else {
            let wanted = if self.is_signed { "a provenance" } else { "a signature of the image" };
            Some(format!("is an attestation of the type {}, and not {wanted}", Quoted(statement.predicate_type())))
        };
        match refusal {
            None => self.has_provenance = true,
            Some(reason) => self.reject(what, &reason),
        }
    }

    /// Verifies a signature beside the only thread that asks registries.
    async fn verify(&self, kind: Kind, bytes: Bytes, layer: Layer) -> Result<Signed, PromotionError> {
        let (signers, image) = (Arc::clone(&self.rule.signers), self.image.clone());
        match spawn_blocking(move || kind.verify(&signers, &bytes, &layer, &image)).await {
            Ok(Ok(signed)) => Ok(signed),
            Ok(Err(error)) => Err(PromotionError::Unfit(error.to_string())),
            Err(error) => Err(PromotionError::Unfit(format!("could not be verified: {error}"))),
        }
    }
}

/// Whether an error is about something that was found, and not about the registry.
fn proves_nothing(error: &PromotionError) -> bool {
    match error {
        PromotionError::Source(error) | PromotionError::Target(error) => !error.is_outage(),
        error => error.is_about_what_is_attached(),
    }
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
