//! Patterns for names, such as those of the owners of certificates.

use std::fmt;
use std::str::FromStr;

use local_registry_core::text::matches_wildcard;
use thiserror::Error;

/// What a name has to be: the subject of a certificate, a builder, a tag. A `*` stands for any text without a slash, or for none.
///
/// With slashes, `workflows/*@refs/heads/main` would accept a branch `x@refs/heads/main`, which anybody may make who may push.
///
/// ```
/// use local_registry_signatures::Pattern;
///
/// let pattern: Pattern = "https://github.com/team/app/.github/workflows/*@refs/tags/v*".parse()?;
/// assert!(pattern.matches("https://github.com/team/app/.github/workflows/release.yaml@refs/tags/v1.2"));
/// assert!(!pattern.matches("https://github.com/team/app2/.github/workflows/release.yaml@refs/tags/v1.2"));
/// assert!(!pattern.matches("https://github.com/team/app/.github/workflows/release.yaml@refs/heads/x@refs/tags/v1.2"));
/// # Ok::<(), local_registry_signatures::PatternError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Whether a name is as the pattern says.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        matches_wildcard(&self.0, name, '/')
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
/// assert_eq!(error.to_string(), "is empty, and a name or a pattern for names is expected");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is empty, and a name or a pattern for names is expected")]
pub struct PatternError(());
