//! What may have cosign's tags: `sha256-HEX.sig`, `.att` and `.sbom`.
//!
//! They are tags that anybody may pull by, in production too, and whoever may push to the staging registry sets them there.
//! So what they name has to be what cosign writes, and about the image. Whether a signature is valid is not said here.

use std::collections::BTreeSet;

use local_registry_core::{Digest, Quoted, Tag};
use local_registry_oci::{Blob, RawManifest, digest_of};

use super::limits::{ATTESTATIONS, ENVELOPE, PAYLOAD, SIGNATURES};
use super::payload::{attests, signs};
use crate::image::{Layer, Parts, Place, PromotionError, Room};

/// What a tag of cosign is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CosignTag {
    Signatures,
    Attestations,
    Materials,
}

/// What cosign signs, and how it keeps attestations.
pub(crate) const PAYLOADS: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
pub(crate) const ENVELOPES: &str = "application/vnd.dsse.envelope.v1+json";
/// How the types of Sigstore's bundles begin.
pub(crate) const BUNDLES: &str = "application/vnd.dev.sigstore.bundle";
/// How the types of what cosign attaches by a subject begin: the same text that it signs for a tag.
pub(crate) const COSIGN_ARTIFACTS: &str = "application/vnd.dev.cosign.artifact.";
/// The types of bills of materials that `cosign attach sbom` has written, in all of its versions.
const MATERIALS: [&str; 9] = [
    "application/spdx+json",
    "application/vnd.cyclonedx",
    "application/vnd.cyclonedx+json",
    "application/vnd.cyclonedx+xml",
    "application/vnd.syft+json",
    "spdx+json",
    "text/spdx",
    "text/spdx+json",
    "text/spdx+xml",
];

/// The annotation in which cosign keeps a signature.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

impl CosignTag {
    pub(crate) const ALL: [Self; 3] = [Self::Signatures, Self::Attestations, Self::Materials];

    /// The tag for a manifest.
    pub(crate) fn of(self, digest: &Digest) -> Option<Tag> {
        let end = match self {
            Self::Signatures => "sig",
            Self::Attestations => "att",
            Self::Materials => "sbom",
        };
        format!("sha256-{}.{end}", digest.hex()).parse().ok()
    }

    /// Looks whether a manifest is what cosign writes by this tag about an image.
    ///
    /// # Errors
    /// [`PromotionError::Unfit`] if it is not; another error if the registry does not say.
    pub(crate) async fn check(
        self,
        manifest: &RawManifest,
        image: &Digest,
        place: &Place<'_>,
        room: &Room,
    ) -> Result<Parts, PromotionError> {
        let unfit = |reason: String| PromotionError::Unfit(format!("{} {reason}", manifest.digest));
        let parts = Parts::read(manifest)?;
        if parts.is_index {
            return Err(unfit("is an index, which cosign does not write".to_owned()));
        }
        let layers = Layer::all_of(manifest);
        let layers = layers.ok_or_else(|| unfit("has layers that cosign does not write".to_owned()))?;
        let most = if self == Self::Materials { 1 } else { SIGNATURES };
        if layers.is_empty() || layers.len() > most {
            return Err(unfit(format!("has {} layers, and cosign writes 1 to {most}", layers.len())));
        }
        for layer in &layers {
            if !self.writes(layer) {
                return Err(unfit(format!(
                    "has a layer of the type {}, which cosign does not write like that",
                    Quoted(&layer.media_type)
                )));
            }
        }
        let blobs: BTreeSet<Blob> = layers.iter().map(Layer::blob).collect();
        let sum = blobs.iter().fold(0, |sum: u64, blob| sum.saturating_add(blob.size));
        if self == Self::Attestations && sum > ATTESTATIONS {
            return Err(unfit(format!("has attestations of {sum} bytes, and {ATTESTATIONS} are the most")));
        }
        for blob in &blobs {
            if !self.is_about(blob, image, place, room).await? {
                let what = if self == Self::Materials { "text" } else { "about the image" };
                return Err(unfit(format!("is not what cosign writes: its layer {} is not {what}", blob.digest)));
            }
        }
        Ok(parts)
    }

    fn writes(self, layer: &Layer) -> bool {
        let is_signed = layer.annotations.contains_key(SIGNATURE);
        match self {
            Self::Signatures => layer.media_type == PAYLOADS && is_signed,
            Self::Attestations => layer.media_type == ENVELOPES && is_signed,
            Self::Materials => MATERIALS.contains(&&*layer.media_type),
        }
    }

    /// Whether what was signed is the image, or whether it is the text of a bill of materials.
    async fn is_about(
        self,
        blob: &Blob,
        image: &Digest,
        place: &Place<'_>,
        room: &Room,
    ) -> Result<bool, PromotionError> {
        let longest = if self == Self::Signatures { PAYLOAD } else { ENVELOPE };
        if blob.size > longest {
            let reason = format!("the layer {} has more than {longest} bytes", blob.digest);
            return Err(PromotionError::Unfit(reason));
        }
        let _turn = if blob.size > PAYLOAD { room.envelope().await } else { None };
        let bytes = place.registry.read_blob(place.repository, blob).await.map_err(|error| place.failed(error))?;
        Ok(match self {
            Self::Signatures => signs(&bytes, image),
            Self::Attestations => attests(bytes, image.clone()).await,
            // It does not say what it is about. But an archive would be an image that runs.
            Self::Materials => std::str::from_utf8(&bytes).is_ok_and(|text| !text.contains('\0')),
        })
    }
}

/// Whether a manifest has all signatures of another one, as they are described: cosign keeps them in annotations.
pub(crate) fn has_signatures_of(one: &RawManifest, other: &RawManifest) -> bool {
    let described = |manifest: &RawManifest| -> Option<BTreeSet<Digest>> {
        // An object's fields are in order here, however it is laid out.
        let described = |layer: Layer| serde_json::to_vec(&layer).ok().map(|layer| digest_of(&layer));
        Layer::all_of(manifest)?.into_iter().map(described).collect()
    };
    let (Some(one), Some(other)) = (described(one), described(other)) else { return false };
    !other.is_empty() && other.is_subset(&one)
}
