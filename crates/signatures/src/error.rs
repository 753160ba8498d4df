//! Why a signature does not count.

use local_registry_core::{Digest, Quoted};
use thiserror::Error;

use crate::attestation::StatementFault;
use crate::encoding::{JsonError, PemFlaw};
use crate::log::LogFault;
use crate::trust::{CertificateFault, MOST_CERTIFICATES};

/// A signature does not count. The text continues a sentence that begins with the signature, and quotes at most an excerpt of it.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use local_registry_signatures::Signers;
///
/// let image = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a".parse()?;
/// let signers = Signers::new(Vec::new(), Vec::new());
/// let error = signers.verify_payload(b"{}", &BTreeMap::new(), &image).unwrap_err();
/// assert_eq!(error.to_string(), "has no annotation `dev.cosignproject.cosign/signature`");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Error)]
#[error(transparent)]
pub struct SignatureError(#[from] Kind);

/// What is wrong with it.
#[derive(Debug, Error)]
pub(crate) enum Kind {
    #[error("has no annotation `{0}`")]
    NoSignature(&'static str),
    #[error("has an annotation `{0}` that is not base64")]
    NotBase64(&'static str),
    #[error("has an annotation `{annotation}` that is not usable: {flaw}")]
    Pem { annotation: &'static str, flaw: PemFlaw },
    #[error("has in its annotation `{annotation}` something else than the certificates that are expected")]
    NotCertificates { annotation: &'static str },
    #[error("brings {0} certificates, and at most {MOST_CERTIFICATES} are expected")]
    ManyCertificates(usize),
    /// A part that somebody else wrote.
    #[error("is not usable: {what} is not as expected: {error}")]
    Unreadable { what: &'static str, error: JsonError },
    #[error("is a bundle of the media type {}, and version 0.1, 0.2 or 0.3 is expected", Quoted(.0))]
    MediaType(String),
    #[error("is a bundle that does not say unambiguously what is signed, or by which certificate")]
    Contents,
    #[error("is of the manifest by a hash that is not the manifest's")]
    OtherHash,
    #[error("is verified by the manifest {0}, and another one was given")]
    OtherManifest(Digest),
    #[error("is about the image {}, not about {expected}", Quoted(found))]
    OtherImage { found: String, expected: Digest },
    #[error("is a statement that {0}")]
    Statement(StatementFault),
    #[error("cannot be verified, since the rules name neither keys nor identities")]
    NoSigners,
    #[error("is signed by a key that the rules do not name")]
    OtherKey,
    #[error("has no certificate, and the rules name no keys")]
    NoCertificate,
    #[error("has a certificate, and was not made by its key")]
    NotByCertificate,
    #[error("its certificate {0}")]
    Certificate(CertificateFault),
    #[error("has a certificate, but no entry of a transparency log, which says when it was made")]
    NoLogEntry,
    #[error("has {0} entries of transparency logs, and one is expected")]
    LogEntries(usize),
    #[error(
        "has a log entry without a time that the log has signed (inclusion promise), as those of Rekor 2; times by other authorities (RFC 3161) are not supported"
    )]
    NoPromise,
    #[error("its log entry is not signed by a log that the rules name")]
    OtherLog,
    #[error("its log entry {0}")]
    Log(LogFault),
}
