//! Who may sign, and whether they did.

use std::collections::BTreeMap;

use local_registry_core::Digest;
use serde::de::DeserializeOwned;

use crate::attestation::Statement;
use crate::encoding::{read_json, sha256};
use crate::error::{Kind, SignatureError};
use crate::form::{Bundle, Content, Envelope, Evidence, Payload, evidence_of, signature_of};
use crate::keyless;
use crate::log::SignedBytes;
use crate::trust::{Identity, PublicKey};

/// Those whose signatures count: any of several keys, or of several identities. Without both, none counts.
///
/// A signature by one of the keys needs nothing else. Any other one needs a certificate of one of the identities, and an entry of
/// its transparency log.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use local_registry_signatures::{PublicKey, Signers};
/// # macro_rules! data {
/// #     ($name:literal) => { include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cosign/", $name)) };
/// # }
///
/// // What cosign keeps by the image's tag `sha256-HEX.sig`: a layer, and its annotations.
/// let payload = data!("p256/payload.json");
/// let annotations: BTreeMap<String, String> = serde_json::from_str(data!("p256/annotations.json"))?;
///
/// let (key, image) = (data!("p256/cosign.pub").parse::<PublicKey>()?, data!("image.txt").trim().parse()?);
/// let signers = Signers::new(vec![key], Vec::new());
/// signers.verify_payload(payload.as_bytes(), &annotations, &image)?;
///
/// let changed = payload.replace("critical", "Critical");
/// let error = signers.verify_payload(changed.as_bytes(), &annotations, &image).unwrap_err();
/// assert_eq!(error.to_string(), "is signed by a key that the rules do not name");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Signers {
    keys: Vec<PublicKey>,
    identities: Vec<Identity>,
}

/// What somebody signed, as a bundle has it.
///
/// ```
/// use local_registry_signatures::Signed;
///
/// /// Whether that is a signature of the image, and not another statement about it.
/// fn signs_image(signed: &Signed) -> bool {
///     match signed {
///         Signed::Image => true,
///         Signed::Statement(statement) => statement.signs_image(),
///     }
/// }
///
/// assert!(signs_image(&Signed::Image));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Signed {
    /// The image's manifest.
    Image,
    /// A statement about the image, which may say anything about it.
    Statement(Statement),
}

impl Signers {
    /// Those with these keys, and these identities.
    #[must_use]
    pub fn new(keys: Vec<PublicKey>, identities: Vec<Identity>) -> Self {
        Self { keys, identities }
    }

    /// Verifies cosign's signature of an image: a layer of what its tag `sha256-HEX.sig` names, with the annotations of the layer.
    ///
    /// # Errors
    /// A [`SignatureError`] if none of the signers made it, or if it is about another image.
    pub fn verify_payload(
        &self,
        payload: &[u8],
        annotations: &BTreeMap<String, String>,
        image: &Digest,
    ) -> Result<(), SignatureError> {
        let signature = signature_of(annotations)?;
        self.verify(&SignedBytes::plain(payload), &[signature], || evidence_of(annotations))?;
        let Payload { digest } = read("its payload", payload)?;
        if digest != image.as_str() {
            return Err(Kind::OtherImage { found: digest, expected: image.clone() }.into());
        }
        Ok(())
    }

    /// Verifies cosign's attestation of an image: a layer of what its tag `sha256-HEX.att` names, with the annotations of the layer.
    ///
    /// # Errors
    /// A [`SignatureError`] if none of the signers made it, or if it is about another image.
    pub fn verify_envelope(
        &self,
        envelope: &[u8],
        annotations: &BTreeMap<String, String>,
        image: &Digest,
    ) -> Result<Statement, SignatureError> {
        let envelope: Envelope = read("its envelope", envelope)?;
        Ok(self.verify_statement(&envelope, || evidence_of(annotations), image)?)
    }

    /// Verifies a Sigstore bundle about an image, as cosign attaches it since version 3. Some bundles are signatures of the image's
    /// `manifest` itself: its bytes, of which `image` is the digest.
    ///
    /// # Errors
    /// A [`SignatureError`] if none of the signers made it, or if it is about another image.
    pub fn verify_bundle(&self, bundle: &[u8], image: &Digest, manifest: &[u8]) -> Result<Signed, SignatureError> {
        let (content, material) = read::<Bundle>("its bundle", bundle)?.open()?;
        match content {
            Content::Envelope(envelope) => {
                Ok(Signed::Statement(self.verify_statement(&envelope, || material.evidence(), image)?))
            }
            Content::Manifest { signature, hash } => {
                if sha256(manifest) != image.hex() {
                    return Err(Kind::OtherManifest(image.clone()).into());
                }
                self.verify(&SignedBytes::plain(manifest), &[signature], || material.evidence())?;
                if hash.is_none_or(|hash| hash.is_of(manifest)) {
                    Ok(Signed::Image)
                } else {
                    Err(Kind::OtherHash.into())
                }
            }
        }
    }

    fn verify_statement(
        &self,
        envelope: &Envelope,
        evidence: impl FnOnce() -> Result<Option<Evidence>, Kind>,
        image: &Digest,
    ) -> Result<Statement, Kind> {
        self.verify(&envelope.signed_bytes(), &envelope.signatures, evidence)?;
        Statement::parse(&envelope.payload, image).map_err(Kind::Statement)
    }

    /// Verifies that one of the signers made one of the signatures.
    fn verify(
        &self,
        signed: &SignedBytes<'_>,
        signatures: &[Vec<u8>],
        evidence: impl FnOnce() -> Result<Option<Evidence>, Kind>,
    ) -> Result<(), Kind> {
        let is_by = |key: &PublicKey| signatures.iter().any(|signature| key.verify(signed.as_slice(), signature));
        if self.keys.iter().any(is_by) {
            return Ok(());
        }
        if self.identities.is_empty() {
            return Err(if self.keys.is_empty() { Kind::NoSigners } else { Kind::OtherKey });
        }
        match evidence()? {
            Some(evidence) => keyless::verify(&self.identities, evidence, signed, signatures),
            None if self.keys.is_empty() => Err(Kind::NoCertificate),
            None => Err(Kind::OtherKey),
        }
    }
}

/// Reads a part of a signature as JSON.
fn read<T: DeserializeOwned>(what: &'static str, json: &[u8]) -> Result<T, Kind> {
    read_json(json).map_err(|error| Kind::Unreadable { what, error })
}
