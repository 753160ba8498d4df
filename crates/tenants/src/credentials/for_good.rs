//! All credentials are removed for good, while a program may still run that keeps them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use local_registry_cluster::Cluster;
use local_registry_cluster::follow::Pace;
use local_registry_cluster::revocation::{Found, LIMIT, Revocation, until_away};
use local_registry_declaration::AllowedHosts;

use super::clock::Clock;
use super::plan::unasked;
use super::report::{CredentialReport, CredentialResult, CredentialsReport, CredentialsState};
use super::round::Round;
use super::step::Step;
use super::survey::Objects;
use super::task::{CredentialsTask, pace};
use super::worker::Worker;

/// Takes the right to keep credentials from a program, deletes everything that one has made, whatever its namespace is labelled
/// with, and sees that it stays away; with `dry_run`, only says what would be done. If the right cannot be taken, nothing is touched,
/// and there is no report of credentials.
pub async fn revoke_and_remove(
    cluster: &Cluster,
    binding: &str,
    dry_run: bool,
) -> (Revocation, Option<CredentialsReport>) {
    let revocation = Revocation::of(cluster, binding, dry_run).await;
    if !revocation.succeeded() {
        return (revocation, None);
    }
    let pace = pace();
    if dry_run {
        return (revocation, Some(remove(cluster, &pace, true).await));
    }
    let found = |report: &CredentialsReport| match report.namespaces[..] {
        _ if !report.succeeded() => Found::NoUse,
        [] => Found::Nothing,
        _ if report.count(|result| matches!(result, CredentialResult::Ending { .. })) == report.namespaces.len() => {
            Found::Ending
        }
        _ => Found::Something,
    };
    let take_in = |report: &mut CredentialsReport, look: CredentialsReport| {
        report.credentials = look.credentials;
        let seen: BTreeSet<&str> = look.namespaces.iter().map(|found| found.namespace.as_str()).collect();
        report.namespaces.retain(|before| !seen.contains(before.namespace.as_str()));
        report.namespaces.extend(look.namespaces.iter().cloned());
    };
    let (mut report, is_away) = until_away(async || remove(cluster, &pace, false).await, found, take_in).await;
    if !is_away {
        let error = format!(
            "they came back each time that they were removed, for {} seconds; stop the program that makes them, and run this again",
            LIMIT.as_secs()
        );
        report.credentials = CredentialsState::Unusable { error };
    }
    (revocation, Some(report))
}

/// Deletes everything that is ours.
async fn remove(cluster: &Cluster, pace: &Pace, dry_run: bool) -> CredentialsReport {
    let mut objects = Objects::new(cluster, pace);
    objects.read().await;
    let Some(holdings) = objects.holdings() else {
        let error = objects.lost().map(|lost| lost.error.clone()).unwrap_or_default();
        return CredentialsReport::new(CredentialsState::Unknown { error });
    };
    let reason = "they are removed for good".to_owned();
    let mut report = CredentialsReport::new(CredentialsState::None { reason });
    let mut jobs = Vec::new();
    for (namespace, holding) in holdings {
        let namespace = namespace.to_owned();
        match unasked(holding) {
            Some(Step::Do(job)) => jobs.push((namespace, *job)),
            Some(Step::Wait(object, finalizers)) => {
                report
                    .namespaces
                    .push(CredentialReport { namespace, result: CredentialResult::Ending { object, finalizers } });
            }
            _ => {}
        }
    }
    let allowed = AllowedHosts::default();
    let task = CredentialsTask {
        allowed: &allowed,
        authority: None,
        lifetime: Duration::ZERO,
        clock: Clock::start(),
        dry_run,
    };
    let worker = Worker { cluster, task, pace, wanted: None };
    let mut running = Round::perform(worker, jobs);
    while let Some(work) = running.next().await {
        let (result, is_silence) = match work.result {
            Ok(done) => (done.result, false),
            Err(failure) => (CredentialResult::Failed { error: failure.error }, failure.is_silence),
        };
        report.namespaces.push(CredentialReport { namespace: work.namespace, result });
        if is_silence {
            break;
        }
    }
    report.namespaces.sort_by(|one, other| one.namespace.cmp(&other.namespace));
    report
}
