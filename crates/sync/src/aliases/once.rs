//! Every alias is brought in line, once.

use local_registry_cluster::{Cluster, ClusterError};
use local_registry_core::text::with_causes;
use local_registry_declaration::{AllowedHosts, Data, Declared};

use super::plan::Step;
use super::report::{AliasReport, AliasResult, AliasesReport, AliasesState};
use super::survey::Survey;
use super::target::target;

/// Reads what is declared, and brings the alias of each namespace in line with it; with `dry_run`, only says what would be
/// done. A namespace that fails does not stop the others.
pub async fn once(cluster: &Cluster, allowed: &AllowedHosts, dry_run: bool) -> AliasesReport {
    let (mut namespaces, mut aliases) = (cluster.follow_alias_namespaces(), cluster.follow_aliases());
    let (data, _, _) = tokio::join!(cluster.config_map(), namespaces.news(), aliases.news());
    let data = match data {
        Ok(data) => data,
        Err(error) => return AliasesReport::new(AliasesState::Unknown { error: with_causes(&error) }),
    };
    let Some(survey) = Survey::of(&namespaces, &aliases) else {
        let lost = namespaces.lost().or(aliases.lost()).map(|lost| lost.error.clone());
        return AliasesReport::new(AliasesState::Unknown { error: lost.unwrap_or_default() });
    };
    reconcile(cluster, data.as_ref(), allowed, &survey, dry_run).await
}

/// Brings every alias in line with what a ConfigMap declares; `None` if there is no ConfigMap.
pub(super) async fn reconcile(
    cluster: &Cluster,
    data: Option<&Data>,
    allowed: &AllowedHosts,
    survey: &Survey<'_>,
    dry_run: bool,
) -> AliasesReport {
    let declared = data.map_or_else(|| Ok(Declared::absent()), |data| Declared::read(data, allowed));
    let declared = match declared {
        Ok(declared) => declared,
        Err(error) => return AliasesReport::new(AliasesState::Unusable { error: error.to_string() }),
    };
    let found = target(&declared);
    let state = match &found {
        Ok(to) => AliasesState::Lead { to: to.clone() },
        Err(reason) if reason.is_intended() => AliasesState::None { reason: reason.to_string() },
        Err(error) => AliasesState::Impossible { error: error.to_string() },
    };
    let (mut report, target) = (AliasesReport::new(state), found.unwrap_or_default());
    let to = (!target.is_empty()).then_some(target.as_str());
    for (namespace, step) in survey.steps(to) {
        let result = match step {
            Step::Keep => {
                report.unchanged += 1;
                continue;
            }
            Step::GoWithout => continue,
            Step::LeaveAlone => AliasResult::LeftAlone,
            Step::Apply => apply(cluster, namespace, &target, dry_run).await.unwrap_or_else(|error| failed(&error)),
            Step::Delete(alias) => match cluster.delete_alias(namespace, alias, dry_run).await {
                Ok(()) if dry_run => AliasResult::WouldDelete,
                Ok(()) => AliasResult::Deleted,
                Err(error) => failed(&error),
            },
        };
        report.namespaces.push(AliasReport { namespace: namespace.to_owned(), result });
    }
    report
}

async fn apply(cluster: &Cluster, namespace: &str, to: &str, dry_run: bool) -> Result<AliasResult, ClusterError> {
    let alias = cluster.apply_alias(namespace, to, dry_run).await?;
    Ok(match dry_run {
        _ if !alias.leads_to(to) => AliasResult::Failed {
            error: "the API server answered with a Service that leads elsewhere; see which mutating webhook changes it"
                .to_owned(),
        },
        true => AliasResult::WouldApply,
        false => AliasResult::Applied,
    })
}

fn failed(error: &ClusterError) -> AliasResult {
    AliasResult::Failed { error: with_causes(error) }
}
