//! What an entry records. The three kinds by which Rekor records signatures are read as one.

use local_registry_core::Quoted;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use super::signed_bytes::SignedBytes;
use crate::encoding::{Base64, Hash, JsonError, pem_blocks, read_json};

/// What an entry records: signatures of something that has a hash, each with a certificate.
#[derive(Debug)]
pub(crate) struct Body {
    hash: Hash,
    /// Whether the hash is of an envelope's payload, not of the bytes that were signed.
    is_of_payload: bool,
    signatures: Vec<Recorded>,
}

/// A signature that an entry records.
#[derive(Debug)]
struct Recorded {
    signature: Vec<u8>,
    /// The certificate in DER, or `None` if it was made by a key without one.
    certificate: Option<Vec<u8>>,
}

impl Body {
    /// Reads the JSON of an entry.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, LogFault> {
        let Entry { kind, version, spec } = read_json(json).map_err(LogFault::Body)?;
        match (kind.as_str(), version.as_str()) {
            ("hashedrekord", "0.0.1") => Ok(spec_of::<HashedRekord>(spec)?.into()),
            ("dsse", "0.0.1") => Ok(spec_of::<Dsse>(spec)?.into()),
            ("intoto", "0.0.2") => spec_of::<InToto>(spec)?.try_into(),
            _ => Err(LogFault::Kind { kind, version }),
        }
    }

    /// Looks whether the entry is about this signature of these bytes, made by the key of this certificate in DER.
    pub(crate) fn check(&self, signed: &SignedBytes<'_>, signature: &[u8], certificate: &[u8]) -> Result<(), LogFault> {
        let hashed = if self.is_of_payload { signed.payload() } else { Some(signed.as_slice()) };
        if !hashed.is_some_and(|bytes| self.hash.is_of(bytes)) {
            return Err(LogFault::OtherData);
        }
        let mut same = self.signatures.iter().filter(|recorded| recorded.signature == signature).peekable();
        if same.peek().is_none() {
            return Err(LogFault::OtherSignature);
        }
        if !same.any(|recorded| recorded.certificate.as_deref() == Some(certificate)) {
            return Err(LogFault::OtherCertificate);
        }
        Ok(())
    }
}

/// The head of every entry.
#[derive(Deserialize)]
struct Entry {
    kind: String,
    #[serde(rename = "apiVersion")]
    version: String,
    spec: Value,
}

fn spec_of<T: DeserializeOwned>(spec: Value) -> Result<T, LogFault> {
    serde_json::from_value(spec).map_err(|error| LogFault::Body(error.into()))
}

/// A signature of any data.
#[derive(Deserialize)]
struct HashedRekord {
    data: Data,
    signature: DetachedSignature,
}

#[derive(Deserialize)]
struct Data {
    hash: Hash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DetachedSignature {
    content: Base64,
    public_key: Verifier,
}

#[derive(Deserialize)]
struct Verifier {
    content: Base64,
}

impl From<HashedRekord> for Body {
    fn from(spec: HashedRekord) -> Self {
        let HashedRekord { data, signature } = spec;
        let certificate = certificate(&signature.public_key.content);
        let recorded = Recorded { signature: signature.content.0, certificate };
        Self { hash: data.hash, is_of_payload: false, signatures: vec![recorded] }
    }
}

/// An envelope.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse {
    payload_hash: Hash,
    signatures: Vec<DsseSignature>,
}

#[derive(Deserialize)]
struct DsseSignature {
    signature: Base64,
    verifier: Base64,
}

impl From<Dsse> for Body {
    fn from(spec: Dsse) -> Self {
        let recorded = |DsseSignature { signature, verifier }| Recorded {
            signature: signature.0,
            certificate: certificate(&verifier),
        };
        let signatures = spec.signatures.into_iter().map(recorded).collect();
        Self { hash: spec.payload_hash, is_of_payload: true, signatures }
    }
}

/// An envelope with an in-toto statement, as older releases of cosign record it.
#[derive(Deserialize)]
struct InToto {
    content: InTotoContent,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InTotoContent {
    envelope: InTotoEnvelope,
    payload_hash: Hash,
}

#[derive(Deserialize)]
struct InTotoEnvelope {
    signatures: Vec<InTotoSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InTotoSignature {
    /// Base64 of the text that is in the envelope, which is base64 itself.
    sig: Base64,
    public_key: Base64,
}

impl TryFrom<InToto> for Body {
    type Error = LogFault;

    fn try_from(spec: InToto) -> Result<Self, LogFault> {
        let InTotoContent { envelope, payload_hash } = spec.content;
        let recorded = |InTotoSignature { sig, public_key }| {
            let signature = std::str::from_utf8(&sig.0).ok().and_then(Base64::parse).ok_or(LogFault::Signature)?;
            Ok(Recorded { signature: signature.0, certificate: certificate(&public_key) })
        };
        let signatures = envelope.signatures.into_iter().map(recorded).collect::<Result<_, _>>()?;
        Ok(Self { hash: payload_hash, is_of_payload: true, signatures })
    }
}

/// The certificate in the PEM that an entry has. A key, or anything else, is no certificate.
fn certificate(pem: &Base64) -> Option<Vec<u8>> {
    let blocks = pem_blocks(std::str::from_utf8(&pem.0).ok()?).ok()?;
    match blocks.as_slice() {
        [block] if block.label == "CERTIFICATE" => block.der().ok(),
        _ => None,
    }
}

/// What is wrong with an entry, as a sentence that begins with it.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum LogFault {
    #[error("is not readable: {0}")]
    Body(JsonError),
    #[error("has a signature that is not base64")]
    Signature,
    #[error(
        "is of the kind {} {}, and `hashedrekord` 0.0.1, `dsse` 0.0.1 or `intoto` 0.0.2 is expected",
        Quoted(kind),
        Quoted(version)
    )]
    Kind { kind: String, version: String },
    #[error("is about other data")]
    OtherData,
    #[error("is about another signature")]
    OtherSignature,
    #[error("is about a signature by another certificate")]
    OtherCertificate,
}
