//! Authorities, which give certificates.

use std::str::FromStr;

use local_registry_core::Quoted;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use thiserror::Error;
use webpki::anchor_from_trusted_cert;
use x509_parser::certificate::{Validity, X509Certificate};
use x509_parser::prelude::FromDer;

use crate::encoding::{PemFlaw, pem_blocks};

/// The certificates of an authority: PEM blocks in any order. Those that it gave to itself are roots, which one trusts, and the
/// others lead to them.
///
/// ```
/// use local_registry_signatures::Authority;
///
/// let error = "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----".parse::<Authority>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "has the PEM block `PUBLIC KEY`, and only certificates are expected; write those of the authority"
/// );
/// ```
#[derive(Debug, Clone)]
pub struct Authority {
    roots: Vec<Root>,
    intermediates: Vec<CertificateDer<'static>>,
}

/// A certificate that one trusts.
#[derive(Debug, Clone)]
struct Root {
    anchor: TrustAnchor<'static>,
    validity: Validity,
}

impl Authority {
    /// The roots that were valid at a time, in seconds since 1970.
    pub(super) fn roots_at(&self, time: u64) -> Vec<TrustAnchor<'static>> {
        let was_valid = |root: &&Root| {
            let (from, until) = (root.validity.not_before.timestamp(), root.validity.not_after.timestamp());
            i64::try_from(time).is_ok_and(|time| (from..=until).contains(&time))
        };
        self.roots.iter().filter(was_valid).map(|root| root.anchor.clone()).collect()
    }

    /// Certificates by which a chain may lead to a root.
    pub(super) fn intermediates(&self) -> &[CertificateDer<'static>] {
        &self.intermediates
    }
}

impl FromStr for Authority {
    type Err = AuthorityError;

    fn from_str(text: &str) -> Result<Self, AuthorityError> {
        let mut authority = Self { roots: Vec::new(), intermediates: Vec::new() };
        let blocks = pem_blocks(text).map_err(Kind::Pem)?;
        if blocks.is_empty() {
            return Err(Kind::NoPem.into());
        }
        for (index, block) in blocks.iter().enumerate() {
            if block.label != "CERTIFICATE" {
                return Err(Kind::Label(block.label.to_owned()).into());
            }
            let number = index + 1;
            let der = CertificateDer::from(block.der().map_err(Kind::Pem)?);
            let Ok(([], certificate)) = X509Certificate::from_der(&der) else {
                return Err(Kind::NotDer(number).into());
            };
            if !certificate.is_ca() {
                return Err(Kind::NoCa(number).into());
            }
            if certificate.subject().as_raw() == certificate.issuer().as_raw() {
                let anchor = anchor_from_trusted_cert(&der).map_err(|_| Kind::NotDer(number))?.to_owned();
                authority.roots.push(Root { anchor, validity: certificate.validity().clone() });
            } else {
                authority.intermediates.push(der);
            }
        }
        if authority.roots.is_empty() { Err(Kind::NoRoot.into()) } else { Ok(authority) }
    }
}

/// A text is not an [`Authority`].
///
/// ```
/// let error = "".parse::<local_registry_signatures::Authority>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "is not PEM; write the certificates of the authority, which begin with `-----BEGIN CERTIFICATE-----`"
/// );
/// ```
#[derive(Debug, PartialEq, Eq, Error)]
#[error(transparent)]
pub struct AuthorityError(#[from] Kind);

/// What is wrong with it.
#[derive(Debug, PartialEq, Eq, Error)]
enum Kind {
    #[error("is not PEM; write the certificates of the authority, which begin with `-----BEGIN CERTIFICATE-----`")]
    NoPem,
    #[error("does not have the certificates of an authority: {0}")]
    Pem(PemFlaw),
    #[error("has the PEM block {}, and only certificates are expected; write those of the authority", Quoted(.0))]
    Label(String),
    #[error("has as its PEM block {0} something else than a certificate")]
    NotDer(usize),
    #[error(
        "has as its PEM block {0} the certificate of a user, and only those of the authority are expected; remove it"
    )]
    NoCa(usize),
    #[error("has no root, which is a certificate that the authority gave to itself; add it")]
    NoRoot,
}
