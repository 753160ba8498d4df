//! Public keys, and what each of them verifies.

use std::fmt;
use std::str::FromStr;

use local_registry_core::Quoted;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};
use thiserror::Error;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey as Parts;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::encoding::{PemFlaw, pem_blocks, sha256};

/// A public key, as `cosign generate-key-pair` and `openssl pkey -pubout` write it.
///
/// ```
/// use local_registry_signatures::PublicKey;
///
/// let key: PublicKey = "\
/// -----BEGIN PUBLIC KEY-----
/// MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
/// -----END PUBLIC KEY-----
/// "
/// .parse()?;
/// assert!(key.id().starts_with("a1e91560"));
///
/// let error = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----".parse::<PublicKey>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "is a certificate, and a public key is expected; write the block `PUBLIC KEY` that `openssl x509 -noout -pubkey` prints"
/// );
/// # Ok::<(), local_registry_signatures::PublicKeyError>(())
/// ```
///
/// One PEM block `PUBLIC KEY` (RFC 5280, `SubjectPublicKeyInfo`), of one of these kinds:
///
/// | key | signatures |
/// | --- | --- |
/// | ECDSA on P-256 | with SHA-256 |
/// | ECDSA on P-384 | with SHA-384, or with SHA-256, as older releases of cosign do by each key |
/// | Ed25519 | as such, not of a hash (Ed25519ph), as cosign 3.1 signs images by such a key |
/// | RSA of 2048 to 8192 bits | PKCS#1 v1.5 with SHA-256 |
#[derive(Clone)]
pub struct PublicKey {
    id: String,
    /// The ways in which it may have signed.
    algorithms: Algorithms,
    /// The key as ring reads it.
    bytes: Vec<u8>,
}

impl PublicKey {
    /// What names the key in messages and in the transparency log: the SHA-256 of its `SubjectPublicKeyInfo`, in hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Reads a `SubjectPublicKeyInfo` in DER.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, PublicKeyError> {
        let (rest, info) = SubjectPublicKeyInfo::from_der(der).map_err(|_| Kind::NotDer)?;
        if !rest.is_empty() || info.subject_public_key.unused_bits != 0 {
            return Err(Kind::NotDer.into());
        }
        Ok(Self { id: sha256(der), algorithms: algorithms(&info)?, bytes: info.subject_public_key.data.to_vec() })
    }

    /// Whether this key made a signature of these bytes.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let verifies = |algorithm| UnparsedPublicKey::new(algorithm, &self.bytes).verify(message, signature).is_ok();
        self.algorithms.iter().copied().any(verifies)
    }
}

type Algorithms = &'static [&'static dyn VerificationAlgorithm];

static ECDSA_P256: [&dyn VerificationAlgorithm; 1] = [&ECDSA_P256_SHA256_ASN1];
static ECDSA_P384: [&dyn VerificationAlgorithm; 2] = [&ECDSA_P384_SHA384_ASN1, &ECDSA_P384_SHA256_ASN1];
static EDDSA: [&dyn VerificationAlgorithm; 1] = [&ED25519];
static RSA: [&dyn VerificationAlgorithm; 1] = [&RSA_PKCS1_2048_8192_SHA256];

/// The ways in which a key may have signed, by its kind.
fn algorithms(info: &SubjectPublicKeyInfo<'_>) -> Result<Algorithms, Kind> {
    let kind = &info.algorithm.algorithm;
    let point = &info.subject_public_key.data;
    if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = info.algorithm.parameters.as_ref().and_then(|curve| curve.clone().oid().ok());
        let is_point = |size: usize| point.len() == 1 + 2 * size && point.first() == Some(&4);
        match curve {
            Some(curve) if curve == OID_EC_P256 && is_point(32) => Ok(&ECDSA_P256),
            Some(curve) if curve == OID_NIST_EC_P384 && is_point(48) => Ok(&ECDSA_P384),
            Some(curve) if curve == OID_EC_P256 || curve == OID_NIST_EC_P384 => Err(Kind::Point),
            Some(curve) => Err(Kind::Unknown(curve.to_id_string())),
            None => Err(Kind::NotDer),
        }
    } else if *kind == OID_SIG_ED25519 {
        if point.len() == 32 { Ok(&EDDSA) } else { Err(Kind::Point) }
    } else if *kind == OID_PKCS1_RSAENCRYPTION {
        match info.parsed() {
            Ok(Parts::RSA(rsa)) => match bits(rsa.modulus) {
                2048..=8192 => Ok(&RSA),
                bits => Err(Kind::Bits(bits)),
            },
            _ => Err(Kind::NotDer),
        }
    } else {
        Err(Kind::Unknown(kind.to_id_string()))
    }
}

/// How many bits a number has, from its first that is set.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros());
    8 * (number.len() - zeros) - first as usize
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let blocks = pem_blocks(text).map_err(Kind::Pem)?;
        match blocks.as_slice() {
            [] => Err(Kind::NoPem.into()),
            [block] => match block.label {
                "PUBLIC KEY" => Self::from_der(&block.der().map_err(Kind::Pem)?),
                "CERTIFICATE" => Err(Kind::Certificate.into()),
                label if label.contains("PRIVATE KEY") => Err(Kind::Private.into()),
                label => Err(Kind::Label(label.to_owned()).into()),
            },
            several => Err(Kind::Several(several.len()).into()),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKey").field(&self.id).finish()
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for PublicKey {}

/// A text is not a [`PublicKey`]. Never quotes a private key.
///
/// ```
/// let error = "no key".parse::<local_registry_signatures::PublicKey>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "is not PEM; write a public key, which begins with `-----BEGIN PUBLIC KEY-----`"
/// );
/// ```
#[derive(Debug, PartialEq, Eq, Error)]
#[error(transparent)]
pub struct PublicKeyError(#[from] Kind);

/// What is wrong with it.
#[derive(Debug, PartialEq, Eq, Error)]
enum Kind {
    #[error("is not PEM; write a public key, which begins with `-----BEGIN PUBLIC KEY-----`")]
    NoPem,
    #[error("is not a public key: {0}")]
    Pem(PemFlaw),
    #[error("has {0} PEM blocks, and one public key is expected; write each key for itself")]
    Several(usize),
    #[error(
        "is a certificate, and a public key is expected; write the block `PUBLIC KEY` that `openssl x509 -noout -pubkey` prints"
    )]
    Certificate,
    #[error(
        "is a private key, and a public key is expected; keep it secret, and write what `cosign public-key --key` prints"
    )]
    Private,
    #[error("is the PEM block {}, and `PUBLIC KEY` is expected; write what `openssl pkey -pubout` prints", Quoted(.0))]
    Label(String),
    #[error("is not a public key: its bytes are not a `SubjectPublicKeyInfo`")]
    NotDer,
    #[error("is not a public key: its point is not written as on its curve, uncompressed")]
    Point,
    #[error("is an RSA key of {0} bits, and 2048 to 8192 are expected")]
    Bits(usize),
    #[error("is a key of the kind {0}, and ECDSA on P-256 or P-384, Ed25519 or RSA is expected")]
    Unknown(String),
}
