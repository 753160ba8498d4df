//! Digests of manifests and blobs.

use std::sync::Arc;

use thiserror::Error;

use super::checked_text::checked_text;
use crate::text::hex;

/// The SHA-256 of a manifest or a blob, as registries write it.
///
/// ```
/// use local_registry_core::Digest;
///
/// let digest: Digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a".parse()?;
/// assert!(digest.hex().starts_with("44136fa3"));
/// # Ok::<(), local_registry_core::registry::DigestError>(())
/// ```
///
/// ```text
/// digest = "sha256:" 64( 0-9 | a-f )
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(Arc<str>);

const PREFIX: &str = "sha256:";

impl Digest {
    /// The digest with these bytes of a SHA-256.
    #[must_use]
    pub fn from_sha256(bytes: &[u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", hex(bytes)).into())
    }

    /// Checks `text` against the grammar above.
    ///
    /// # Errors
    /// A [`DigestError`] if it is anything else.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        match check(text) {
            Ok(()) => Ok(Self(text.into())),
            Err(_) => Err(DigestError(())),
        }
    }

    /// The hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> &str {
        self.0.strip_prefix(PREFIX).unwrap_or_default()
    }
}

/// A text is not a [`Digest`].
///
/// ```
/// let error = local_registry_core::Digest::parse("sha512:0123").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "is not a digest; write `sha256:` and 64 hexadecimal digits in lower case"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not a digest; write `sha256:` and 64 hexadecimal digits in lower case")]
pub struct DigestError(());

/// What is wrong with a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DigestFlaw {
    Empty,
    /// It does not start with `sha256:`.
    Algorithm,
    /// What follows are not 64 hexadecimal digits in lower case.
    Digits,
}

/// Checks a text by the grammar of [`Digest`].
pub(super) fn check(text: &str) -> Result<(), DigestFlaw> {
    match text.strip_prefix(PREFIX) {
        Some(digits) if is_sha256(digits) => Ok(()),
        Some(_) => Err(DigestFlaw::Digits),
        None if text.is_empty() => Err(DigestFlaw::Empty),
        None => Err(DigestFlaw::Algorithm),
    }
}

/// Whether a text is 64 hexadecimal digits in lower case.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

checked_text!(Digest, DigestError);

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
