//! Every alias is brought in line, once.

use local_registry_cluster::Cluster;
use local_registry_core::text::with_causes;

use super::report::{AliasResult, AliasesReport, AliasesState};
use super::round::Round;
use super::survey::Survey;
use super::task::AliasTask;

/// Reads what is declared, and brings the alias of each namespace in line with it. A namespace that fails does not stop the
/// others.
pub async fn once(cluster: &Cluster, task: AliasTask<'_>) -> AliasesReport {
    let (mut namespaces, mut aliases) = (cluster.follow_namespaces(None), cluster.follow_aliases());
    let (data, _, _) = tokio::join!(cluster.config_map(), namespaces.news(), aliases.news());
    let data = match data {
        Ok(data) => data,
        Err(error) => return AliasesReport::new(AliasesState::Unknown { error: with_causes(&error) }),
    };
    let Some(survey) = Survey::of(&namespaces, &aliases) else {
        let lost = namespaces.lost().or(aliases.lost()).map(|lost| lost.error.clone());
        return AliasesReport::new(AliasesState::Unknown { error: lost.unwrap_or_default() });
    };
    let mut round = Round::new(cluster, task, data.as_ref(), &survey);
    while let Some((namespace, step)) = round.take() {
        match round.perform(&namespace, &step).await {
            Ok(result) => round.note(namespace, result),
            Err(error) => {
                round.note(namespace, AliasResult::from(&error));
                if error.is_silence() {
                    break;
                }
            }
        }
    }
    round.report
}
