//! What a run found and did, for people and for programs.

use local_registry_core::text::printable;
use local_registry_declaration::Declared;
use serde::Serialize;
use serde_json::Value;

use super::change::diff;
use super::state::State;

/// A run over all policies.
///
/// ```
/// use local_registry_sync::{PolicyReport, PolicyResult, Report, State};
///
/// let report = Report {
///     state: State::Registry,
///     message: "the local registry is reg.io".to_owned(),
///     warnings: Vec::new(),
///     host: Some("reg.io".to_owned()),
///     runtime_host: None,
///     policies: vec![PolicyReport { policy: "local-registry".to_owned(), result: PolicyResult::Unchanged }],
/// };
/// assert!(report.succeeded());
/// assert_eq!(report.to_text(), "the local registry is reg.io\nlocal-registry: unchanged");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What the cluster declares.
    pub state: State,
    /// The state in words; if it is not usable, also why, and how to fix it.
    pub message: String,
    /// What of the declaration is not used, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The host that is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The host that is declared for the nodes' container runtimes.
    #[serde(rename = "runtimeHost", skip_serializing_if = "Option::is_none")]
    pub runtime_host: Option<String>,
    /// What happened to each policy; empty if the state is not usable.
    #[serde(skip)]
    pub policies: Vec<PolicyReport>,
}

/// What happened to one policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyReport {
    /// The policy, as the command line names it.
    pub policy: String,
    /// What happened.
    #[serde(flatten)]
    pub result: PolicyResult,
}

/// What a run did to a policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum PolicyResult {
    /// Nothing: it has the settings that the cluster declares.
    Unchanged,
    /// Its settings were changed.
    Changed {
        /// The settings before.
        before: Value,
        /// The settings now.
        after: Value,
    },
    /// Its settings would be changed without `--dry-run`.
    WouldChange {
        /// The settings now.
        before: Value,
        /// The settings after the change.
        after: Value,
    },
    /// Nothing: it has a field that the cluster does not declare, but others own that field.
    LeftAlone {
        /// Which field it is, and who owns it.
        reason: String,
    },
    /// It could not be brought in line.
    Failed {
        /// Why, and how to fix it.
        error: String,
    },
}

impl PolicyResult {
    /// The result as JSON and metrics name it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed { .. } => "changed",
            Self::WouldChange { .. } => "would-change",
            Self::LeftAlone { .. } => "left-alone",
            Self::Failed { .. } => "failed",
        }
    }
}

impl Report {
    /// The report of a run that has not looked at the policies yet.
    pub(super) fn about(declared: &Declared) -> Self {
        Self {
            state: declared.into(),
            message: declared.to_string(),
            warnings: declared.warnings().iter().map(ToString::to_string).collect(),
            host: declared.for_pods().map(ToString::to_string),
            runtime_host: declared.for_nodes().map(ToString::to_string),
            policies: Vec::new(),
        }
    }

    /// The report of a run that looks at no policy.
    pub(super) fn unusable(state: State, message: String) -> Self {
        Self { state, message, warnings: Vec::new(), host: None, runtime_host: None, policies: Vec::new() }
    }

    /// Whether nothing failed: every policy was brought in line, would be without `--dry-run`, or was left alone.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        let failed = |policy: &PolicyReport| matches!(policy.result, PolicyResult::Failed { .. });
        self.state.is_usable() && !self.policies.iter().any(failed)
    }

    /// The report as JSON lines: an object for the state, and one for each policy.
    ///
    /// # Errors
    /// If the settings of a policy cannot be written as JSON.
    pub fn to_json_lines(&self) -> serde_json::Result<String> {
        let mut lines = serde_json::to_string(self)?;
        for policy in &self.policies {
            lines.push('\n');
            lines.push_str(&serde_json::to_string(policy)?);
        }
        Ok(lines)
    }

    /// The report as text, with a diff of settings that change.
    #[must_use]
    pub fn to_text(&self) -> String {
        let of_policies = self.policies.iter().map(|PolicyReport { policy, result }| match result {
            PolicyResult::Unchanged => format!("{policy}: unchanged"),
            PolicyResult::Changed { before, after } => format!("{policy}: changed\n{}", diff(before, after)),
            PolicyResult::WouldChange { before, after } => {
                format!("{policy}: would change (dry run)\n{}", diff(before, after))
            }
            PolicyResult::LeftAlone { reason } => format!("{policy}: left alone: {reason}"),
            PolicyResult::Failed { error } => format!("{policy}: failed: {error}"),
        });
        let warnings = self.warnings.iter().map(|warning| format!("warning: {warning}"));
        let parts: Vec<String> = [self.message.clone()].into_iter().chain(warnings).chain(of_policies).collect();
        printable(&parts.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_names_results_as_metrics_do() {
        let (before, after) = (Value::Null, Value::Null);
        for result in [
            PolicyResult::Unchanged,
            PolicyResult::Changed { before: before.clone(), after: after.clone() },
            PolicyResult::WouldChange { before, after },
            PolicyResult::LeftAlone { reason: String::new() },
            PolicyResult::Failed { error: String::new() },
        ] {
            assert_eq!(serde_json::to_value(&result).unwrap()["result"], result.name());
        }
    }
}
