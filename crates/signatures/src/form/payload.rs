//! The text that cosign signs, which is that of simple signing
//! (<https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md>).

use local_registry_core::Quoted;
use serde::Deserialize;
use thiserror::Error;

/// What `critical.type` has to be.
const TYPE: &str = "cosign container image signature";

/// Says which image is signed. What it says of the image's name is left alone: an image may be signed before it is copied.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Fields")]
pub(crate) struct Payload {
    /// The image's digest, as it is written there.
    pub(crate) digest: String,
}

#[derive(Deserialize)]
struct Fields {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    #[serde(rename = "type")]
    kind: String,
    image: Image,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

impl TryFrom<Fields> for Payload {
    type Error = PayloadFlaw;

    fn try_from(Fields { critical }: Fields) -> Result<Self, PayloadFlaw> {
        if critical.kind != TYPE {
            return Err(PayloadFlaw(critical.kind));
        }
        Ok(Self { digest: critical.image.docker_manifest_digest })
    }
}

/// A payload is of another type.
#[derive(Debug, Error)]
#[error("it has the type {}, and `{TYPE}` is expected", Quoted(.0))]
struct PayloadFlaw(String);
