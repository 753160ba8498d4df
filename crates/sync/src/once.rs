//! One run: reads what is declared, and brings each policy in line with it.

use std::error::Error;

use local_registry_cluster::Cluster;
use local_registry_cluster::policies::{ApplyMode, PolicyName};
use local_registry_core::text::with_causes;
use local_registry_declaration::{Data, Declared};

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
        Ok(data) => reconcile(cluster, data.as_ref(), task).await.publish(cluster, None).await,
        Err(error) => Report::unusable(State::Unknown, with_causes(&error)),
    }
}

/// What a run did, and what there is to publish about it.
pub(super) struct Run<'a> {
    pub(super) report: Report,
    task: &'a Task,
    changes: Vec<(&'a PolicyName, String)>,
}

/// Brings every policy in line with what a ConfigMap declares; `None` if there is no ConfigMap.
pub(super) async fn reconcile<'a>(cluster: &Cluster, data: Option<&Data>, task: &'a Task) -> Run<'a> {
    let declared = data.map_or_else(|| Ok(Declared::absent()), |data| Declared::read(data, &task.allowed));
    let declared = match declared {
        Ok(declared) => declared,
        Err(error) => {
            return Run { report: Report::unusable(State::Unusable, error.to_string()), task, changes: Vec::new() };
        }
    };
    let mut run = Run { report: Report::about(&declared), task, changes: Vec::new() };
    for policy in &task.policies {
        let result = reconcile_policy(cluster, policy, &declared, task.mode).await;
        let result = result.unwrap_or_else(|error| PolicyResult::Failed { error: with_causes(error.as_ref()) });
        if let PolicyResult::Changed { before, after } = &result {
            run.changes.push((policy, format!("{declared} ({})", summary(before, after))));
        }
        run.report.policies.push(PolicyReport { policy: policy.to_string(), result });
    }
    run
}

impl Run<'_> {
    /// Publishes Events about what was changed, and about a ConfigMap that cannot be used, unless the last report said so, too.
    /// They may take long, so all policies come first.
    pub(super) async fn publish(self, cluster: &Cluster, last: Option<&Report>) -> Report {
        let Self { report, task, changes } = self;
        let is_new = last.is_none_or(|last| last.message != report.message);
        if report.state == State::Unusable && is_new && !task.mode.dry_run {
            cluster.announce_unusable(report.message.clone()).await;
        }
        for (policy, note) in changes {
            cluster.announce_change(policy, note).await;
        }
        report
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
