//! Says whether a signature of a container image is valid: by keys, or by certificates of an authority.
//!
//! [`Signers`] are those whose signatures count, by their [`PublicKey`] or as an [`Identity`]. They verify what is kept beside an
//! image, in each of three forms; its bytes come from a registry, and whoever may push there has written them.
//!
//! | form | what | method |
//! | --- | --- | --- |
//! | cosign's payload, signed in an annotation (`sha256-HEX.sig`) | a signature | [`Signers::verify_payload`] |
//! | an envelope with an in-toto statement (`sha256-HEX.att`) | a [`Statement`] | [`Signers::verify_envelope`] |
//! | a Sigstore bundle, version 0.1 to 0.3 | either | [`Signers::verify_bundle`] |
//!
//! The crate performs no I/O, and asks no clock: whether a certificate was valid, it judges by the time that the transparency log
//! has signed.
//!
//! ```
//! use local_registry_signatures::{PublicKey, Signed, Signers};
//! # macro_rules! data {
//! #     ($name:literal) => { include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cosign/", $name)) };
//! # }
//!
//! let key: PublicKey = data!("p256/cosign.pub").parse()?;
//! let signers = Signers::new(vec![key], Vec::new());
//!
//! let (bundle, image) = (data!("p256/bundle.json"), data!("image.txt").trim().parse()?);
//! let manifest = data!("manifest.json");
//! let signed = signers.verify_bundle(bundle.as_bytes(), &image, manifest.as_bytes())?;
//! assert!(matches!(signed, Signed::Statement(statement) if statement.signs_image()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Not supported
//!
//! Each of these is refused, with an error that says so:
//!
//! - entries of Rekor 2, and times by another authority (RFC 3161): the time of a signature comes from a log that promises its entry
//!   (signed entry timestamp);
//! - ECDSA on P-521, Ed25519ph, and RSA-PSS;
//! - entries of the log of other kinds than `hashedrekord` 0.0.1, `dsse` 0.0.1 and `intoto` 0.0.2.
//!
//! And these are not looked at: the proof that an entry is in the log (its promise is), the log of certificates (SCT), lists of
//! revoked certificates, and the name that a payload has for the image.

#![forbid(unsafe_code)]

mod attestation;
mod encoding;
mod error;
mod form;
mod keyless;
mod log;
mod signers;
mod trust;

pub use self::attestation::{Provenance, Statement, plain_source};
pub use self::error::SignatureError;
pub use self::signers::{Signed, Signers};
pub use self::trust::{Authority, AuthorityError, Identity, Pattern, PatternError, PublicKey, PublicKeyError};
