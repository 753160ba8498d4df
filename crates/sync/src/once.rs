//! One run: reads what is declared, and brings each policy in line with it.

use std::error::Error;

use local_registry_cluster::Cluster;
use local_registry_cluster::policies::{ApplyMode, PolicyName};
use local_registry_core::text::with_causes;
use local_registry_declaration::{Data, DeclarationWarning, Declared};

use super::change::summary;
use super::plan::Plan;
use super::report::{PolicyReport, PolicyResult, Report};
use super::state::State;
use super::task::Task;

/// Reads the ConfigMap and brings every policy in line with it.
///
/// A policy that fails does not stop the others. If the ConfigMap cannot be read or understood, no policy is touched.
///
/// ```no_run
/// use local_registry_cluster::Cluster;
/// use local_registry_sync::{Task, once};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::new(kube::Client::try_default().await?);
/// let task = Task { policies: vec!["local-registry".parse()?], ..Task::default() };
/// println!("{}", once(&cluster, &task).await.to_text());
/// # Ok(())
/// # }
/// ```
pub async fn once(cluster: &Cluster, task: &Task) -> Report {
    match cluster.config_map().await {
        Ok(data) => reconcile(cluster, data.as_ref(), task, None).await,
        Err(error) => Report::unusable(State::Unknown, with_causes(&error)),
    }
}

/// Brings every policy in line with what a ConfigMap declares; `None` if there is no ConfigMap.
///
/// `reported` is the message of the last report. A message that was reported is neither logged nor published again.
pub(super) async fn reconcile(cluster: &Cluster, data: Option<&Data>, task: &Task, reported: Option<&str>) -> Report {
    let declared = match declared(data, task, reported) {
        Ok(declared) => declared,
        Err(message) => {
            if !task.mode.dry_run && reported != Some(&message) {
                cluster.announce_unusable(message.clone()).await;
            }
            return Report::unusable(State::Unusable, message);
        }
    };
    let mut report = Report::about(&declared);
    for policy in &task.policies {
        let result = reconcile_policy(cluster, policy, &declared, task.mode).await;
        let result = result.unwrap_or_else(|error| PolicyResult::Failed { error: with_causes(error.as_ref()) });
        if let PolicyResult::Changed { before, after } = &result {
            cluster.announce_change(policy, format!("{declared} ({})", summary(before, after))).await;
        }
        report.policies.push(PolicyReport { policy: policy.to_string(), result });
    }
    report
}

/// What the data declares, or why it cannot be used.
fn declared(data: Option<&Data>, task: &Task, reported: Option<&str>) -> Result<Declared, String> {
    let Some(data) = data else { return Ok(Declared::absent()) };
    let declared = Declared::read(data, &task.allowed).map_err(|error| error.to_string())?;
    if reported != Some(&declared.to_string()) {
        declared.warnings().iter().for_each(log);
    }
    Ok(declared)
}

fn log(warning: &DeclarationWarning) {
    match warning {
        DeclarationWarning::Help(help) => tracing::warn!(help, "{warning}"),
        DeclarationWarning::Host(reason) => tracing::warn!(reason, "{warning}"),
    }
}

async fn reconcile_policy(
    cluster: &Cluster,
    name: &PolicyName,
    declared: &Declared,
    mode: ApplyMode,
) -> Result<PolicyResult, Box<dyn Error + Send + Sync>> {
    let current = cluster.policy(name).await?;
    match Plan::new(declared, &current)? {
        Plan::Unchanged => Ok(PolicyResult::Unchanged),
        Plan::Foreign(fields) => Ok(PolicyResult::LeftAlone { reason: format!("{fields}; {}", fields.remedy()) }),
        Plan::Apply(settings) => {
            let before = current.settings();
            let after = cluster.apply(name, &settings.to_json(), mode).await?.settings();
            Ok(if mode.dry_run {
                PolicyResult::WouldChange { before, after }
            } else {
                PolicyResult::Changed { before, after }
            })
        }
    }
}
