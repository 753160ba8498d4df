//! What can be wrong with a value's YAML, in words for whoever wrote it.

use std::fmt;

use local_registry_core::Quoted;

/// A line that declares a registry.
const EXAMPLE: &str = "`hostFromClusterNetwork: \"kind-registry:5000\"`";

/// Why a value is not a mapping of strings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub(crate) struct YamlError {
    /// The line that is wrong, counted from 1, if it is known.
    pub(crate) line: Option<u64>,
    pub(super) kind: YamlErrorKind,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum YamlErrorKind {
    #[error("the value is empty; write a declaration, as in {EXAMPLE}, or delete the ConfigMap")]
    Empty,
    #[error("the value is not valid YAML ({0}); fix it, or write a new declaration, as in {EXAMPLE}")]
    Syntax(String),
    #[error("the value has several YAML documents; write one, without `---`")]
    Documents,
    #[error("a key occurs twice; write each key once")]
    DuplicateKey,
    #[error("the value expands to more than a declaration ever needs; write it without aliases and deep nesting")]
    TooMuch,
    #[error("the value is a string that holds YAML, so it was encoded twice; leave out the outer quotes")]
    EncodedTwice,
    #[error("the value is {0}; expected fields, as in {EXAMPLE}")]
    NotAMapping(&'static str),
    #[error("found the field {}; expected `{field}`; correct it, or leave it out", Quoted(.found))]
    Misspelt { found: String, field: &'static str },
    #[error("found `{field}` below {}; expected it at the top of the value; move it there", Quoted(.below))]
    Nested { below: String, field: &'static str },
    #[error("found {}; expected a field that is known, as in {EXAMPLE}; add it, or delete the ConfigMap", .0)]
    NoField(FoundInstead),
    #[error("{field}: found {found}; expected a string; write it in quotes")]
    NotAString { field: &'static str, found: &'static str },
}

/// What a mapping has in place of a field with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FoundInstead {
    Nothing,
    Empty(String),
    Other(String),
}

impl fmt::Display for FoundInstead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no field"),
            Self::Empty(field) => write!(f, "the field {} without a value", Quoted(field)),
            Self::Other(field) => write!(f, "the field {}", Quoted(field)),
        }
    }
}

impl YamlErrorKind {
    /// The error, on a line if one is known.
    pub(super) fn on(self, line: Option<u64>) -> YamlError {
        YamlError { line, kind: self }
    }
}

impl From<&serde_saphyr::Error> for YamlError {
    /// Says in our own words what the library says to programmers.
    fn from(error: &serde_saphyr::Error) -> Self {
        use serde_saphyr::Error;
        let kind = match error {
            Error::MultipleDocuments { .. } => YamlErrorKind::Documents,
            Error::DuplicateMappingKey { .. } => YamlErrorKind::DuplicateKey,
            Error::Budget { .. }
            | Error::AliasReplayCounterOverflow { .. }
            | Error::AliasReplayLimitExceeded { .. }
            | Error::AliasExpansionLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. }
            | Error::RecursiveReferencesRequireWeakTypes { .. }
            | Error::AliasError { .. } => YamlErrorKind::TooMuch,
            _ if error.to_string().starts_with("recursion limit exceeded") => YamlErrorKind::TooMuch,
            other => {
                let text = other.to_string();
                YamlErrorKind::Syntax(text.split(" at line ").next().unwrap_or(&text).to_owned())
            }
        };
        kind.on(error.location().map(|location| location.line()))
    }
}
