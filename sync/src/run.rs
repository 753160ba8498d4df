//! One run: read what is declared, and bring each policy in line with it.

use serde_json::Value;

use crate::allowed::AllowedHosts;
use crate::cluster::{Cluster, Mode, PolicyName};
use crate::config_map::{Declaration, read};
use crate::data::Data;
use crate::json::at;
use crate::plan::{Plan, describe, plan};
use crate::report::{Outcome, PolicyReport, Report, State};

/// What the program keeps in line, and how.
#[derive(Debug, Clone, Default)]
pub struct Task {
    /// The policies.
    pub policies: Vec<PolicyName>,
    /// How settings are applied.
    pub mode: Mode,
    /// The registries that a cluster may declare.
    pub allowed: AllowedHosts,
}

/// Reads the ConfigMap and brings every policy in line. One policy that fails does not stop the
/// others; where the state of the cluster is not known, no policy is touched.
pub async fn once(cluster: &Cluster, task: &Task) -> Report {
    match cluster.config_map().await {
        Ok(data) => follow(cluster, data.as_ref(), task, None).await,
        Err(error) => Report::unusable(State::Unknown, chain(&error)),
    }
}

/// Brings every policy in line with what a ConfigMap says, and publishes Events about what is new:
/// not again about a state that was `told` before.
pub(crate) async fn follow(cluster: &Cluster, data: Option<&Data>, task: &Task, told: Option<&str>) -> Report {
    let Task { policies, mode, allowed } = task;
    let unusable = async |state: String| {
        if !mode.dry_run && told != Some(&state) {
            cluster.announce_unusable(state.clone()).await;
        }
        Report::unusable(State::Unusable, state)
    };
    let declaration = match data.map(read) {
        None => Declaration::Absent,
        Some(Ok(declared)) => {
            let known = told == Some(&declared.declaration.to_string());
            if let Some(help) = declared.ignored_help.filter(|_| !known) {
                tracing::warn!(
                    help,
                    "the declared help is no printable http(s) URL of at most 1024 characters, and is not used"
                );
            }
            declared.declaration
        }
        Some(Err(error)) => return unusable(error.to_string()).await,
    };
    if let Err(error) = allowed.check(&declaration) {
        return unusable(error.to_string()).await;
    }
    let mut report = Report::of(&declaration);
    for policy in policies {
        let outcome = bring_in_line(cluster, policy, &declaration, *mode).await;
        let outcome = outcome.unwrap_or_else(|error| Outcome::Failed { error: chain(error.as_ref()) });
        if let Outcome::Changed { before, after } = &outcome {
            cluster.announce_change(policy, format!("{declaration} ({})", changes(before, after))).await;
        }
        report.policies.push(PolicyReport { policy: policy.to_string(), outcome });
    }
    report
}

async fn bring_in_line(
    cluster: &Cluster,
    policy: &PolicyName,
    declaration: &Declaration,
    mode: Mode,
) -> Result<Outcome, Box<dyn std::error::Error + Send + Sync>> {
    let current = cluster.policy(policy).await?;
    match plan(declaration, &current)? {
        Plan::Unchanged => Ok(Outcome::Unchanged),
        Plan::Foreign(foreign) => {
            let (found, remedy) = describe(&foreign);
            Ok(Outcome::LeftAlone { reason: format!("{found}; {remedy}") })
        }
        Plan::Apply(settings) => {
            let before = at(&current, &["spec", "settings"]).clone();
            let applied = cluster.apply(policy, &settings, mode).await?;
            let after = at(&applied, &["spec", "settings"]).clone();
            Ok(if mode.dry_run { Outcome::WouldChange { before, after } } else { Outcome::Changed { before, after } })
        }
    }
}

/// The fields of ours that differ, as `host: nothing -> "reg.io"`.
fn changes(before: &Value, after: &Value) -> String {
    let text = |value: &Value| if value.is_null() { "nothing".to_owned() } else { value.to_string() };
    let changed: Vec<String> = ["host", "help"]
        .into_iter()
        .map(|field| (field, at(before, &[field]), at(after, &[field])))
        .filter(|(_, before, after)| before != after)
        .map(|(field, before, after)| format!("{field}: {} -> {}", text(before), text(after)))
        .collect();
    changed.join(", ")
}

/// An error and its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
