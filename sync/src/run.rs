//! One run: read what is declared, and bring each policy in line with it.

use std::collections::BTreeMap;

use crate::cluster::{Cluster, Mode, PolicyName};
use crate::config_map::{Declaration, read};
use crate::json::at;
use crate::plan::{Plan, plan};
use crate::report::{Outcome, PolicyReport, Report, State};

/// Reads the ConfigMap and brings every policy in line. One policy that fails does not stop the
/// others; where the state of the cluster is not known, no policy is touched.
pub async fn once(cluster: &Cluster, policies: &[PolicyName], mode: Mode) -> Report {
    match cluster.config_map().await {
        Ok(data) => follow(cluster, data.as_ref(), policies, mode, None).await,
        Err(error) => Report::unusable(State::Unknown, chain(&error)),
    }
}

/// Brings every policy in line with what a ConfigMap says, and publishes Events about what is new:
/// not again about a state that was `told` before.
pub(crate) async fn follow(
    cluster: &Cluster,
    data: Option<&BTreeMap<String, String>>,
    policies: &[PolicyName],
    mode: Mode,
    told: Option<&str>,
) -> Report {
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
        Some(Err(error)) => {
            let state = error.to_string();
            if !mode.dry_run && told != Some(&state) {
                cluster.announce_unusable(&state).await;
            }
            return Report::unusable(State::Unusable, state);
        }
    };
    let mut report = Report::of(&declaration);
    for policy in policies {
        let outcome = bring_in_line(cluster, policy, &declaration, mode).await;
        let outcome = outcome.unwrap_or_else(|error| Outcome::Failed { error: chain(error.as_ref()) });
        if matches!(outcome, Outcome::Changed { .. }) {
            cluster.announce_change(policy, &declaration.to_string()).await;
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
        Plan::Foreign { field, managers } => {
            let owners = if managers.is_empty() { "nobody".to_owned() } else { managers.join(", ") };
            let reason = format!(
                "spec.settings.{field}: the cluster does not declare it, and it is owned by {owners}, not by this program; remove it where it was set, if it is no longer right"
            );
            Ok(Outcome::LeftAlone { reason })
        }
        Plan::Apply(settings) => {
            let before = at(&current, &["spec", "settings"]).clone();
            let applied = cluster.apply(policy, &settings, mode).await?;
            let after = at(&applied, &["spec", "settings"]).clone();
            Ok(if mode.dry_run { Outcome::WouldChange { before, after } } else { Outcome::Changed { before, after } })
        }
    }
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
