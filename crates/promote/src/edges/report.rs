//! What is said of an edge.

use std::fmt;

use local_registry_core::Digest;
use serde::Serialize;

use crate::image::PromotionError;
use local_registry_core::text::one_line;
use local_registry_promotion_tree::Edge;

/// What is known of an edge, or what became of it.
///
/// ```
/// use local_registry_promote::State;
///
/// let state = State::TagOnly;
/// assert_eq!((state.name(), state.is_fault()), ("tag-only", false));
/// assert_eq!(serde_json::to_string(&state)?, r#"{"state":"tag-only"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// The target has the image, by that tag if there is one.
    There,
    /// The target has the image, but not the tag.
    TagOnly,
    /// The target does not have the image.
    Copy,
    /// The tag was set.
    Tagged,
    /// The image was copied, and the tag was set.
    Copied,
    /// Neither source nor target have the image.
    Missing,
    /// The tag names another image at the target.
    Moves {
        /// That other image.
        found: Digest,
    },
    /// The tag names another image at the target than the manifests say.
    Differs {
        /// That other image.
        found: Digest,
    },
    /// The target does not have what the manifests say.
    Absent,
    /// What is attached to the image at the source is not at the target.
    Unsigned {
        /// Digests of referrers, and tags.
        missing: Vec<String>,
    },
    /// The rules of the project refuse it.
    Refused {
        /// Why, each reason alone.
        reasons: Vec<String>,
    },
    /// A registry does not say what it has.
    Unreachable {
        /// Why.
        reason: String,
    },
    /// It could not be promoted.
    Failed {
        /// Why.
        reason: String,
    },
}

impl State {
    /// What an error means for an edge whose registries were only looked at.
    pub(crate) fn unseen(error: &PromotionError) -> Self {
        match error {
            PromotionError::Source(_) | PromotionError::Target(_) => Self::Unreachable { reason: error.to_string() },
            error => Self::unpromoted(error),
        }
    }

    /// What an error means for an edge that was to be promoted.
    pub(crate) fn unpromoted(error: &PromotionError) -> Self {
        match error {
            PromotionError::Refused(reasons) => Self::Refused { reasons: reasons.clone() },
            error => Self::Failed { reason: error.to_string() },
        }
    }

    /// Whether something is wrong that a promotion does not put right.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::There | Self::TagOnly | Self::Copy | Self::Tagged | Self::Copied)
    }

    /// The state in a word, which is that of JSON, too.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::There => "there",
            Self::TagOnly => "tag-only",
            Self::Copy => "copy",
            Self::Tagged => "tagged",
            Self::Copied => "copied",
            Self::Missing => "missing",
            Self::Moves { .. } => "moves",
            Self::Differs { .. } => "differs",
            Self::Absent => "absent",
            Self::Unsigned { .. } => "unsigned",
            Self::Refused { .. } => "refused",
            Self::Unreachable { .. } => "unreachable",
            Self::Failed { .. } => "failed",
        }
    }
}

/// An edge, and its state. Prints as a line: state, image at the target, image at the source, reason, and
/// remarks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The edge.
    #[serde(flatten)]
    pub edge: Edge,
    /// What is known of it, or what became of it.
    #[serde(flatten)]
    pub state: State,
    /// What is attached to the image at the source, and does not belong to it, or cannot be promoted; and why. That is not a
    /// fault of the edge.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// What the rules of the project say of it that refuses nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What is said of an image beside its state.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    pub(crate) left_out: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// How wide the column of states is: as the longest of them.
const WIDTH: usize = 11;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { edge, state, left_out, warnings } = self;
        write!(f, "{:WIDTH$}  {}  {}", state.name(), edge.target_image(), edge.source.at(&edge.digest))?;
        match state {
            State::Moves { found } => write!(f, ": it is {found}; use another tag"),
            State::Differs { found } => write!(f, ": it is {found}; somebody has moved it"),
            State::Missing => f.write_str(": push it to the source again, or take it out of the manifest"),
            State::Absent => f.write_str(": promote it with `run --confirm`"),
            State::Unsigned { missing } => write!(
                f,
                ": {} of the source {} not there; copy with `run --confirm --late-signatures`",
                missing.join(", "),
                if missing.len() == 1 { "is" } else { "are" }
            ),
            State::Refused { reasons } => write!(f, ": {}", one_line(&reasons.join("; "))),
            State::Unreachable { reason } | State::Failed { reason } => write!(f, ": {}", one_line(reason)),
            State::There | State::TagOnly | State::Copy | State::Tagged | State::Copied => Ok(()),
        }?;
        for (what, remarks) in [("left out", left_out), ("warning", warnings)] {
            if !remarks.is_empty() {
                write!(f, "; {what}: {}", one_line(&remarks.join("; ")))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_one_word_in_text_and_in_json() {
        let (found, reason) = (local_registry_oci::digest_of(b""), String::new());
        for state in [
            State::There,
            State::TagOnly,
            State::Copy,
            State::Tagged,
            State::Copied,
            State::Missing,
            State::Moves { found: found.clone() },
            State::Differs { found },
            State::Absent,
            State::Unsigned { missing: Vec::new() },
            State::Refused { reasons: Vec::new() },
            State::Unreachable { reason: reason.clone() },
            State::Failed { reason },
        ] {
            assert_eq!(serde_json::to_value(&state).unwrap()["state"], state.name());
            assert!(state.name().len() <= WIDTH, "{}", state.name());
        }
    }
}
