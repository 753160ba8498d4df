//! How bytes are written in what was signed: base64, hexadecimal hashes, JSON and PEM. Nothing here knows what they mean.

mod base64;
mod hash;
mod json;
mod pem;
mod whole;

pub(crate) use self::base64::Base64;
pub(crate) use self::hash::{Hash, sha256};
pub(crate) use self::json::{JsonError, read_json};
pub(crate) use self::pem::{PemFlaw, pem_blocks};
pub(crate) use self::whole::Whole;
