//! Patterns for owners of certificates.

use std::fmt;
use std::str::FromStr;

use local_registry_core::text::matches_wildcard;
use thiserror::Error;

/// What the subject of a certificate has to be. A `*` stands for any text, also with slashes in it, or for none.
///
/// ```
/// use local_registry_signatures::Pattern;
///
/// let pattern: Pattern = "https://github.com/team/app/.github/workflows/*@refs/tags/v*".parse()?;
/// assert!(pattern.matches("https://github.com/team/app/.github/workflows/release.yaml@refs/tags/v1.2"));
/// assert!(!pattern.matches("https://github.com/team/app2/.github/workflows/release.yaml@refs/tags/v1.2"));
/// # Ok::<(), local_registry_signatures::PatternError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Whether a subject is as the pattern says.
    #[must_use]
    pub fn matches(&self, subject: &str) -> bool {
        // No subject has such a character: `Certificate` refuses those.
        matches_wildcard(&self.0, subject, '\0')
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() { Err(PatternError(())) } else { Ok(Self(text.to_owned())) }
    }
}

impl AsRef<str> for Pattern {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is not a [`Pattern`]: it is empty.
///
/// ```
/// let error = "".parse::<local_registry_signatures::Pattern>().unwrap_err();
/// assert_eq!(error.to_string(), "is empty, and a pattern for the subject of a certificate is expected");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is empty, and a pattern for the subject of a certificate is expected")]
pub struct PatternError(());
