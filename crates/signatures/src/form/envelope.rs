//! The envelope of an attestation (DSSE): <https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md>.

use local_registry_core::Quoted;
use serde::Deserialize;
use thiserror::Error;

use crate::encoding::Base64;
use crate::log::SignedBytes;

/// What the payload has to be.
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// How many signatures are tried. Each is tried with every key.
const MOST_SIGNATURES: usize = 16;

/// An envelope with an in-toto statement in it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Fields")]
pub(crate) struct Envelope {
    /// The statement, as JSON.
    pub(crate) payload: Vec<u8>,
    /// At least one, and at most 16.
    pub(crate) signatures: Vec<Vec<u8>>,
}

impl Envelope {
    /// The bytes that the signatures are over.
    pub(crate) fn signed_bytes(&self) -> SignedBytes<'_> {
        SignedBytes::envelope(IN_TOTO, &self.payload)
    }
}

/// An envelope as it is written. Its signatures also name a key, which is a hint, and not signed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    payload_type: String,
    payload: Base64,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    sig: Base64,
}

impl TryFrom<Fields> for Envelope {
    type Error = EnvelopeFlaw;

    fn try_from(fields: Fields) -> Result<Self, EnvelopeFlaw> {
        let Fields { payload_type, payload, signatures } = fields;
        if payload_type != IN_TOTO {
            return Err(EnvelopeFlaw::Type(payload_type));
        }
        if signatures.is_empty() || signatures.len() > MOST_SIGNATURES {
            return Err(EnvelopeFlaw::Signatures(signatures.len()));
        }
        Ok(Self { payload: payload.0, signatures: signatures.into_iter().map(|signature| signature.sig.0).collect() })
    }
}

/// What is wrong with an envelope.
#[derive(Debug, PartialEq, Eq, Error)]
enum EnvelopeFlaw {
    #[error("its payload has the type {}, and `{IN_TOTO}` is expected", Quoted(.0))]
    Type(String),
    #[error("it has {0} signatures, and 1 to {MOST_SIGNATURES} are expected")]
    Signatures(usize),
}
