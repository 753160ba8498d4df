//! Digests of manifests and blobs.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

use crate::text::hex;

/// The SHA-256 of a manifest or a blob, as registries write it.
///
/// ```
/// use local_registry_core::Digest;
///
/// let digest: Digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a".parse()?;
/// assert!(digest.hex().starts_with("44136fa3"));
/// # Ok::<(), local_registry_core::DigestError>(())
/// ```
///
/// ```text
/// digest = "sha256:" 64( 0-9 | a-f )
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Digest(String);

const PREFIX: &str = "sha256:";

impl Digest {
    /// The digest with these bytes of a SHA-256.
    #[must_use]
    pub fn from_sha256(bytes: &[u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", hex(bytes)))
    }

    /// The digest as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> &str {
        self.0.strip_prefix(PREFIX).unwrap_or_default()
    }
}

/// A text is not a [`Digest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not a digest; write `sha256:` and 64 hexadecimal digits in lower case")]
pub struct DigestError(());

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let is_hex = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        let valid = text.strip_prefix(PREFIX).is_some_and(|hex| hex.len() == 64 && hex.bytes().all(is_hex));
        if valid { Ok(Self(text.to_owned())) } else { Err(DigestError(())) }
    }
}

impl AsRef<str> for Digest {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_lower_case_sha_256() {
        let hex = "0123456789abcdef".repeat(4);
        assert_eq!(format!("sha256:{hex}").parse::<Digest>().unwrap().hex(), hex);
        for text in [
            String::new(),
            "sha256:".to_owned(),
            hex.clone(),
            format!("sha256:{}", hex.to_uppercase()),
            format!("sha256:{hex}0"),
            format!("sha256:{}", hex.get(1..).unwrap()),
            format!("sha512:{hex}{hex}"),
            format!(" sha256:{hex}"),
        ] {
            assert_eq!(text.parse::<Digest>(), Err(DigestError(())), "{text}");
        }
    }
}
