//! The watch of one object: its content now and after each change, and errors while it cannot be read.
//!
//! Not kube's own watcher: that one waits for an answer as long as the connection lasts, reconnects at once where a watch ends
//! at once, and hides the bookmarks that show that a silent watch is alive.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use kube::api::{Api, ListParams, WatchParams};
use kube::core::{ObjectList, WatchEvent};
use kube::{Client, Resource};
use local_registry_core::text::Excerpt;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::call::{Call, Failure, limited};
use crate::error::{ClusterError, ClusterErrorKind};
use crate::follow::backoff::Backoff;
use crate::follow::slim::{Content, Slim};
use crate::named::Wanted;

/// How long a watch may be silent. The API server sends a bookmark every minute.
const IDLE: Duration = Duration::from_secs(75);
/// For how long the API server is asked to keep a watch, in seconds: at least that, and up to a minute more.
const WATCHED: u32 = 240;
/// A watch that lasted this long has worked: the next pause is short again.
const WORKED: Duration = Duration::from_secs(30);

/// Lists one object by its name and watches it, again and again.
///
/// Each request has a limit. After an error it lists again, even if only the watch failed. A watch is silent until something
/// changes, so only an answered list shows that the object can be read again.
pub(crate) struct ObjectWatch<C: Content> {
    api: Api<Slim<C>>,
    namespace: Option<String>,
    name: String,
    call: Box<dyn Fn(&'static str) -> Call + Send>,
    phase: Phase<C>,
    backoff: Backoff,
    /// When the API server was last heard of.
    heard: Instant,
    /// How many watches have ended, of all objects of the cluster.
    ended: Arc<AtomicU64>,
}

type Listing<C> = BoxFuture<'static, Result<ObjectList<Slim<C>>, Failure>>;
type Events<C> = BoxStream<'static, kube::Result<WatchEvent<Slim<C>>>>;
type Starting<C> = BoxFuture<'static, Result<Events<C>, Failure>>;

/// What is waited for. Requests are kept here, so that dropping the future of [`ObjectWatch::next`] does not send them again.
enum Phase<C: Content> {
    /// For the end of a pause. Then comes a watch from this version, or without one a list.
    Pausing(Instant, Option<String>),
    Listing(Listing<C>),
    Starting(Starting<C>, String),
    Watching {
        events: Events<C>,
        version: String,
        since: Instant,
    },
}

/// A number of seconds at random, so that the watches of many nodes do not end at once.
fn up_to_a_minute() -> u32 {
    let random = RandomState::new().build_hasher().finish();
    u32::try_from(random % 60).unwrap_or_default()
}

/// What an event of a watch changes.
enum Change<C> {
    None,
    /// The content is this now; `None` if there is no such object any more.
    Content(Option<C>),
}

impl<C: Content> ObjectWatch<C> {
    /// Watches the object of that name, and of that namespace if it has one. `call` describes a call about it, by its verb; `ended` counts watches that end.
    pub(crate) fn new(
        client: Client,
        (namespace, name): (Option<String>, String),
        ended: Arc<AtomicU64>,
        call: impl Fn(&'static str) -> Call + Send + 'static,
    ) -> Self {
        let api = match &namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        };
        let now = Instant::now();
        let (call, phase, backoff) = (Box::new(call), Phase::Pausing(now, None), Backoff::default());
        Self { api, namespace, name, call, phase, backoff, heard: now, ended }
    }

    /// When the API server was last heard of.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// Waits until the object was listed or has changed, and returns its content; `None` if there is no such object.
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// A [`ClusterError`]. The next call tries again, after a pause that grows with each error.
    pub(crate) async fn next(&mut self) -> Result<Option<C>, ClusterError> {
        loop {
            match &mut self.phase {
                Phase::Pausing(until, version) => {
                    sleep_until(*until).await;
                    let version = version.take();
                    self.resume(version);
                }
                Phase::Listing(listing) => {
                    let answer = listing.await;
                    return self.on_list(answer);
                }
                Phase::Starting(starting, _) => {
                    let answer = starting.await;
                    self.on_start(answer)?;
                }
                Phase::Watching { events, .. } => {
                    let event = timeout_at(self.heard + IDLE, events.next()).await;
                    let Ok(event) = event else {
                        // Not even a bookmark came. A list shows whether the API server is there.
                        tracing::info!("a watch of the {} was silent for too long; listing it", C::KIND);
                        self.backoff = Backoff::default();
                        self.pause(None);
                        continue;
                    };
                    if let Change::Content(content) = self.on_event(event)? {
                        return Ok(content);
                    }
                }
            }
        }
    }

    /// Starts a watch from this version, or lists.
    fn resume(&mut self, version: Option<String>) {
        let (api, selector) = (self.api.clone(), format!("metadata.name={}", self.name));
        self.phase = match version {
            None => {
                let only = ListParams::default().fields(&selector);
                Phase::Listing(async move { limited(api.list(&only)).await }.boxed())
            }
            Some(version) => {
                let only = WatchParams::default().fields(&selector).timeout(WATCHED + up_to_a_minute());
                let from = version.clone();
                let start = async move { limited(api.watch(&only, &from)).await.map(StreamExt::boxed) };
                Phase::Starting(start.boxed(), version)
            }
        };
    }

    fn on_list(&mut self, answer: Result<ObjectList<Slim<C>>, Failure>) -> Result<Option<C>, ClusterError> {
        let list = answer.map_err(|failure| self.fail("list", failure))?;
        let is_list = [format!("{}List", C::KIND), "List".to_owned()].contains(&list.types.kind);
        // One object is on one page. Where more pages are said to follow, the object may be on one of those.
        let is_part = list.metadata.continue_.as_ref().is_some_and(|next| !next.is_empty())
            || list.metadata.remaining_item_count.is_some_and(|count| count > 0);
        if !is_list || is_part || list.items.len() > 1 {
            let found = format!("a {} with {} items", Excerpt(&list.types.kind), list.items.len());
            return Err(self.reject("list", found));
        }
        let found = match list.items.into_iter().next() {
            None => None,
            Some(item) => Some(self.content("list", item)?),
        };
        let Some(version) = list.metadata.resource_version.filter(|version| !version.is_empty()) else {
            self.pause(None);
            return Err(ClusterErrorKind::NotWatchable.about((self.call)("list").subject));
        };
        self.heard = Instant::now();
        self.resume(Some(version));
        Ok(found)
    }

    fn on_start(&mut self, answer: Result<Events<C>, Failure>) -> Result<(), ClusterError> {
        let events = answer.map_err(|failure| self.fail("watch", failure))?;
        let now = Instant::now();
        self.heard = now;
        if let Phase::Starting(_, version) = &mut self.phase {
            let version = std::mem::take(version);
            self.phase = Phase::Watching { events, version, since: now };
        }
        Ok(())
    }

    fn on_event(&mut self, event: Option<kube::Result<WatchEvent<Slim<C>>>>) -> Result<Change<C>, ClusterError> {
        let (object, is_there) = match event {
            None => {
                self.on_end();
                return Ok(Change::None);
            }
            Some(Err(error)) => return Err(self.fail("watch", Failure::Api(error))),
            Some(Ok(WatchEvent::Error(status))) => {
                return Err(self.fail("watch", Failure::Api(kube::Error::Api(status))));
            }
            Some(Ok(WatchEvent::Bookmark(bookmark))) => {
                self.on_version(Some(bookmark.metadata.resource_version));
                return Ok(Change::None);
            }
            Some(Ok(WatchEvent::Deleted(object))) => (object, false),
            Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => (object, true),
        };
        self.on_version(object.meta().resource_version.clone());
        let content = self.content("watch", object)?;
        Ok(Change::Content(is_there.then_some(content)))
    }

    fn on_version(&mut self, seen: Option<String>) {
        self.heard = Instant::now();
        if let (Phase::Watching { version, .. }, Some(seen)) = (&mut self.phase, seen.filter(|seen| !seen.is_empty())) {
            *version = seen;
        }
    }

    /// After a watch that has worked, watches from where it ended. One that ended soon may have shown nothing, so lists.
    fn on_end(&mut self) {
        let worked = match &mut self.phase {
            Phase::Watching { version, since, .. } if since.elapsed() >= WORKED => Some(std::mem::take(version)),
            _ => None,
        };
        if worked.is_some() {
            self.backoff = Backoff::default();
        } else {
            tracing::info!("a watch of the {} ended soon; listing it after a pause", C::KIND);
        }
        self.pause(worked);
    }

    /// The content of an object that has to be the one that was asked for.
    fn content(&mut self, verb: &'static str, object: Slim<C>) -> Result<C, ClusterError> {
        let wanted = Wanted { namespace: self.namespace.as_deref(), name: &self.name, plural: C::PLURAL };
        match wanted.other(&object) {
            None => Ok(object.into_content()),
            Some(found) => Err(self.reject(verb, found)),
        }
    }

    fn reject(&mut self, verb: &'static str, found: String) -> ClusterError {
        self.pause(None);
        ClusterErrorKind::Other { found }.about((self.call)(verb).subject)
    }

    fn fail(&mut self, verb: &'static str, failure: Failure) -> ClusterError {
        if let Phase::Watching { since, .. } = &self.phase {
            self.heard = Instant::now();
            if since.elapsed() >= WORKED {
                self.backoff = Backoff::default();
            }
        }
        self.pause(None);
        (self.call)(verb).failed(failure)
    }

    fn pause(&mut self, version: Option<String>) {
        if matches!(self.phase, Phase::Starting(..) | Phase::Watching { .. }) {
            self.ended.fetch_add(1, Ordering::Relaxed);
        }
        self.phase = Phase::Pausing(Instant::now() + self.backoff.pause(), version);
    }
}
