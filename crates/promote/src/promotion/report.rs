//! What is said of an edge.

use std::fmt;

use serde::Serialize;

use crate::manifest::{Edge, OneLine};
use local_registry_core::Digest;

/// What is known of an edge, or what became of it.
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
    /// Whether something is wrong that a promotion does not put right.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::There | Self::TagOnly | Self::Copy | Self::Tagged | Self::Copied)
    }

    /// The state in a word or two.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::There => "there",
            Self::TagOnly => "tag only",
            Self::Copy => "copy",
            Self::Tagged => "tagged",
            Self::Copied => "copied",
            Self::Missing => "missing at the source",
            Self::Moves { .. } => "tag would move",
            Self::Differs { .. } => "tag differs",
            Self::Absent => "absent",
            Self::Unsigned { .. } => "unsigned",
            Self::Unreachable { .. } => "unreachable",
            Self::Failed { .. } => "failed",
        }
    }
}

/// An edge, and its state. Prints as a line: state, image at the target, image at the source, reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The edge.
    #[serde(flatten)]
    pub edge: Edge,
    /// What is known of it, or what became of it.
    #[serde(flatten)]
    pub state: State,
}

/// How wide the column of states is.
const WIDTH: usize = 21;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { edge, state } = self;
        write!(f, "{:WIDTH$}  {}  {}", state.name(), edge.target_image(), edge.source.at(&edge.digest))?;
        match state {
            State::Moves { found } => write!(f, ": it is {found}; use another tag"),
            State::Differs { found } => write!(f, ": it is {found}; somebody has moved it"),
            State::Missing => f.write_str(": push it there again, or take it out of the manifest"),
            State::Absent => f.write_str(": promote it with `run --confirm`"),
            State::Unsigned { missing } => write!(
                f,
                ": {} of the source {} not there; copy with `run --confirm --late-signatures`",
                missing.join(", "),
                if missing.len() == 1 { "is" } else { "are" }
            ),
            State::Unreachable { reason } | State::Failed { reason } => write!(f, ": {}", OneLine(reason)),
            State::There | State::TagOnly | State::Copy | State::Tagged | State::Copied => Ok(()),
        }
    }
}

/// How many edges have which state. Prints as `2 there, 1 copy`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary(Vec<(&'static str, usize)>);

impl Summary {
    /// Counts an edge.
    pub fn add(&mut self, state: &State) {
        match self.0.iter_mut().find(|(name, _)| *name == state.name()) {
            Some((_, count)) => *count += 1,
            None => self.0.push((state.name(), 1)),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing to promote");
        }
        let counts: Vec<String> = self.0.iter().map(|(name, count)| format!("{count} {name}")).collect();
        f.write_str(&counts.join(", "))
    }
}
