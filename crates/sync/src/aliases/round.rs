//! A round: every alias is brought in line with one declaration.

use std::collections::VecDeque;

use local_registry_cluster::{Cluster, ClusterError};
use local_registry_core::text::with_causes;
use local_registry_declaration::{Data, Declared};

use super::plan::Step;
use super::report::{AliasReport, AliasResult, AliasesReport, AliasesState};
use super::survey::Survey;
use super::target::target;
use super::task::AliasTask;

/// A round: what has come of it so far, and what is still to be done.
pub(super) struct Round<'a> {
    pub(super) report: AliasesReport,
    cluster: &'a Cluster,
    task: AliasTask<'a>,
    /// What aliases lead to; empty if there is nothing.
    target: String,
    work: VecDeque<(String, Step)>,
}

impl<'a> Round<'a> {
    /// Plans a round by what a ConfigMap declares; `None` if there is no ConfigMap.
    pub(super) fn new(cluster: &'a Cluster, task: AliasTask<'a>, data: Option<&Data>, survey: &Survey<'_>) -> Self {
        let declared = data.map_or_else(|| Ok(Declared::absent()), |data| Declared::read(data, task.allowed));
        let mut round = Self {
            report: AliasesReport::new(AliasesState::Unknown { error: String::new() }),
            cluster,
            task,
            target: String::new(),
            work: VecDeque::new(),
        };
        let found = match declared {
            Ok(declared) => target(&declared, task.cluster_domain),
            Err(error) => {
                round.report.aliases = AliasesState::Unusable { error: error.to_string() };
                return round;
            }
        };
        let steps = survey.steps(found.as_ref().ok().map(String::as_str));
        round.report.aliases = match found {
            Ok(to) => {
                to.clone_into(&mut round.target);
                AliasesState::Lead { to }
            }
            Err(reason) if reason.is_intended() => AliasesState::None { reason: reason.to_string() },
            Err(error) => AliasesState::Impossible { error: error.to_string() },
        };
        for (namespace, step) in steps {
            match step {
                Step::Keep => round.report.unchanged += 1,
                Step::GoWithout => round.report.missing += 1,
                Step::LeaveAlone => round.note(namespace.to_owned(), AliasResult::LeftAlone),
                step => round.work.push_back((namespace.to_owned(), step)),
            }
        }
        for (namespace, value) in survey.mislabelled() {
            round.note((*namespace).to_owned(), AliasResult::Mislabelled { value: (*value).to_owned() });
        }
        round
    }

    /// What is to be done next.
    pub(super) fn take(&mut self) -> Option<(String, Step)> {
        self.work.pop_front()
    }

    /// Takes in what has come of a namespace.
    pub(super) fn note(&mut self, namespace: String, result: AliasResult) {
        self.report.namespaces.push(AliasReport { namespace, result });
    }

    /// Does what is to be done in a namespace.
    ///
    /// # Errors
    /// A [`ClusterError`] if the API server does not take it.
    pub(super) async fn perform(&self, namespace: &str, step: &Step) -> Result<AliasResult, ClusterError> {
        let dry_run = self.task.dry_run;
        if let Step::Delete(alias) | Step::Replace(alias) = step {
            self.cluster.delete_alias(namespace, alias, dry_run).await?;
        }
        match step {
            Step::Delete(_) => return Ok(if dry_run { AliasResult::WouldDelete } else { AliasResult::Deleted }),
            Step::Replace(_) if dry_run => return Ok(AliasResult::WouldApply),
            _ => {}
        }
        let alias = self.cluster.apply_alias(namespace, &self.target, dry_run).await?;
        Ok(if !alias.leads_to(&self.target) {
            let error =
                "the API server answered with a Service that leads elsewhere; see which mutating webhook changes it";
            AliasResult::Failed { error: error.to_owned() }
        } else if dry_run {
            AliasResult::WouldApply
        } else {
            AliasResult::Applied
        })
    }
}

impl From<&ClusterError> for AliasResult {
    fn from(error: &ClusterError) -> Self {
        Self::Failed { error: with_causes(error) }
    }
}
