//! What a run found and did, for people and for programs.

use serde::Serialize;
use serde_json::Value;
use similar::TextDiff;

/// A run over all policies.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What the cluster declares, or why that is not known.
    pub state: String,
    /// Whether the state is of use: declared, or declared to be nothing.
    pub usable: bool,
    /// What became of each policy; empty where the state is of no use.
    pub policies: Vec<PolicyReport>,
}

/// What became of one policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyReport {
    /// The policy, as it was named.
    pub policy: String,
    /// What happened.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What happened to a policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Outcome {
    /// It says already what the cluster declares.
    Unchanged,
    /// Its settings were changed.
    Changed {
        /// The settings before.
        before: Value,
        /// The settings now.
        after: Value,
    },
    /// Its settings would be changed, had this not been a dry run.
    WouldChange {
        /// The settings now.
        before: Value,
        /// The settings then.
        after: Value,
    },
    /// It could not be brought in line.
    Failed {
        /// Why, and what mends it.
        error: String,
    },
}

impl Report {
    /// Whether every policy is in line with what the cluster declares, or would be.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.usable && self.policies.iter().all(|policy| !matches!(policy.outcome, Outcome::Failed { .. }))
    }

    /// The report as JSON lines: the state, and an object for each policy.
    ///
    /// # Errors
    /// Where the settings of a policy cannot be written as JSON.
    pub fn to_json_lines(&self) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct State<'a> {
            state: &'a str,
            usable: bool,
        }
        let mut lines = serde_json::to_string(&State { state: &self.state, usable: self.usable })?;
        for policy in &self.policies {
            lines.push('\n');
            lines.push_str(&serde_json::to_string(policy)?);
        }
        Ok(lines)
    }

    /// The report as text, with the difference of settings that change.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = self.state.clone();
        for PolicyReport { policy, outcome } in &self.policies {
            text.push_str(&match outcome {
                Outcome::Unchanged => format!("\n{policy}: unchanged"),
                Outcome::Changed { before, after } => format!("\n{policy}: changed\n{}", difference(before, after)),
                Outcome::WouldChange { before, after } => {
                    format!("\n{policy}: would change (dry run)\n{}", difference(before, after))
                }
                Outcome::Failed { error } => format!("\n{policy}: failed: {error}"),
            });
        }
        text
    }
}

fn difference(before: &Value, after: &Value) -> String {
    let (before, after) = (format!("{before:#}\n"), format!("{after:#}\n"));
    let diff = TextDiff::from_lines(&before, &after);
    let lines: Vec<String> =
        diff.iter_all_changes().map(|change| format!("  {}{}", change.tag(), change.value().trim_end())).collect();
    lines.join("\n")
}
