//! What a run found and did, for people and for programs.

use serde::Serialize;
use serde_json::Value;
use similar::TextDiff;

use crate::config_map::Declaration;

/// A run over all policies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What the cluster declares.
    pub state: State,
    /// The same in words, or why it is not known, and what mends it.
    pub message: String,
    /// The host that is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What became of each policy; empty where the state is of no use.
    #[serde(skip)]
    pub policies: Vec<PolicyReport>,
}

/// What a cluster declares, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The ConfigMap could not be read.
    Unknown,
    /// The ConfigMap cannot be understood.
    Unusable,
    /// There is no ConfigMap.
    Absent,
    /// The ConfigMap declares no registry for pods.
    NotForPods,
    /// The ConfigMap declares a registry for pods.
    Registry,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Unknown, Self::Unusable, Self::Absent, Self::NotForPods, Self::Registry];

    /// The state as JSON and metrics name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unusable => "unusable",
            Self::Absent => "absent",
            Self::NotForPods => "not-for-pods",
            Self::Registry => "registry",
        }
    }

    /// Whether policies can be brought in line with it.
    #[must_use]
    pub fn is_usable(self) -> bool {
        !matches!(self, Self::Unknown | Self::Unusable)
    }
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
    /// It has a field that the cluster does not declare, and that is other people's to remove.
    LeftAlone {
        /// Which field, and whose.
        reason: String,
    },
    /// It could not be brought in line.
    Failed {
        /// Why, and what mends it.
        error: String,
    },
}

impl Report {
    pub(crate) fn of(declaration: &Declaration) -> Self {
        let (state, host) = match declaration {
            Declaration::Absent => (State::Absent, None),
            Declaration::NotForPods { .. } => (State::NotForPods, None),
            Declaration::Registry { host, .. } => (State::Registry, Some(host.to_string())),
        };
        Self { state, message: declaration.to_string(), host, policies: Vec::new() }
    }

    pub(crate) fn unusable(state: State, message: String) -> Self {
        Self { state, message, host: None, policies: Vec::new() }
    }

    /// Whether nothing failed: every policy is in line with what the cluster declares, or would be, or
    /// was put out of line by others.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        let failed = |policy: &PolicyReport| matches!(policy.outcome, Outcome::Failed { .. });
        self.state.is_usable() && !self.policies.iter().any(failed)
    }

    /// The report as JSON lines: the state, and an object for each policy.
    ///
    /// # Errors
    /// Where the settings of a policy cannot be written as JSON.
    pub fn to_json_lines(&self) -> serde_json::Result<String> {
        let mut lines = serde_json::to_string(self)?;
        for policy in &self.policies {
            lines.push('\n');
            lines.push_str(&serde_json::to_string(policy)?);
        }
        Ok(lines)
    }

    /// The report as text, with the difference of settings that change.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = self.message.clone();
        for PolicyReport { policy, outcome } in &self.policies {
            text.push_str(&match outcome {
                Outcome::Unchanged => format!("\n{policy}: unchanged"),
                Outcome::Changed { before, after } => format!("\n{policy}: changed\n{}", difference(before, after)),
                Outcome::WouldChange { before, after } => {
                    format!("\n{policy}: would change (dry run)\n{}", difference(before, after))
                }
                Outcome::LeftAlone { reason } => format!("\n{policy}: left alone: {reason}"),
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
