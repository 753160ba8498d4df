//! The watch of one object: its content now and after each change, and errors while it cannot be read.

use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, pin_mut};
use kube::api::Api;
use kube::runtime::watcher::{self, watcher};
use tokio::time::{Instant, sleep_until};

use super::backoff::Backoff;
use super::call::{Call, Failure};
use super::error::{ClusterError, ClusterErrorKind};
use super::slim::{Content, Slim};

/// After an error, pauses start short again if the watch lasted this long since the last one.
const RECOVERED: Duration = Duration::from_mins(2);

/// Lists one object by its name and watches it, again and again.
///
/// After an error it lists again, even if only the watch failed. A watch is silent until something changes, so only an
/// answered list shows that the object can be read again.
pub(crate) struct ObjectWatch<C: Content> {
    api: Api<Slim<C>>,
    name: String,
    call: Box<dyn Fn(&'static str) -> Call + Send>,
    events: Option<BoxStream<'static, Result<watcher::Event<Slim<C>>, watcher::Error>>>,
    listed: Option<C>,
    /// When to list again after an error.
    resume: Option<Instant>,
    failed: Option<Instant>,
    backoff: Backoff,
}

impl<C: Content + Default> ObjectWatch<C> {
    /// Watches the object of that name. `call` describes a call about it, by its verb.
    pub(super) fn new(api: Api<Slim<C>>, name: String, call: impl Fn(&'static str) -> Call + Send + 'static) -> Self {
        let call = Box::new(call);
        Self { api, name, call, events: None, listed: None, resume: None, failed: None, backoff: Backoff::default() }
    }

    /// Waits until the object was listed or has changed, and returns its content; `None` if there is no such object.
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// A [`ClusterError`]. The next call tries again, after a pause that grows with each error.
    pub(crate) async fn next(&mut self) -> Result<Option<C>, ClusterError> {
        loop {
            if let Some(instant) = self.resume {
                sleep_until(instant).await;
                self.resume = None;
            }
            let events = self.events.get_or_insert_with(|| {
                let only = watcher::Config::default().fields(&format!("metadata.name={}", self.name));
                watcher(self.api.clone(), only).boxed()
            });
            let next = events.next();
            pin_mut!(next);
            match next.await {
                Some(Ok(watcher::Event::Init)) => self.listed = None,
                Some(Ok(watcher::Event::InitApply(object))) => self.listed = Some(object.into_content()),
                Some(Ok(watcher::Event::InitDone)) => return Ok(self.listed.take()),
                Some(Ok(watcher::Event::Apply(object))) => return Ok(Some(object.into_content())),
                Some(Ok(watcher::Event::Delete(_))) => return Ok(None),
                Some(Err(error)) => {
                    self.pause();
                    return Err(self.explain(error));
                }
                // kube does not end a watcher.
                None => self.pause(),
            }
        }
    }

    fn pause(&mut self) {
        let now = Instant::now();
        if self.failed.is_none_or(|failed| now.duration_since(failed) > RECOVERED) {
            self.backoff = Backoff::default();
        }
        self.failed = Some(now);
        self.events = None;
        self.resume = Some(now + self.backoff.pause());
    }

    /// Says which of the two requests failed.
    fn explain(&self, error: watcher::Error) -> ClusterError {
        let (verb, error) = match error {
            watcher::Error::InitialListFailed(error) => ("list", error),
            watcher::Error::WatchStartFailed(error) | watcher::Error::WatchFailed(error) => ("watch", error),
            watcher::Error::WatchError(status) => ("watch", kube::Error::Api(status)),
            watcher::Error::NoResourceVersion => {
                return ClusterErrorKind::NotWatchable.about((self.call)("list").subject);
            }
        };
        (self.call)(verb).failed(Failure::Api(error))
    }
}
