//! The ConfigMap, followed: what it says now, after every change, and when that is not known.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, pin_mut};
use kube::api::Api;
use kube::runtime::watcher::{self, watcher};
use tokio::time::{Instant, sleep_until};

use super::error::{self, ClusterError};
use crate::config_map::NAME;
use crate::data::{ConfigMap, Data};

/// A watch that lasted so long is no longer one that failed.
const RECOVERED: Duration = Duration::from_secs(120);

/// Lists the ConfigMap and watches it, again and again.
///
/// After an error the list is asked for anew, also where the watch alone failed: a list that is answered is
/// then the only sign that the ConfigMap can be read again, since a watch says nothing until there is a change.
pub struct ConfigMaps {
    api: Api<ConfigMap>,
    events: Option<BoxStream<'static, Result<watcher::Event<ConfigMap>, watcher::Error>>>,
    listed: Option<Data>,
    /// When to list again, after an error.
    resume: Option<Instant>,
    failed: Option<Instant>,
    pauses: ExponentialBackoff,
}

impl ConfigMaps {
    pub(super) fn new(api: Api<ConfigMap>) -> Self {
        Self { api, events: None, listed: None, resume: None, failed: None, pauses: pauses() }
    }

    /// The data of the ConfigMap, `None` where there is none; the first time, and whenever it was listed anew
    /// or has changed. Nothing is lost where this is given up before it ends.
    ///
    /// # Errors
    /// A [`ClusterError`]; the next call tries again, a little later each time.
    pub async fn next(&mut self) -> Result<Option<Data>, ClusterError> {
        loop {
            if let Some(instant) = self.resume {
                sleep_until(instant).await;
                self.resume = None;
            }
            let events = self.events.get_or_insert_with(|| {
                let only = watcher::Config::default().fields(&format!("metadata.name={NAME}"));
                watcher(self.api.clone(), only).boxed()
            });
            let next = events.next();
            pin_mut!(next);
            match next.await {
                Some(Ok(watcher::Event::Init)) => self.listed = None,
                Some(Ok(watcher::Event::InitApply(config_map))) => self.listed = Some(config_map.into_data()),
                Some(Ok(watcher::Event::InitDone)) => return Ok(self.listed.take()),
                Some(Ok(watcher::Event::Apply(config_map))) => return Ok(Some(config_map.into_data())),
                Some(Ok(watcher::Event::Delete(_))) => return Ok(None),
                Some(Err(error)) => {
                    self.pause();
                    return Err(error::of_watch(error));
                }
                // A watcher never ends.
                None => self.pause(),
            }
        }
    }

    fn pause(&mut self) {
        let now = Instant::now();
        if self.failed.is_none_or(|failed| now.duration_since(failed) > RECOVERED) {
            self.pauses = pauses();
        }
        self.failed = Some(now);
        self.events = None;
        self.resume = Some(now + self.pauses.next().unwrap_or(RECOVERED));
    }
}

/// As kube's own: from a second to half a minute, and at random up to twice that.
fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(800))
        .with_max_delay(Duration::from_secs(30))
        .with_jitter()
        .without_max_times()
        .build()
}
