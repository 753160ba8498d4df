//! What cosign keeps in the annotations of a layer.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::evidence::Evidence;
use crate::encoding::{Base64, Whole, pem_blocks, read_json};
use crate::error::Kind;
use crate::log::LogEntry;
use crate::trust::MOST_CERTIFICATES;

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";

type Annotations = BTreeMap<String, String>;

/// The signature, which is in an annotation only where the layer is a payload.
pub(crate) fn signature_of(annotations: &Annotations) -> Result<Vec<u8>, Kind> {
    let text = annotations.get(SIGNATURE).ok_or(Kind::NoSignature(SIGNATURE))?;
    Base64::parse(text).map(|signature| signature.0).ok_or(Kind::NotBase64(SIGNATURE))
}

/// The certificate, and what proves it. `None` if there is no certificate.
pub(crate) fn evidence_of(annotations: &Annotations) -> Result<Option<Evidence>, Kind> {
    let Some(certificate) = annotations.get(CERTIFICATE).filter(|text| !text.is_empty()) else { return Ok(None) };
    let Ok([certificate]) = <[_; 1]>::try_from(certificates(CERTIFICATE, certificate)?) else {
        return Err(Kind::NotCertificates { annotation: CERTIFICATE });
    };
    let chain = annotations.get(CHAIN).map(|chain| certificates(CHAIN, chain)).transpose()?.unwrap_or_default();
    let entry = annotations.get(BUNDLE).ok_or(Kind::NoLogEntry)?;
    let entry: Recorded =
        read_json(entry.as_bytes()).map_err(|error| Kind::Unreadable { what: "its log entry", error })?;
    let chain = chain.into_iter().map(Into::into).collect();
    Ok(Some(Evidence { certificate, chain, entry: entry.into() }))
}

/// The certificates in an annotation, in DER.
fn certificates(annotation: &'static str, pem: &str) -> Result<Vec<Vec<u8>>, Kind> {
    let blocks = pem_blocks(pem).map_err(|flaw| Kind::Pem { annotation, flaw })?;
    if blocks.len() > MOST_CERTIFICATES {
        return Err(Kind::ManyCertificates(blocks.len()));
    }
    if blocks.iter().any(|block| block.label != "CERTIFICATE") {
        return Err(Kind::NotCertificates { annotation });
    }
    blocks.iter().map(|block| block.der().map_err(|flaw| Kind::Pem { annotation, flaw })).collect()
}

/// An entry of the log, as Rekor answers with it and cosign keeps it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Recorded {
    signed_entry_timestamp: Base64,
    payload: RecordedPayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordedPayload {
    body: Base64,
    integrated_time: Whole,
    log_index: Whole,
    #[serde(rename = "logID")]
    log: String,
}

impl From<Recorded> for LogEntry {
    fn from(recorded: Recorded) -> Self {
        let RecordedPayload { body, integrated_time, log_index, log } = recorded.payload;
        Self { body, time: integrated_time, index: log_index, log, promise: recorded.signed_entry_timestamp }
    }
}
