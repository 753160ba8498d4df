//! A broken entry, and what became of it.

use std::fmt;
use std::path::PathBuf;

use local_registry_core::Quoted;
use serde::Serialize;

/// A broken entry of a registry's storage. Prints as a line: where it is, what was found, and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The file, from the folder of the storage.
    pub path: PathBuf,
    /// What is wrong with it.
    #[serde(flatten)]
    pub fault: Fault,
    /// What was done about it, or would be.
    pub outcome: Outcome,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum Fault {
    /// A link has no content.
    Empty,
    /// A link has something that is no digest.
    NoDigest {
        /// What it has.
        found: String,
    },
    /// A link has another digest than its path.
    OtherDigest {
        /// The digest that it has.
        found: String,
    },
    /// The path of a link has no digest.
    Path,
    /// A link leads to a manifest whose content is not that of its digest.
    Corrupt {
        /// How many bytes the content has.
        bytes: u64,
    },
    /// A link leads to a manifest that the registry cannot read, of schema 1 or of none.
    Unreadable,
    /// A folder that the garbage collection looks into is missing.
    Missing,
}

/// What was done about an entry, or would be without `--dry-run`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was written again: a link with the digest that its path says, or that its tag had last.
    Fixed,
    /// It has another name now, so that the registry does not see it any more.
    LeftOut,
    /// Nothing: somebody has to push the image again.
    Kept,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.fault {
            Fault::Empty => write!(f, "{path}: is empty")?,
            Fault::NoDigest { found } => write!(f, "{path}: has {}, which is no digest", Quoted(found))?,
            Fault::OtherDigest { found } => write!(f, "{path}: has {}, and its path another digest", Quoted(found))?,
            Fault::Path => write!(f, "{path}: its path has no digest")?,
            Fault::Unreadable => write!(f, "{path}: leads to a manifest that this registry cannot read")?,
            Fault::Missing => write!(f, "{path}: is missing")?,
            Fault::Corrupt { bytes } => {
                write!(f, "{path}: leads to a manifest of {bytes} bytes that are not those of its digest")?;
            }
        }
        f.write_str(match self.outcome {
            Outcome::Fixed => "; written again",
            Outcome::LeftOut => "; left out: push the image again",
            Outcome::Kept => "; left as it is: push that image again",
        })
    }
}
