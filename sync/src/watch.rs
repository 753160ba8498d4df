//! Watching: policies follow the ConfigMap for as long as the program runs.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::{Instant, sleep_until};

use crate::cluster::Cluster;
use crate::data::Data;
use crate::report::{Report, State};
use crate::run::{Task, chain, follow};

/// How patient the program is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long a ConfigMap has to be stable before a change of it is written: each change of settings
    /// rolls the policy server. What is found at the start is written at once.
    pub settle: Duration,
    /// How often the policies are looked at again, in case somebody edited ours away; and how long the
    /// ConfigMap may be out of reach until its state is unknown.
    pub resync: Duration,
}

/// What is known of the ConfigMap.
enum View {
    /// What was seen last is what it says.
    Current,
    /// It has been out of reach since then.
    Lost { since: Instant, error: String },
    /// It has been out of reach for too long, and that was told.
    Unknown { told: Instant, error: String },
}

/// Follows the ConfigMap until the future is dropped; `tell` gets every report.
pub async fn watch(cluster: &Cluster, task: &Task, patience: Patience, mut tell: impl FnMut(&Report)) {
    let mut config_maps = cluster.config_maps();
    let mut view = View::Current;
    // Outer: whether the ConfigMap was ever seen. Inner: whether there is one.
    let mut seen: Option<Option<Data>> = None;
    let mut due: Option<Instant> = None;
    let mut look = after(patience.resync);
    let mut told: Option<String> = None;
    let mut retries = retries();
    loop {
        let unknown = match &view {
            View::Current => None,
            View::Lost { since: instant, .. } | View::Unknown { told: instant, .. } => {
                Some(later(*instant, patience.resync))
            }
        };
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
                    let error = chain(&error);
                    tracing::warn!(error, "the ConfigMap cannot be watched for now");
                    view = match view {
                        View::Current => View::Lost { since: Instant::now(), error },
                        View::Lost { since, .. } => View::Lost { since, error },
                        View::Unknown { told, .. } => View::Unknown { told, error },
                    };
                }
            },
            () = reached(unknown) => {
                if let View::Lost { error, .. } | View::Unknown { error, .. } = view {
                    let message = format!("{error}; until it can be read again, the policies keep their settings");
                    tell(&Report::unusable(State::Unknown, message));
                    view = View::Unknown { told: Instant::now(), error };
                } else {
                    view = View::Current;
                }
                due = None;
            }
            () = sleep_until(look) => {
                look = after(patience.resync);
                if seen.is_some() && !matches!(view, View::Unknown { .. }) {
                    due = due.or_else(|| Some(Instant::now()));
                }
            }
            () = reached(due) => {
                due = None;
                let Some(data) = &seen else { continue };
                let report = follow(cluster, data.as_ref(), task, told.as_deref()).await;
                told = Some(report.message.clone());
                tell(&report);
                if report.succeeded() {
                    retries = self::retries();
                } else if report.state.is_usable() {
                    due = retries.next().map(after);
                }
            }
        }
    }
}

/// Ends when an instant is reached; never, where there is none.
async fn reached(due: Option<Instant>) {
    match due {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn after(duration: Duration) -> Instant {
    later(Instant::now(), duration)
}

/// Some time later; what is later than the clock goes is in many years.
fn later(instant: Instant, duration: Duration) -> Instant {
    const YEARS: Duration = Duration::from_secs(30 * 365 * 86_400);
    instant.checked_add(duration.min(YEARS)).unwrap_or(instant)
}

/// From a second, so that a policy that is deleted and made again does not wait for the next look.
fn retries() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(1))
        .with_max_delay(Duration::from_secs(15))
        .with_jitter()
        .without_max_times()
        .build()
}
