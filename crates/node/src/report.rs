//! What the agent found and did on its node, for people and for programs.

use std::fmt::Write;
use std::path::PathBuf;

use serde::Serialize;
use similar::TextDiff;

use super::reading::RuntimeConfig;
use local_registry_core::text::printable;

/// What a cluster declares to its nodes, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// The ConfigMap could not be read.
    Unknown,
    /// The ConfigMap cannot be understood, or declares a name that is not allowed.
    Unusable,
    /// There is no ConfigMap, or it declares no name.
    Absent,
    /// The ConfigMap declares names.
    Declared,
    /// The agent removes its files, whatever is declared.
    CleanUp,
}

impl NodeState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Unknown, Self::Unusable, Self::Absent, Self::Declared, Self::CleanUp];

    /// The word that JSON and metrics have for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unusable => "unusable",
            Self::Absent => "absent",
            Self::Declared => "declared",
            Self::CleanUp => "clean-up",
        }
    }
}

/// A look at a node.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeReport {
    /// The node's name, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// What the cluster declares.
    pub state: NodeState,
    /// The state in words; if it cannot be used, also why, and how to fix it.
    pub message: String,
    /// Whether the container runtime reads the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<RuntimeConfig>,
    /// What happened to the file of each name.
    pub names: Vec<NameReport>,
}

/// What happened to the file of one name.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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
        before: String,
        /// Its text after that.
        after: String,
    },
    /// Nothing: the name needs no file, since the node's DNS says where it leads.
    LeftToDns,
    /// Nothing: the name is not declared any more, and its file stays as it was.
    Undeclared,
    /// Nothing: others have the say about the name.
    Foreign {
        /// Which file is in the way, and what to do about it.
        reason: String,
    },
    /// Nothing: it is not known where the name leads now.
    Kept {
        /// Why, and how to fix it.
        reason: String,
    },
    /// It could not be written or removed.
    Failed {
        /// Why.
        error: String,
    },
    /// It was removed.
    Removed,
    /// It would be removed without `--dry-run`.
    WouldRemove,
}

impl NameResult {
    /// The names of all results.
    pub const NAMES: [&str; 10] = [
        "unchanged",
        "written",
        "would-write",
        "left-to-dns",
        "undeclared",
        "foreign",
        "kept",
        "failed",
        "removed",
        "would-remove",
    ];

    /// The word that JSON and metrics have for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Written { .. } => "written",
            Self::WouldWrite { .. } => "would-write",
            Self::LeftToDns => "left-to-dns",
            Self::Undeclared => "undeclared",
            Self::Foreign { .. } => "foreign",
            Self::Kept { .. } => "kept",
            Self::Failed { .. } => "failed",
            Self::Removed => "removed",
            Self::WouldRemove => "would-remove",
        }
    }

    /// Whether somebody has to do something about it.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Foreign { .. } | Self::Kept { .. } | Self::Failed { .. })
    }
}

impl NodeReport {
    /// Whether every name leads to where the registry is, as far as the agent can see to it.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        !matches!(self.state, NodeState::Unknown | NodeState::Unusable)
            && !self.names.iter().any(|name| name.result.is_fault())
    }

    /// The report as one line of JSON.
    ///
    /// # Errors
    /// If a path is not UTF-8.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// The report as text, with a diff of files that change.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = printable(&self.message);
        if let Some(config) = &self.runtime {
            let _ = write!(text, "\n{}", printable(&config.to_string()));
        }
        for name in &self.names {
            let _ = write!(text, "\n{}", printable(&name.to_string()));
        }
        text
    }
}

impl std::fmt::Display for NameReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, file, address, result } = self;
        let file = file.as_deref().map(|file| file.display().to_string()).unwrap_or_default();
        let address = address.as_deref().unwrap_or_default();
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
                write!(f, "{name}: not declared any more; {file} stays as it is until --clean-up")
            }
            NameResult::Foreign { reason } => write!(f, "{name}: left alone: {reason}"),
            NameResult::Kept { reason } => write!(f, "{name}: left as it is: {reason}"),
            NameResult::Failed { error } => write!(f, "{name}: failed: {error}"),
            NameResult::Removed => write!(f, "{name}: removed"),
            NameResult::WouldRemove => write!(f, "{name}: would be removed (dry run)"),
        }
    }
}

/// The lines of a file; `-` and `+` mark those that differ. A line that the agent never writes is not shown: whoever
/// added it may have put a password there.
fn diff(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let line = |change: similar::Change<&str>| {
        let text = change.value().trim_end();
        let text = if is_of_the_agent(text) { text } else { "(a line of others)" };
        format!("  {}{text}", change.tag())
    };
    diff.iter_all_changes().map(line).collect::<Vec<String>>().join("\n")
}

fn is_of_the_agent(line: &str) -> bool {
    let starts = [
        "# ",
        "server = ",
        "capabilities = ",
        "ca = ",
        "[host.",
        "[[registry]]",
        "prefix = ",
        "location = ",
        "insecure = ",
    ];
    let line = line.trim_start();
    line.is_empty()
        || (starts.iter().any(|start| line.starts_with(start)) && !line.contains('@') && !line.contains("header"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn text() -> String {
        String::new()
    }

    #[test]
    fn json_names_results_as_metrics_do() {
        let results = [
            NameResult::Unchanged,
            NameResult::Written { before: text(), after: text() },
            NameResult::WouldWrite { before: text(), after: text() },
            NameResult::LeftToDns,
            NameResult::Undeclared,
            NameResult::Foreign { reason: text() },
            NameResult::Kept { reason: text() },
            NameResult::Failed { error: text() },
            NameResult::Removed,
            NameResult::WouldRemove,
        ];
        for (result, name) in results.iter().zip(NameResult::NAMES) {
            assert_eq!(serde_json::to_value(result).unwrap()["result"], name);
            assert_eq!(result.name(), name);
        }
        for state in NodeState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), Value::from(state.name()));
        }
    }
}
