//! The certificate of whoever signed: its chain, its key and its owner.

use std::time::Duration;

use local_registry_core::Quoted;
use rustls_pki_types::{CertificateDer, UnixTime};
use thiserror::Error;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error as ChainError, KeyUsage};
use x509_parser::asn1_rs::{Error as DerError, Oid, TaggedExplicit, Utf8String, oid};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::authority::Authority;
use super::public_key::PublicKey;

/// How many certificates may go with a signature.
pub(crate) const MOST_CERTIFICATES: usize = 8;

/// How many bytes a certificate may have.
const LARGEST: usize = 64 * 1024;

/// How many bytes the owner's names may have. Matching a pattern takes time that is quadratic at worst.
const LONGEST_NAME: usize = 2048;

/// The use of a key that signs code, as an extended key usage has it (RFC 5280): 1.3.6.1.5.5.7.3.3.
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];

/// Fulcio's extension for the issuer, as raw text.
static RAW_ISSUER: Oid<'static> = oid!(1.3.6.1.4.1.57264.1.1);

/// Fulcio's extension for the issuer, as a text in DER.
static ISSUER: Oid<'static> = oid!(1.3.6.1.4.1.57264.1.8);

/// Fulcio's kind of name for those that are neither a URI nor an e-mail address.
static USER_NAME: Oid<'static> = oid!(1.3.6.1.4.1.57264.1.7);

type UserName<'a> = TaggedExplicit<Utf8String<'a>, DerError, 0>;

/// The certificate of whoever signed. What it says counts only once [`verify_chain`](Self::verify_chain) has succeeded.
#[derive(Debug)]
pub(crate) struct Certificate {
    der: CertificateDer<'static>,
    key: PublicKey,
}

/// Whom a certificate is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Who told the authority.
    pub(crate) issuer: String,
    /// The name.
    pub(crate) subject: String,
}

impl Certificate {
    /// Reads a certificate in DER.
    pub(crate) fn from_der(der: Vec<u8>) -> Result<Self, CertificateFault> {
        if der.len() > LARGEST {
            return Err(CertificateFault::TooLarge);
        }
        let key = PublicKey::from_der(read(&der)?.public_key().raw).map_err(|_| CertificateFault::Key)?;
        Ok(Self { der: der.into(), key })
    }

    /// The certificate in DER.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key that it is about.
    pub(crate) fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Verifies that an authority gave the certificate, and that it was good for signatures at a time, in seconds since 1970.
    pub(crate) fn verify_chain(
        &self,
        authority: &Authority,
        chain: &[CertificateDer<'static>],
        time: u64,
    ) -> Result<(), CertificateFault> {
        let usage = read(&self.der)?
            .extended_key_usage()
            .map_err(|_| CertificateFault::NotDer)?
            .is_some_and(|usage| usage.value.code_signing);
        if !usage {
            return Err(CertificateFault::Usage);
        }
        let leaf = EndEntityCert::try_from(&self.der)?;
        let intermediates: Vec<_> = authority.intermediates().iter().chain(chain).cloned().collect();
        // Those between may leave out what they are for. `required` would ask each of them.
        let usage = KeyUsage::required_if_present(CODE_SIGNING);
        let time_then = UnixTime::since_unix_epoch(Duration::from_secs(time));
        let roots = authority.roots_at(time);
        leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &roots, &intermediates, time_then, usage, None, None)?;
        Ok(())
    }

    /// Whom it is for.
    pub(crate) fn owner(&self) -> Result<Owner, CertificateFault> {
        let certificate = read(&self.der)?;
        let owner = Owner { issuer: issuer(&certificate)?, subject: subject(&certificate)? };
        for name in [&owner.issuer, &owner.subject] {
            if name.is_empty() || name.len() > LONGEST_NAME || name.contains('\0') {
                return Err(CertificateFault::Name);
            }
        }
        Ok(owner)
    }
}

fn read(der: &[u8]) -> Result<X509Certificate<'_>, CertificateFault> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(CertificateFault::NotDer),
    }
}

/// The issuer in Fulcio's extensions. Older certificates have it as raw text, newer ones in both ways.
fn issuer(certificate: &X509Certificate<'_>) -> Result<String, CertificateFault> {
    let extension = |id| certificate.get_extension_unique(id).map_err(|_| CertificateFault::NotDer);
    let raw = extension(&RAW_ISSUER)?.map(|raw| str::from_utf8(raw.value).map_err(|_| CertificateFault::Name));
    let encoded = extension(&ISSUER)?.map(|encoded| utf8_string(encoded.value));
    match (raw.transpose()?.map(str::to_owned), encoded.transpose()?) {
        (Some(raw), Some(encoded)) if raw != encoded => Err(CertificateFault::Issuers),
        (issuer, Some(other)) => Ok(issuer.unwrap_or(other)),
        (Some(issuer), None) => Ok(issuer),
        (None, None) => Err(CertificateFault::NoIssuer),
    }
}

/// The one name of the owner.
fn subject(certificate: &X509Certificate<'_>) -> Result<String, CertificateFault> {
    let names = certificate.subject_alternative_name().map_err(|_| CertificateFault::NotDer)?;
    let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    match names {
        [GeneralName::URI(name) | GeneralName::RFC822Name(name)] => Ok((*name).to_owned()),
        [GeneralName::OtherName(kind, value)] if *kind == USER_NAME => match UserName::from_der(value) {
            Ok(([], name)) => Ok(name.into_inner().string()),
            _ => Err(CertificateFault::Name),
        },
        [_] => Err(CertificateFault::Name),
        names => Err(CertificateFault::Names(names.len())),
    }
}

/// A whole `UTF8String` in DER.
fn utf8_string(der: &[u8]) -> Result<String, CertificateFault> {
    match Utf8String::from_der(der) {
        Ok(([], text)) => Ok(text.string()),
        _ => Err(CertificateFault::Name),
    }
}

/// What is wrong with a certificate, as a sentence that begins with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum CertificateFault {
    #[error("is not readable")]
    NotDer,
    #[error("has more than {LARGEST} bytes")]
    TooLarge,
    #[error("has a key of a kind that is not known here")]
    Key,
    #[error("is not for signing code (it lacks that extended key usage)")]
    Usage,
    #[error("is that of an authority, which does not sign images itself")]
    Authority,
    #[error("is not of the authority that the rules name")]
    OtherAuthority,
    #[error("had ended when the log recorded the signature, or one of its chain had")]
    Ended,
    #[error("was not valid yet when the log recorded the signature, or one of its chain was not")]
    NotYet,
    #[error("cannot be verified: {0}")]
    Chain(ChainError),
    #[error("does not say who issued the identity (Fulcio's extension 1.3.6.1.4.1.57264.1.8)")]
    NoIssuer,
    #[error("names two issuers of the identity")]
    Issuers,
    #[error("has {0} subjects, and one is expected")]
    Names(usize),
    #[error(
        "has a name that is not usable; expected are texts of at most {LONGEST_NAME} bytes, and as subject a URI or an e-mail address"
    )]
    Name,
    #[error("is of the issuer {}, and the rules ask for {expected}", Quoted(found))]
    OtherIssuer { found: String, expected: String },
    #[error("is of {}, and the rules ask for {expected}", Quoted(found))]
    OtherSubject { found: String, expected: String },
}

impl From<ChainError> for CertificateFault {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::CertExpired { .. } => Self::Ended,
            ChainError::CertNotValidYet { .. } => Self::NotYet,
            ChainError::CaUsedAsEndEntity => Self::Authority,
            ChainError::UnknownIssuer
            | ChainError::InvalidSignatureForPublicKey
            // Whoever has a certificate is no authority by that.
            | ChainError::EndEntityUsedAsCa => Self::OtherAuthority,
            error => Self::Chain(error),
        }
    }
}
