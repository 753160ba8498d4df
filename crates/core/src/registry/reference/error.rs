//! What can be wrong with a reference.

use super::super::tag::LONGEST_TAG;
use crate::text::Quoted;

/// The most characters of a path, with its slashes.
pub(super) const LONGEST_PATH: usize = 255;

/// Why a text is not an [`ImageReference`](crate::ImageReference): what was found, and where. Positions count characters
/// from 1.
///
/// ```
/// let error = local_registry_core::ImageReference::parse("team/App").unwrap_err();
/// assert_eq!(error.to_string(), "has the upper-case letter `A` at character 6; a path is lower case");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct ReferenceError(#[from] ReferenceErrorKind);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReferenceErrorKind {
    #[error("is empty")]
    Empty,
    #[error("has {} at character {at}, which no reference may have", Quoted(.character))]
    ForeignCharacter { character: String, at: usize },
    #[error("starts with a scheme; leave out `{0}`")]
    Scheme(String),
    #[error("names the registry {}, which is not a host and port", Quoted(.0))]
    Registry(String),
    #[error("has an empty path component at character {at}")]
    EmptyComponent { at: usize },
    #[error("has the upper-case letter {} at character {at}; a path is lower case", Quoted(.character))]
    UpperCase { character: String, at: usize },
    #[error("has {} at character {at}; a path has lower-case letters, digits, `.`, `_`, `-` and `/`", Quoted(.character))]
    PathCharacter { character: String, at: usize },
    #[error("has a misplaced {} at character {at}; `.`, `_`, `__` and dashes stand between letters or digits", Quoted(.separator))]
    Separator { separator: String, at: usize },
    #[error("has a path of one character; go-containerregistry requires at least 2")]
    PathTooShort,
    #[error("has a path of {0} characters; at most {LONGEST_PATH} are allowed")]
    PathTooLong(usize),
    #[error(
        "has a path of {0} characters without a `/`; at most 247 are allowed, since Docker puts `library/` in front"
    )]
    OfficialPathTooLong(usize),
    #[error("has an empty tag")]
    EmptyTag,
    #[error("has a tag of {0} characters; at most {LONGEST_TAG} are allowed")]
    TagTooLong(usize),
    #[error("has {} at character {at}; a tag has letters, digits, `_`, `.` and `-`, and starts with neither `.` nor `-`", Quoted(.character))]
    TagCharacter { character: String, at: usize },
    #[error("has an empty digest")]
    EmptyDigest,
    #[error("has a digest that is not `sha256:`; go-containerregistry supports no other")]
    DigestAlgorithm,
    #[error("has a digest that is not `sha256:` and 64 lower-case hexadecimal digits")]
    Digest,
    #[error("is 64 hexadecimal digits, which image parsers read as an image ID")]
    ImageId,
}
