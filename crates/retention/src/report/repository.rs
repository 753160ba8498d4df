//! What is said of a repository.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use local_registry_core::{Digest, Tag};
use serde::Serialize;

use super::size::Size;
use crate::decision::fate::{Decision, Fate, Reason};
use crate::decision::inventory::Inventory;
use crate::decision::ranking::Dates;

/// What became of a repository, or would. Prints as a line, and one for each tag that goes or whose reason to stay is worth a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepositoryReport {
    repository: String,
    /// Its tags, in the order of their names.
    tags: Vec<TagReport>,
    /// Tags that the registry lists, and does not have.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    missing: BTreeSet<Tag>,
    /// How many manifests went, or would.
    manifests: usize,
    /// How many bytes they have that nothing else in the repository needs.
    bytes: u64,
    /// What is to be known beside that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// Why nothing was deleted, or not everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// What became of a tag, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct TagReport {
    tag: Tag,
    /// What it names, if that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    /// When the image was made, if that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    outcome: Outcome,
    #[serde(flatten)]
    why: Option<Why>,
}

/// What became of a tag, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Kept,
    /// A dry run deletes nothing.
    WouldBeDeleted,
    Deleted,
    /// The tag alone goes, and its image stays.
    WouldBeUntagged,
    Untagged,
    /// It was to go, and is still there.
    Left,
}

/// Why a tag stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Why {
    Named {
        by: String,
    },
    /// There are no more images than stay.
    Few,
    Newest,
    Young,
    Undated {
        found: String,
    },
    Attached,
    Unattached,
    Changed,
}

/// What was done of a decision.
#[derive(Debug, Clone, Default)]
pub(crate) struct Done {
    pub(crate) deleted: BTreeSet<Digest>,
    pub(crate) untagged: BTreeSet<Tag>,
}

impl RepositoryReport {
    pub(crate) fn new(repository: String) -> Self {
        let (tags, missing, notes) = (Vec::new(), BTreeSet::new(), Vec::new());
        Self { repository, tags, missing, manifests: 0, bytes: 0, notes, failure: None }
    }

    /// Of one that cannot be read.
    pub(crate) fn passed(repository: String, reason: &str) -> Self {
        let failure = Some(format!("nothing of it is deleted, since not all of it can be read: {reason}"));
        Self { failure, ..Self::new(repository) }
    }

    /// Of one with so few images that nothing can go.
    pub(crate) fn few(repository: String, tags: BTreeSet<Tag>) -> Self {
        let kept = |tag| TagReport { tag, digest: None, created: None, outcome: Outcome::Kept, why: Some(Why::Few) };
        Self { tags: tags.into_iter().map(kept).collect(), ..Self::new(repository) }
    }

    /// Says what a decision means. `done` is what was carried out of it; `None` for a dry run.
    pub(crate) fn decided(
        mut self,
        inventory: &Inventory,
        decision: &Decision,
        dates: &Dates,
        done: Option<&Done>,
    ) -> Self {
        let going = done.map_or_else(|| decision.going(), |done| done.deleted.clone());
        self.manifests = going.len();
        self.bytes = inventory.bytes_alone(&going);
        let report = |(tag, digest): (&Tag, &Digest)| {
            let fate = decision.fates.get(tag);
            let outcome = match (fate, done) {
                (Some(Fate::Kept(_)) | None, _) => Outcome::Kept,
                (Some(Fate::Deleted), None) => Outcome::WouldBeDeleted,
                (Some(Fate::Untagged), None) => Outcome::WouldBeUntagged,
                (Some(Fate::Deleted), Some(done)) if done.deleted.contains(digest) => Outcome::Deleted,
                (Some(Fate::Untagged), Some(done)) if done.untagged.contains(tag) => Outcome::Untagged,
                (Some(Fate::Deleted | Fate::Untagged), Some(_)) => Outcome::Left,
            };
            let created = dates.get(digest).and_then(|date| date.as_ref().ok()).map(ToString::to_string);
            let why = match fate {
                Some(Fate::Kept(reason)) => Some(Why::from(reason)),
                _ => None,
            };
            TagReport { tag: tag.clone(), digest: Some(digest.clone()), created, outcome, why }
        };
        self.tags = inventory.tags.iter().map(report).collect();
        self
    }

    pub(crate) fn with_missing(mut self, missing: BTreeSet<Tag>) -> Self {
        self.missing = missing;
        self
    }

    pub(crate) fn with_notes(mut self, notes: Vec<String>, failure: Option<String>) -> Self {
        (self.notes, self.failure) = (notes, failure);
        self
    }

    /// Whether everything was read, and whatever was to go is gone.
    #[must_use]
    pub fn is_in_line(&self) -> bool {
        self.failure.is_none()
    }

    /// How many tags there are, and how many went, or would.
    pub(crate) fn tags(&self) -> (usize, usize) {
        let goes = |tag: &&TagReport| !matches!(tag.outcome, Outcome::Kept | Outcome::Left);
        (self.tags.len(), self.tags.iter().filter(goes).count())
    }

    /// How many manifests went, or would, and how many bytes.
    pub(crate) fn gone(&self) -> (usize, u64) {
        (self.manifests, self.bytes)
    }
}

impl From<&Reason> for Why {
    fn from(reason: &Reason) -> Self {
        match reason {
            Reason::Named(by) => Self::Named { by: by.to_string() },
            Reason::Newest => Self::Newest,
            Reason::Young => Self::Young,
            Reason::Undated(found) => Self::Undated { found: found.to_string() },
            Reason::Attached => Self::Attached,
            Reason::Unattached => Self::Unattached,
            Reason::Changed => Self::Changed,
        }
    }
}

impl Why {
    /// The reason as a part of the line of a repository.
    fn counted(&self) -> &'static str {
        match self {
            Self::Named { .. } => "named by the cluster",
            Self::Few => "no more images than --keep",
            Self::Newest => "among the newest",
            Self::Young => "too young",
            Self::Undated { .. } => "without a usable date",
            Self::Attached => "attached to what stays",
            Self::Unattached => "attached to what is not known here",
            Self::Changed => "changed meanwhile",
        }
    }
}

impl fmt::Display for RepositoryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.repository)?;
        let staying = self.tags.iter().filter(|tag| matches!(tag.outcome, Outcome::Kept | Outcome::Left));
        let (all, going) = self.tags();
        if all == 0 {
            f.write_str(if self.failure.is_some() { "not looked at" } else { "no tags" })?;
        } else {
            let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
            for why in staying.clone().filter_map(|tag| tag.why.as_ref()) {
                *reasons.entry(why.counted()).or_default() += 1;
            }
            let reasons: Vec<String> = reasons.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            write!(f, "{} of {all} tags stay", staying.count())?;
            if !reasons.is_empty() {
                write!(f, " ({})", reasons.join(", "))?;
            }
            if going > 0 {
                let is_dry = self
                    .tags
                    .iter()
                    .any(|tag| matches!(tag.outcome, Outcome::WouldBeDeleted | Outcome::WouldBeUntagged));
                let go = if is_dry { "would go" } else { "went" };
                write!(f, "; {going} {go}, with {} manifests of {} in all", self.manifests, Size(self.bytes))?;
            }
        }
        for line in self.tags.iter().filter_map(TagReport::line) {
            write!(f, "\n  {line}")?;
        }
        for tag in &self.missing {
            write!(f, "\n  {tag}: the registry lists it, and does not have it; push it again, or delete it")?;
        }
        for note in &self.notes {
            write!(f, "\n  {note}")?;
        }
        match &self.failure {
            Some(failure) => write!(f, "\n  ✗ {failure}"),
            None => Ok(()),
        }
    }
}

impl TagReport {
    /// The line of a tag, if it is worth one.
    fn line(&self) -> Option<String> {
        let Self { tag, created, .. } = self;
        let made = || created.as_ref().map(|created| format!(", made {created}")).unwrap_or_default();
        Some(match (self.outcome, &self.why) {
            (Outcome::WouldBeDeleted, _) => format!("{tag}: would be deleted{}", made()),
            (Outcome::Deleted, _) => format!("{tag}: deleted{}", made()),
            (Outcome::WouldBeUntagged, _) => format!("{tag}: would be deleted, without its image, which stays"),
            (Outcome::Untagged, _) => format!("{tag}: deleted, without its image, which stays"),
            (Outcome::Left, _) => format!("{tag}: was to go, and is still there"),
            (Outcome::Kept, Some(Why::Named { by })) => format!("{tag}: stays, since {by} names it"),
            (Outcome::Kept, Some(Why::Undated { found })) => {
                format!("{tag}: stays, since {found}; to order such images by their tags, add --undated name")
            }
            (Outcome::Kept, Some(Why::Changed)) => format!("{tag}: stays, since it has changed meanwhile"),
            (Outcome::Kept, _) => return None,
        })
    }
}
