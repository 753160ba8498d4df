//! Sigstore's bundle, in the versions 0.1 to 0.3
//! (<https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto>).

use local_registry_core::text::hex;
use serde::Deserialize;

use super::envelope::Envelope;
use super::evidence::Evidence;
use crate::encoding::{Base64, Hash, Whole};
use crate::error::Kind;
use crate::log::LogEntry;
use crate::trust::MOST_CERTIFICATES;

/// The media types of the versions.
const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
];

/// What a bundle has the signature of.
#[derive(Debug)]
pub(crate) enum Content {
    /// A statement in an envelope.
    Envelope(Envelope),
    /// The manifest itself. Beside the signature may be the hash of what was signed, which is not signed itself.
    Manifest { signature: Vec<u8>, hash: Option<Hash> },
}

/// A bundle: a signature, and what is needed to verify it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bundle {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Option<Envelope>,
    message_signature: Option<MessageSignature>,
}

/// What is needed to verify a bundle. A key is only named here, which is a hint. So that is not read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Material {
    certificate: Option<RawCertificate>,
    x509_certificate_chain: Option<Chain>,
    #[serde(default)]
    tlog_entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Chain {
    certificates: Vec<RawCertificate>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCertificate {
    raw_bytes: Base64,
}

/// Zeros are left out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    log_index: Whole,
    log_id: LogId,
    #[serde(default)]
    integrated_time: Whole,
    inclusion_promise: Option<Promise>,
    canonicalized_body: Base64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogId {
    key_id: Base64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Promise {
    signed_entry_timestamp: Base64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageSignature {
    message_digest: Option<MessageDigest>,
    signature: Base64,
}

/// Empty where the signature is not of a hash, as with Ed25519.
#[derive(Debug, Deserialize)]
struct MessageDigest {
    #[serde(default)]
    algorithm: String,
    digest: Option<Base64>,
}

impl MessageDigest {
    /// `SHA2_256` is SHA-256. A name that is not known there is none that `Hash` knows.
    fn hash(self) -> Option<Hash> {
        let algorithm = self.algorithm.replace("SHA2_", "sha");
        self.digest.map(|digest| Hash { algorithm, value: hex(&digest.0) })
    }
}

impl Bundle {
    /// What was signed, and what is needed to verify it.
    pub(crate) fn open(self) -> Result<(Content, Material), Kind> {
        if !MEDIA_TYPES.contains(&self.media_type.as_str()) {
            return Err(Kind::MediaType(self.media_type));
        }
        let content = match (self.dsse_envelope, self.message_signature) {
            (Some(envelope), None) => Content::Envelope(envelope),
            (None, Some(message)) => {
                let hash = message.message_digest.and_then(MessageDigest::hash);
                Content::Manifest { signature: message.signature.0, hash }
            }
            _ => return Err(Kind::Contents),
        };
        Ok((content, self.verification_material))
    }
}

impl Material {
    /// The certificate, and what proves it. `None` if there is no certificate.
    pub(crate) fn evidence(self) -> Result<Option<Evidence>, Kind> {
        let certificates = match (self.certificate, self.x509_certificate_chain) {
            (Some(certificate), None) => vec![certificate],
            (None, Some(chain)) => chain.certificates,
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(Kind::Contents),
        };
        if certificates.len() > MOST_CERTIFICATES {
            return Err(Kind::ManyCertificates(certificates.len()));
        }
        let mut certificates = certificates.into_iter().map(|certificate| certificate.raw_bytes.0);
        let Some(certificate) = certificates.next() else { return Ok(None) };
        let chain = certificates.map(Into::into).collect();
        let mut entries = self.tlog_entries.into_iter();
        let entry = match (entries.next(), entries.len()) {
            (Some(entry), 0) => entry.read()?,
            (None, _) => return Err(Kind::NoLogEntry),
            (Some(_), more) => return Err(Kind::LogEntries(1 + more)),
        };
        Ok(Some(Evidence { certificate, chain, entry }))
    }
}

impl Entry {
    fn read(self) -> Result<LogEntry, Kind> {
        Ok(LogEntry {
            body: self.canonicalized_body,
            time: self.integrated_time,
            index: self.log_index,
            log: hex(&self.log_id.key_id.0),
            promise: self.inclusion_promise.ok_or(Kind::NoPromise)?.signed_entry_timestamp,
        })
    }
}
