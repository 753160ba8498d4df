//! Watching: policies follow the ConfigMap for as long as the program runs.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures_util::{StreamExt, pin_mut};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use crate::cluster::{Cluster, Data, Mode, PolicyName};
use crate::report::Report;
use crate::run::follow;

/// How patient the program is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long a ConfigMap has to be stable before anything is written: each change of settings
    /// rolls the policy server.
    pub settle: Duration,
    /// How often the policies are looked at again, in case somebody edited ours away.
    pub resync: Duration,
}

/// Follows the ConfigMap until the future is dropped; `tell` gets every report.
pub async fn watch(
    cluster: &Cluster,
    policies: &[PolicyName],
    mode: Mode,
    patience: Patience,
    mut tell: impl FnMut(&Report),
) {
    let config_maps = cluster.config_maps();
    pin_mut!(config_maps);
    let mut resync = interval_at(Instant::now() + patience.resync, patience.resync);
    resync.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Outer: whether the ConfigMap was ever seen. Inner: whether there is one.
    let mut seen: Option<Data> = None;
    let mut due: Option<Instant> = None;
    let mut told: Option<String> = None;
    let mut retries = retries();
    loop {
        tokio::select! {
            next = config_maps.next() => match next {
                Some(Ok(data)) if seen.as_ref() == Some(&data) => {}
                Some(Ok(data)) => {
                    seen = Some(data);
                    due = Some(Instant::now() + patience.settle);
                    retries = self::retries();
                }
                Some(Err(error)) => tracing::warn!(%error, "the ConfigMap cannot be watched for now"),
                // A watcher never ends.
                None => return,
            },
            _ = resync.tick() => due = due.or_else(|| seen.as_ref().map(|_| Instant::now())),
            () = reached(due) => {
                due = None;
                let Some(data) = &seen else { continue };
                let report = follow(cluster, data.as_ref(), policies, mode, told.as_deref()).await;
                told = Some(report.message.clone());
                tell(&report);
                if !report.succeeded() && report.state.is_usable() {
                    due = retries.next().map(|delay| Instant::now() + delay);
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

fn retries() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(2))
        .with_max_delay(Duration::from_secs(120))
        .with_jitter()
        .without_max_times()
        .build()
}
