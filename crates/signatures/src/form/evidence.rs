//! What goes with a signature, so that it can be verified without knowing its key.

use rustls_pki_types::CertificateDer;

use crate::log::LogEntry;

/// A certificate of whoever signed, and what proves it. Nothing in it is verified.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// The certificate in DER.
    pub(crate) certificate: Vec<u8>,
    /// Certificates by which it may lead to a root.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// The log's entry about the signature.
    pub(crate) entry: LogEntry,
}
