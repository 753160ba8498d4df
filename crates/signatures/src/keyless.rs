//! Signatures by keys that nobody knows: a certificate says whose the key was, and a log when.

use local_registry_core::Quoted;

use crate::encoding::Whole;
use crate::error::Kind;
use crate::form::Evidence;
use crate::log::{Body, SignedBytes};
use crate::trust::{Certificate, CertificateFault, Identity};

/// Verifies that one of several identities made one of the signatures.
///
/// Each step keeps the identities for which it holds. So all that a step says is about the same identity, and the error is of the
/// first step that holds for none.
pub(crate) fn verify(
    identities: &[Identity],
    evidence: Evidence,
    signed: &SignedBytes<'_>,
    signatures: &[Vec<u8>],
) -> Result<(), Kind> {
    let Evidence { certificate, chain, entry } = evidence;
    let logged: Vec<&Identity> = identities.iter().filter(|identity| entry.is_signed_by(&identity.log)).collect();
    if logged.is_empty() {
        return Err(Kind::OtherLog);
    }
    let certificate = Certificate::from_der(certificate).map_err(Kind::Certificate)?;
    let Whole(time) = entry.time;
    let (mut certified, mut fault) = (Vec::new(), CertificateFault::OtherAuthority);
    for identity in logged {
        match certificate.verify_chain(&identity.authority, &chain, time) {
            Ok(()) => certified.push(identity),
            // That the authority is another one says least.
            Err(CertificateFault::OtherAuthority) => {}
            Err(other) => fault = other,
        }
    }
    if certified.is_empty() {
        return Err(Kind::Certificate(fault));
    }
    check_owner(&certificate, certified).map_err(Kind::Certificate)?;
    check_entry(&certificate, &Body::parse(&entry.body.0).map_err(Kind::Log)?, signed, signatures)
}

/// Looks whether the certificate is for one of the identities.
fn check_owner(certificate: &Certificate, certified: Vec<&Identity>) -> Result<(), CertificateFault> {
    let owner = certificate.owner()?;
    let issuers = alternatives(certified.iter().map(|identity| identity.issuer.as_str()));
    let issued: Vec<&Identity> = certified.into_iter().filter(|identity| identity.issuer == owner.issuer).collect();
    if issued.is_empty() {
        return Err(CertificateFault::OtherIssuer { found: owner.issuer, expected: issuers });
    }
    if !issued.iter().any(|identity| identity.subject.matches(&owner.subject)) {
        let subjects = alternatives(issued.iter().map(|identity| identity.subject.as_str()));
        return Err(CertificateFault::OtherSubject { found: owner.subject, expected: subjects });
    }
    Ok(())
}

/// Looks whether the certificate's key made one of the signatures, and whether the log's entry is about that one.
fn check_entry(
    certificate: &Certificate,
    body: &Body,
    signed: &SignedBytes<'_>,
    signatures: &[Vec<u8>],
) -> Result<(), Kind> {
    let mut fault = Kind::NotByCertificate;
    for signature in signatures {
        if !certificate.key().verify(signed.as_slice(), signature) {
            continue;
        }
        match body.check(signed, signature, certificate.der()) {
            Ok(()) => return Ok(()),
            Err(other) => fault = Kind::Log(other),
        }
    }
    Err(fault)
}

/// Texts of the rules, of which one is enough.
fn alternatives<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut texts: Vec<String> = texts.map(|text| Quoted(text).to_string()).collect();
    texts.dedup();
    texts.join(" or ")
}
