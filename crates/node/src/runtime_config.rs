//! Whether the container runtime reads the files at all.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether the runtime reads the files that the agent writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuntimeReads {
    /// It does.
    Yes,
    /// It does not, so pulls go wherever the node's DNS says.
    No,
    /// That depends on what the agent does not know, or the agent, which is older or newer, has another word for it.
    #[serde(other)]
    Unknown,
}

impl RuntimeReads {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Yes, Self::No, Self::Unknown];

    /// The word that JSON and metrics have for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// What the runtime's configuration says about the files. Prints as a sentence, with the remedy after a semicolon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeConfig {
    /// Whether the runtime reads the files.
    pub reads: RuntimeReads,
    /// Why.
    pub seen: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl RuntimeConfig {
    pub(super) fn new(reads: RuntimeReads, seen: String) -> Self {
        Self { reads, seen, remedy: None }
    }

    pub(super) fn remedy(self, remedy: String) -> Self {
        Self { remedy: Some(remedy), ..self }
    }
}

impl fmt::Display for RuntimeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.remedy {
            Some(remedy) => write!(f, "{}; {remedy}", self.seen),
            None => f.write_str(&self.seen),
        }
    }
}
