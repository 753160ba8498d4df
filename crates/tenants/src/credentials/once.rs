//! Every credential is brought in line, once.

use futures_util::StreamExt;
use local_registry_cluster::Cluster;
use local_registry_core::text::with_causes;

use super::history::History;
use super::report::{CredentialsReport, CredentialsState};
use super::round::Round;
use super::survey::Followed;
use super::task::{CredentialsTask, pace};
use super::worker::Worker;

/// Reads what is declared, and brings the credentials of each namespace in line with it. A namespace that fails does not stop the
/// others.
pub async fn once(cluster: &Cluster, task: CredentialsTask<'_>) -> CredentialsReport {
    let pace = pace();
    let mut followed = Followed::new(cluster, &pace);
    let (data, ()) = tokio::join!(cluster.config_map(), followed.read());
    let unknown = |error| CredentialsReport::new(CredentialsState::Unknown { error });
    let data = match data {
        Ok(data) => data,
        Err(error) => return unknown(with_causes(&error)),
    };
    let Some(survey) = followed.survey() else {
        return unknown(followed.lost().map(|lost| lost.error.clone()).unwrap_or_default());
    };
    let mut history = History::default();
    let mut round = Round::new(task, data.as_ref(), &survey, &mut history);
    let (wanted, jobs) = (round.wanted.clone(), std::mem::take(&mut round.jobs));
    let worker = Worker { cluster, task, pace: &pace, wanted: wanted.as_ref() };
    let mut running = Round::perform(worker, jobs);
    while let Some(work) = running.next().await {
        if round.take_in(work, &mut history) {
            break;
        }
    }
    round.report
}
