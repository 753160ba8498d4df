//! All aliases are removed for good, while a sync job may still run that keeps them.

use local_registry_cluster::Cluster;

use super::report::{AliasReport, AliasResult, AliasesReport, AliasesState};
use local_registry_cluster::revocation::{Found, LIMIT, Revocation, until_away};

/// Takes the right to keep aliases from a sync job, deletes every alias that one has made, and sees that they stay away; with
/// `dry_run`, only says what would be done. If the right cannot be taken, no alias is touched, and there is no report of them.
pub async fn revoke_and_remove(cluster: &Cluster, binding: &str, dry_run: bool) -> (Revocation, Option<AliasesReport>) {
    let revocation = Revocation::of(cluster, binding, dry_run).await;
    if !revocation.succeeded() {
        return (revocation, None);
    }
    if dry_run {
        return (revocation, Some(remove(cluster, true).await));
    }
    let found = |report: &AliasesReport| match report.namespaces[..] {
        _ if !report.succeeded() => Found::NoUse,
        [] => Found::Nothing,
        _ if report.count(|result| matches!(result, AliasResult::Ending { .. })) == report.namespaces.len() => {
            Found::Ending
        }
        _ => Found::Something,
    };
    let take_in = |report: &mut AliasesReport, look: AliasesReport| {
        report.aliases = look.aliases;
        for namespace in look.namespaces {
            report.namespaces.retain(|before| before.namespace != namespace.namespace);
            report.namespaces.push(namespace);
        }
    };
    let (mut report, is_away) = until_away(async || remove(cluster, false).await, found, take_in).await;
    if !is_away {
        let error = format!(
            "they came back each time that they were removed, for {} seconds; stop the sync job that makes them, and run this again",
            LIMIT.as_secs()
        );
        report.aliases = AliasesState::Unusable { error };
    }
    (revocation, Some(report))
}

/// Deletes every alias that a sync job has made, whatever its namespace is labelled with.
async fn remove(cluster: &Cluster, dry_run: bool) -> AliasesReport {
    let mut aliases = cluster.follow_aliases();
    aliases.news().await;
    let Some(seen) = aliases.seen() else {
        let error = aliases.lost().map(|lost| lost.error.clone()).unwrap_or_default();
        return AliasesReport::new(AliasesState::Unknown { error });
    };
    let mut report = AliasesReport::new(AliasesState::None { reason: "they are removed for good".to_owned() });
    for (place, alias) in seen.iter().filter(|(_, alias)| alias.is_ours()) {
        let namespace = place.namespace.clone().unwrap_or_default();
        let result = match alias.ending() {
            Some(finalizers) => AliasResult::Ending { finalizers: finalizers.to_vec() },
            None => match cluster.delete_alias(&namespace, alias, dry_run).await {
                Ok(()) if dry_run => AliasResult::WouldDelete,
                Ok(()) => AliasResult::Deleted,
                Err(error) => AliasResult::from(&error),
            },
        };
        report.namespaces.push(AliasReport { namespace, result });
    }
    report
}
