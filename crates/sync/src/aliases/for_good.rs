//! All aliases are removed for good, while a sync job may still run that keeps them.

use local_registry_cluster::Cluster;
use local_registry_cluster::aliases::Alias;
use tokio::time::{Instant, sleep};

use super::report::{AliasReport, AliasResult, AliasesReport, AliasesState};
use crate::revocation::{AWAY, LIMIT, PAUSE, Revocation};

/// Takes the right to keep aliases from a sync job, deletes every alias that one has made, and sees that they stay away; with
/// `dry_run`, only says what would be done. If the right cannot be taken, no alias is touched, and there is no report of them.
pub async fn revoke_and_remove(cluster: &Cluster, binding: &str, dry_run: bool) -> (Revocation, Option<AliasesReport>) {
    let revocation = Revocation::of(cluster, binding, dry_run).await;
    if !revocation.succeeded() {
        return (revocation, None);
    }
    let (start, mut away_since) = (Instant::now(), Instant::now());
    let mut report = remove(cluster, dry_run).await;
    while report.succeeded() && !dry_run && away_since.elapsed() < AWAY {
        if start.elapsed() >= LIMIT {
            let error = format!(
                "they came back each time that they were removed, for {} seconds; stop the sync job that makes them, and run this again",
                LIMIT.as_secs()
            );
            report.aliases = AliasesState::Unusable { error };
            break;
        }
        sleep(PAUSE).await;
        let look = remove(cluster, false).await;
        if !look.namespaces.is_empty() || !look.succeeded() {
            report.aliases = look.aliases;
            for namespace in look.namespaces {
                report.namespaces.retain(|before| before.namespace != namespace.namespace);
                report.namespaces.push(namespace);
            }
            away_since = Instant::now();
        }
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
    let ours = |alias: &&Alias| alias.is_ours();
    for (place, alias) in seen.iter().filter(|(_, alias)| ours(alias)) {
        let namespace = place.namespace.clone().unwrap_or_default();
        let result = match cluster.delete_alias(&namespace, alias, dry_run).await {
            Ok(()) if dry_run => AliasResult::WouldDelete,
            Ok(()) => AliasResult::Deleted,
            Err(error) => AliasResult::from(&error),
        };
        report.namespaces.push(AliasReport { namespace, result });
    }
    report
}
