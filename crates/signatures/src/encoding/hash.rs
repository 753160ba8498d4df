//! Hashes of data.

use local_registry_core::text::hex;
use ring::digest::{SHA256, SHA384, SHA512, digest};
use serde::Deserialize;

/// The SHA-256 of these bytes.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// A hash as entries of the log have it: the name of an algorithm, and hexadecimal digits.
#[derive(Debug, Deserialize)]
pub(crate) struct Hash {
    pub(crate) algorithm: String,
    pub(crate) value: String,
}

impl Hash {
    /// Whether it is the hash of these bytes. By an algorithm that is not known here, it is of none.
    pub(crate) fn is_of(&self, bytes: &[u8]) -> bool {
        let algorithm = match self.algorithm.as_str() {
            "sha256" => &SHA256,
            "sha384" => &SHA384,
            "sha512" => &SHA512,
            _ => return false,
        };
        self.value == hex(digest(algorithm, bytes).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_its_bytes_by_its_algorithm() {
        let hash = |algorithm: &str, value: String| Hash { algorithm: algorithm.to_owned(), value };
        let sha512 = hex(digest(&SHA512, b"data").as_ref());
        assert!(hash("sha256", sha256(b"data")).is_of(b"data"));
        assert!(hash("sha512", sha512.clone()).is_of(b"data"));
        for other in [
            hash("sha256", sha256(b"other")),
            hash("sha256", sha512),
            hash("sha256", sha256(b"data").to_uppercase()),
            hash("sha256", String::new()),
            hash("md5", sha256(b"data")),
        ] {
            assert!(!other.is_of(b"data"), "{other:?}");
        }
    }
}
