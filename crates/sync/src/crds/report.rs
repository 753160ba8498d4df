//! What was found of the field in a CRD, and done about it, for people and for programs.

use std::fmt;

use local_registry_cluster::crds::crd_name;
use local_registry_core::shipwright::Kind;
use local_registry_core::text::printable;
use serde::Serialize;

/// What happened to one CRD.
///
/// Prints a line, one for each warning, and one for what is left.
///
/// ```
/// use local_registry_core::shipwright::Kind;
/// use local_registry_sync::crds::{CrdReport, CrdResult};
///
/// let report = CrdReport::new(Kind::Build, CrdResult::Added { fields: vec!["v1beta1 spec.output".to_owned()] });
/// assert_eq!(report.to_string(), "CRD builds.shipwright.io: added the field local in v1beta1 spec.output");
/// assert!(report.succeeded());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrdReport {
    /// The CRD.
    pub crd: &'static str,
    /// What happened.
    #[serde(flatten)]
    pub result: CrdResult,
    /// What was left as it is, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Where a field of this program's own is left that was to be removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
}

/// What is done with the field, and so what becomes of a CRD that comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// It is kept there, for as long as the program runs.
    Keep,
    /// It is added once.
    Add,
    /// It is removed once.
    Remove,
}

/// What was done to a CRD. Fields stand for themselves as in `v1beta1 spec.output`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum CrdResult {
    /// Nothing: it is as it should be.
    Unchanged,
    /// The field was added.
    Added {
        /// Where.
        fields: Vec<String>,
    },
    /// The field would be added without `--dry-run`.
    WouldAdd {
        /// Where.
        fields: Vec<String>,
    },
    /// The field was removed.
    Removed {
        /// Where.
        fields: Vec<String>,
    },
    /// The field would be removed without `--dry-run`.
    WouldRemove {
        /// Where.
        fields: Vec<String>,
    },
    /// Nothing: there is no such CRD.
    Absent {
        /// What would have been done.
        #[serde(skip)]
        work: Work,
    },
    /// Nothing: its images are not where they are known to be.
    OtherShape {
        /// Where it differs.
        error: String,
    },
    /// Nothing for now: somebody takes the field out again and again.
    HeldBack {
        /// Where the field is missing.
        fields: Vec<String>,
    },
    /// It could not be changed.
    Failed {
        /// Why, and how to fix it.
        error: String,
    },
    /// It could not be read.
    Unknown {
        /// Why, and how to fix it.
        error: String,
    },
}

/// What is known of the field in a CRD, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldState {
    /// The CRD could not be read.
    Unknown,
    /// There is no such CRD.
    Absent,
    /// The CRD's images are not where they are known to be.
    OtherShape,
    /// An image lacks the field.
    Missing,
    /// Each image has the field.
    There,
}

impl FieldState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Unknown, Self::Absent, Self::OtherShape, Self::Missing, Self::There];

    /// The state as metrics name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Absent => "absent",
            Self::OtherShape => "other-shape",
            Self::Missing => "missing",
            Self::There => "there",
        }
    }
}

impl CrdReport {
    /// A report without warnings.
    #[must_use]
    pub fn new(kind: Kind, result: CrdResult) -> Self {
        Self { crd: crd_name(kind), result, warnings: Vec::new(), left: Vec::new() }
    }

    /// Whether nothing failed, and nothing has to be done by hand.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        let has_succeeded = match self.result {
            CrdResult::Unchanged
            | CrdResult::Added { .. }
            | CrdResult::WouldAdd { .. }
            | CrdResult::Removed { .. }
            | CrdResult::WouldRemove { .. }
            | CrdResult::Absent { .. } => true,
            CrdResult::OtherShape { .. }
            | CrdResult::HeldBack { .. }
            | CrdResult::Failed { .. }
            | CrdResult::Unknown { .. } => false,
        };
        has_succeeded && self.left.is_empty()
    }

    /// What is known of the field after that.
    #[must_use]
    pub fn state(&self) -> FieldState {
        match self.result {
            CrdResult::Unchanged | CrdResult::Added { .. } | CrdResult::WouldRemove { .. } => FieldState::There,
            CrdResult::WouldAdd { .. }
            | CrdResult::Removed { .. }
            | CrdResult::HeldBack { .. }
            | CrdResult::Failed { .. } => FieldState::Missing,
            CrdResult::Absent { .. } => FieldState::Absent,
            CrdResult::OtherShape { .. } => FieldState::OtherShape,
            CrdResult::Unknown { .. } => FieldState::Unknown,
        }
    }
}

impl fmt::Display for CrdReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&format!("CRD {}: {}", self.crd, self.result)))?;
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {}", printable(warning)))?;
        if self.left.is_empty() {
            return Ok(());
        }
        let left = format!(
            "the field local in {}; remove it by hand, or with a version of local-registry-sync that knows this shape",
            self.left.join(", ")
        );
        write!(f, "\nleft: {}", printable(&left))
    }
}

impl fmt::Display for CrdResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchanged => f.write_str("unchanged"),
            Self::Added { fields } => write!(f, "added the field local in {}", fields.join(", ")),
            Self::WouldAdd { fields } => write!(f, "would add the field local in {} (dry run)", fields.join(", ")),
            Self::Removed { fields } => write!(f, "removed the field local in {}", fields.join(", ")),
            Self::WouldRemove { fields } => {
                write!(f, "would remove the field local in {} (dry run)", fields.join(", "))
            }
            Self::Absent { work: Work::Keep } => {
                f.write_str("not there; the field local is added when Shipwright is installed")
            }
            Self::Absent { work: Work::Add } => {
                f.write_str("not there; install Shipwright, and run this again to add the field local")
            }
            Self::Absent { work: Work::Remove } => f.write_str("not there, so there is nothing to remove"),
            Self::OtherShape { error } => write!(
                f,
                "left alone, since it has another shape: {error}; use the annotations local-registry-hosting/output, /source \
                 and /builder, or a version of local-registry-sync that knows this shape"
            ),
            Self::HeldBack { fields } => write!(
                f,
                "lacks the field local in {}; something takes it out again and again, so it is added once a minute; \
                 metadata.managedFields of the CRD names who writes it: let that program leave spec.versions alone",
                fields.join(", ")
            ),
            Self::Failed { error } => write!(f, "failed: {error}"),
            Self::Unknown { error } => write!(f, "unknown: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_result_beside_the_crd() {
        let mut report = CrdReport::new(Kind::BuildRun, CrdResult::OtherShape { error: "e".to_owned() });
        report.warnings.push("w".to_owned());
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"crd":"buildruns.shipwright.io","result":"other-shape","error":"e","warnings":["w"]}"#
        );
    }
}
