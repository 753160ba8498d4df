//! Watching: policies follow the ConfigMap for as long as the program runs.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::{Instant, sleep_until};

use super::once::follow;
use super::report::Report;
use super::state::State;
use super::task::Task;
use local_registry_cluster::Cluster;
use local_registry_core::text::with_causes;
use local_registry_declaration::Data;

/// How long [`watch`] waits.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long the ConfigMap has to be unchanged before a change of it is written, since each change of settings rolls
    /// the policy server. What is declared at the start is written at once.
    pub settle: Duration,
    /// How often the policies are read again, in case somebody changed the owned fields. Also, how long the ConfigMap
    /// may be unreadable before its state is reported as unknown.
    pub resync: Duration,
}

/// Whether what was last seen of the ConfigMap still counts.
enum View {
    /// It does.
    Current,
    /// The ConfigMap has been unreadable since this instant. That is not reported yet.
    Lost { since: Instant, error: String },
    /// The ConfigMap has been unreadable for too long. That was last reported at this instant.
    Unknown { reported: Instant, error: String },
}

impl View {
    /// When the state is to be reported as unknown, for the first time or again.
    fn deadline(&self, resync: Duration) -> Option<Instant> {
        match self {
            Self::Current => None,
            Self::Lost { since: start, .. } | Self::Unknown { reported: start, .. } => Some(later(*start, resync)),
        }
    }

    /// The view after another error.
    fn lose(self, error: String) -> Self {
        match self {
            Self::Current => Self::Lost { since: Instant::now(), error },
            Self::Lost { since, .. } => Self::Lost { since, error },
            Self::Unknown { reported, .. } => Self::Unknown { reported, error },
        }
    }
}

/// Follows the ConfigMap until the future is dropped, and shows every report.
///
/// ```no_run
/// use std::time::Duration;
/// use local_registry_sync::{Cluster, Patience, Report, Task, watch};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::new(kube::Client::try_default().await?);
/// let task = Task { policies: vec!["local-registry".parse()?], ..Task::default() };
/// let patience = Patience { settle: Duration::from_secs(10), resync: Duration::from_secs(60) };
/// watch(&cluster, &task, patience, |report: &Report| println!("{}", report.to_text())).await;
/// # Ok(())
/// # }
/// ```
pub async fn watch(cluster: &Cluster, task: &Task, patience: Patience, mut show: impl FnMut(&Report)) {
    let mut config_maps = cluster.config_maps();
    let mut view = View::Current;
    // Outer: whether the ConfigMap was ever listed. Inner: whether it exists.
    let mut seen: Option<Option<Data>> = None;
    let mut due: Option<Instant> = None;
    let mut next_resync = after(patience.resync);
    let mut reported: Option<String> = None;
    let mut retries = retries();
    loop {
        let unknown = view.deadline(patience.resync);
        tokio::select! {
            next = config_maps.next() => match next {
                Ok(data) => {
                    if matches!(view, View::Unknown { .. }) {
                        due = due.or_else(|| Some(Instant::now()));
                    }
                    view = View::Current;
                    if seen.as_ref() != Some(&data) {
                        due = Some(if seen.is_none() { Instant::now() } else { after(patience.settle) });
                        seen = Some(data);
                        retries = self::retries();
                    }
                }
                Err(error) => {
                    let error = with_causes(&error);
                    tracing::warn!(error, "the ConfigMap cannot be watched; trying again");
                    view = view.lose(error);
                }
            },
            () = reached(unknown) => {
                if let View::Lost { error, .. } | View::Unknown { error, .. } = view {
                    let message = format!("{error}; until it can be read again, the policies keep their settings");
                    show(&Report::unusable(State::Unknown, message));
                    view = View::Unknown { reported: Instant::now(), error };
                } else {
                    view = View::Current;
                }
                due = None;
            }
            () = sleep_until(next_resync) => {
                next_resync = after(patience.resync);
                if seen.is_some() && !matches!(view, View::Unknown { .. }) {
                    due = due.or_else(|| Some(Instant::now()));
                }
            }
            () = reached(due) => {
                due = None;
                let Some(data) = &seen else { continue };
                let report = follow(cluster, data.as_ref(), task, reported.as_deref()).await;
                reported = Some(report.message.clone());
                show(&report);
                if report.succeeded() {
                    retries = self::retries();
                } else if report.state.is_usable() {
                    due = retries.next().map(after);
                }
            }
        }
    }
}

/// Waits for an instant; without one, forever.
async fn reached(due: Option<Instant>) {
    match due {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn after(duration: Duration) -> Instant {
    later(Instant::now(), duration)
}

/// An instant that much later. Durations that would overflow the clock are cut to many years.
fn later(instant: Instant, duration: Duration) -> Instant {
    const YEARS: Duration = Duration::from_hours(30 * 365 * 24);
    instant.checked_add(duration.min(YEARS)).unwrap_or(instant)
}

/// Starts at a second, so that a policy that was deleted and created again is found before the next resync.
fn retries() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(1))
        .with_max_delay(Duration::from_secs(15))
        .with_jitter()
        .without_max_times()
        .build()
}
