//! What happened to the file of one name.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::diff::diff;

/// What happened to the file of one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NameReport {
    /// The name, or the file where no name is known.
    pub name: String,
    /// The file, as the node sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Where the name leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub result: NameResult,
}

/// What a look did to the file of a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum NameResult {
    /// Nothing: it leads to where the registry is.
    Unchanged,
    /// It was written.
    Written {
        /// Its text before; empty if there was no file.
        #[serde(skip)]
        before: String,
        /// Its text now.
        #[serde(skip)]
        after: String,
    },
    /// It would be written without `--dry-run`.
    WouldWrite {
        /// Its text now; empty if there is no file.
        #[serde(default)]
        before: String,
        /// Its text after that.
        #[serde(default)]
        after: String,
    },
    /// Nothing: the name needs no file, since the node's DNS says where it leads.
    LeftToDns,
    /// Nothing: the name is not declared any more, and its file leads to where it led, or to where its Service is now.
    Undeclared,
    /// The name is not declared any more, and the cluster has no registry by it: its file leads to nowhere.
    Gone,
    /// The name is declared, and the cluster says that it has no address: its file, if there was one, leads to nowhere.
    Nowhere {
        /// Why, and how to fix it.
        #[serde(default)]
        reason: String,
    },
    /// Nothing: others have the say about the name.
    Foreign {
        /// Which file is in the way, and what to do about it.
        #[serde(default)]
        reason: String,
    },
    /// Nothing: it is not known where the name leads now.
    Kept {
        /// Why, and how to fix it.
        #[serde(default)]
        reason: String,
    },
    /// It could not be written or removed.
    Failed {
        /// Why.
        #[serde(default)]
        error: String,
    },
    /// It was removed.
    Removed,
    /// It would be removed without `--dry-run`.
    WouldRemove,
    /// Another word: the agent is older or newer than the reader of its report.
    #[serde(untagged)]
    Unrecognised {
        /// The word.
        result: String,
        /// Why, if the agent says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What failed, if the agent says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

impl NameResult {
    /// The names of all results that an agent of this version reports.
    pub const NAMES: [&str; 12] = [
        "unchanged",
        "written",
        "would-write",
        "left-to-dns",
        "undeclared",
        "gone",
        "nowhere",
        "foreign",
        "kept",
        "failed",
        "removed",
        "would-remove",
    ];

    /// The word that JSON and metrics have for it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Written { .. } => "written",
            Self::WouldWrite { .. } => "would-write",
            Self::LeftToDns => "left-to-dns",
            Self::Undeclared => "undeclared",
            Self::Gone => "gone",
            Self::Nowhere { .. } => "nowhere",
            Self::Foreign { .. } => "foreign",
            Self::Kept { .. } => "kept",
            Self::Failed { .. } => "failed",
            Self::Removed => "removed",
            Self::WouldRemove => "would-remove",
            Self::Unrecognised { result, .. } => result,
        }
    }

    /// Why it is so, if the report says that.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Nowhere { reason }
            | Self::Foreign { reason }
            | Self::Kept { reason }
            | Self::Failed { error: reason } => Some(reason.as_str()),
            Self::Unrecognised { reason, error, .. } => reason.as_deref().or(error.as_deref()),
            _ => None,
        }
        .filter(|reason| !reason.is_empty())
    }

    /// Whether somebody has to do something about it.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        matches!(
            self,
            Self::Nowhere { .. }
                | Self::Foreign { .. }
                | Self::Kept { .. }
                | Self::Failed { .. }
                | Self::Unrecognised { .. }
        )
    }
}

impl fmt::Display for NameReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, file, address, result } = self;
        let file = file.as_deref().map(|file| file.display().to_string()).unwrap_or_default();
        let address = address.as_deref().unwrap_or("nowhere");
        match result {
            NameResult::Unchanged => write!(f, "{name}: unchanged: {file} leads to {address}"),
            NameResult::Written { before, after } => {
                write!(f, "{name}: written: {file} leads to {address}\n{}", diff(before, after))
            }
            NameResult::WouldWrite { before, after } => {
                write!(f, "{name}: would be written (dry run): {file} leads to {address}\n{}", diff(before, after))
            }
            NameResult::LeftToDns => write!(
                f,
                "{name}: left to the node's DNS, since it names no Service of this cluster; say where it leads by --address"
            ),
            NameResult::Undeclared => {
                write!(f, "{name}: not declared any more; {file} stays until --clean-up")
            }
            NameResult::Gone => {
                write!(f, "{name}: not declared any more; {file} leads to nowhere until --clean-up")
            }
            NameResult::Nowhere { reason } => write!(f, "{name}: leads to nowhere: {reason}"),
            NameResult::Foreign { reason } => write!(f, "{name}: left alone: {reason}"),
            NameResult::Kept { reason } => write!(f, "{name}: left as it is: {reason}"),
            NameResult::Failed { error } => write!(f, "{name}: failed: {error}"),
            NameResult::Removed => write!(f, "{name}: removed"),
            NameResult::WouldRemove => write!(f, "{name}: would be removed (dry run)"),
            NameResult::Unrecognised { .. } => {
                write!(f, "{name}: {}", result.name())?;
                result.reason().map_or(Ok(()), |reason| write!(f, ": {reason}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn json_names_results_as_metrics_do() {
        let text = String::new;
        let results = [
            NameResult::Unchanged,
            NameResult::Written { before: text(), after: text() },
            NameResult::WouldWrite { before: text(), after: text() },
            NameResult::LeftToDns,
            NameResult::Undeclared,
            NameResult::Gone,
            NameResult::Nowhere { reason: text() },
            NameResult::Foreign { reason: text() },
            NameResult::Kept { reason: text() },
            NameResult::Failed { error: text() },
            NameResult::Removed,
            NameResult::WouldRemove,
        ];
        for (result, name) in results.iter().zip(NameResult::NAMES) {
            assert_eq!(serde_json::to_value(result).unwrap()["result"], name);
            assert_eq!(result.name(), name);
            let word_alone = json!({"result": name});
            assert_eq!(&serde_json::from_value::<NameResult>(word_alone).unwrap(), result);
        }
    }

    #[track_caller]
    fn check(report: Value, name: &str, reason: Option<&str>, text: &str) {
        let report: NameReport = serde_json::from_value(report).unwrap();
        assert_eq!((report.result.name(), report.result.reason(), &*report.to_string()), (name, reason, text));
    }

    #[test]
    fn words_of_another_version_stand_for_themselves() {
        check(json!({"name": "a:1", "result": "postponed", "file": null}), "postponed", None, "a:1: postponed");
        let why = json!({"name": "a:1", "result": "postponed", "reason": "later", "until": {"hours": 2}});
        check(why, "postponed", Some("later"), "a:1: postponed: later");
        let error = json!({"name": "a:1", "result": "broken", "error": "disk full"});
        check(error, "broken", Some("disk full"), "a:1: broken: disk full");
        let unwritten: NameReport = serde_json::from_value(json!({"name": "a:1", "result": "x"})).unwrap();
        assert!(unwritten.result.is_fault());
        assert_eq!(serde_json::to_value(&unwritten).unwrap(), json!({"name": "a:1", "result": "x"}));
    }

    #[test]
    fn a_known_word_with_more_or_less_beside_it_is_known() {
        let more = json!({"name": "a:1", "result": "foreign", "reason": "/x is there", "since": 7});
        check(more, "foreign", Some("/x is there"), "a:1: left alone: /x is there");
        check(json!({"name": "a:1", "result": "foreign"}), "foreign", None, "a:1: left alone: ");
        check(json!({"name": "a:1", "result": "foreign", "reason": null}), "foreign", None, "a:1: foreign");
    }
}
