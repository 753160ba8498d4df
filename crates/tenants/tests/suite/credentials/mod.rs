//! Credentials that make themselves, against a stand-in for the API server.

mod faults;
mod laws;
mod ownership;
mod promises;
mod removal;
mod renewal;
mod scale;
mod server;

use std::time::Duration;

use local_registry_cluster::follow::Timing;
use local_registry_declaration::AllowedHosts;
use local_registry_tenants::credentials::{CredentialsReport, CredentialsTask, once, watch};
use tokio::time::sleep;

use self::server::Shared;

const TIMING: Timing = Timing { settle: Duration::from_secs(10), resync: Duration::from_mins(1) };
const LIFETIME: Duration = Duration::from_hours(24);
const BOTH: [&str; 2] = ["first.infra.svc:5000", "local-registry:5000"];

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A task by the clock of the API server.
fn task(shared: &Shared) -> CredentialsTask<'static> {
    let allowed = Box::leak(Box::<AllowedHosts>::default());
    CredentialsTask { allowed, authority: None, lifetime: LIFETIME, clock: shared.lock().clock, dry_run: false }
}

async fn look(shared: &Shared) -> CredentialsReport {
    once(&shared.cluster(), task(shared)).await
}

/// Keeps credentials for as long as `meanwhile` takes, and returns the reports, but none that equals the one before.
async fn run_as(shared: &Shared, task: CredentialsTask<'_>, meanwhile: impl Future<Output = ()>) -> Vec<String> {
    let cluster = shared.cluster();
    let mut reports: Vec<String> = Vec::new();
    let show = |report: &CredentialsReport| {
        let text = report.to_string();
        if reports.last() != Some(&text) {
            reports.push(text);
        }
    };
    tokio::select! {
        never = watch(&cluster, task, TIMING, show) => match never {},
        () = meanwhile => {}
    }
    reports
}

async fn run(shared: &Shared, meanwhile: impl Future<Output = ()>) -> Vec<String> {
    run_as(shared, task(shared), meanwhile).await
}

async fn run_for(shared: &Shared, time: Duration) -> Vec<String> {
    run(shared, sleep(time)).await
}
