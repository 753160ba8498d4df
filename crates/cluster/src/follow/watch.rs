//! A watch, of one object or of several: what there is now, each change, and errors while it cannot be read.
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
use kube::core::request::Request;
use kube::core::{ObjectList, WatchEvent};
use kube::{Client, Resource};
use local_registry_core::text::Excerpt;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::call::{Call, Failure, hushed, limited};
use crate::error::{ClusterError, ClusterErrorKind};
use crate::follow::backoff::Backoff;
use crate::follow::pace::Pace;
use crate::follow::slim::{Content, Slim};
use crate::named::Wanted;

/// How long a watch may be silent. The API server sends a bookmark every minute.
const IDLE: Duration = Duration::from_secs(75);
/// For how long the API server is asked to keep a watch, in seconds: at least that, and up to a minute more.
const WATCHED: u32 = 240;
/// How many objects are on a page of a list. Whoever may write one may make it 1.5 MB large, and the pod has little memory.
const PAGE: u32 = 4;
/// A watch that lasted this long has worked: the next pause is short again.
const WORKED: Duration = Duration::from_secs(30);

/// Lists objects and watches them, again and again.
///
/// Each request has a limit. After an error it lists again, even if only the watch failed. A watch is silent until something
/// changes, so only an answered list shows that the objects can be read again.
pub(crate) struct Watch<C: Content> {
    api: Api<Slim<C>>,
    selection: Selection,
    call: Box<dyn Fn(&'static str) -> Call + Send>,
    phase: Phase<C>,
    /// What pages of lists wait for. Without it, they come one after another.
    pace: Option<Pace>,
    backoff: Backoff,
    /// When the API server was last heard of.
    heard: Instant,
    /// How many watches have ended, of all objects of the cluster.
    ended: Arc<AtomicU64>,
}

/// What is watched.
pub(crate) enum Selection {
    /// The object of this name, and of this namespace if it has one.
    One {
        /// Its namespace.
        namespace: Option<String>,
        /// Its name.
        name: String,
    },
    /// Everything with this label and value, in the whole cluster.
    Labelled(&'static str),
    /// Everything of this name, in all namespaces.
    Named(&'static str),
}

impl Selection {
    /// What restricts a request to it: the field selector, and the label selector.
    fn selectors(&self) -> (Option<String>, Option<String>) {
        match self {
            Self::One { name, .. } => (Some(format!("metadata.name={name}")), None),
            Self::Labelled(label) => (None, Some((*label).to_owned())),
            Self::Named(name) => (Some(format!("metadata.name={name}")), None),
        }
    }

    /// What an object is, if it does not belong to it.
    fn other<C: Content>(&self, object: &Slim<C>) -> Option<String> {
        let found = object.meta().name.as_deref().unwrap_or_default();
        let (namespace, name) = match self {
            Self::One { namespace, name } => (namespace.as_deref(), name.as_str()),
            // Its name is its own.
            Self::Labelled(_) => (None, found),
            Self::Named(name) => (None, *name),
        };
        Wanted { namespace, name, plural: C::PLURAL }.other(object)
    }
}

/// What the API server says of what is watched.
pub(crate) enum Told<C> {
    /// These are all there are.
    All(Vec<Slim<C>>),
    /// One is new, or has changed.
    Is(Slim<C>),
    /// One is gone.
    IsGone(Slim<C>),
}

type Listing<C> = BoxFuture<'static, Result<ObjectList<Slim<C>>, Failure>>;
type Events<C> = BoxStream<'static, kube::Result<WatchEvent<Slim<C>>>>;
type Starting<C> = BoxFuture<'static, Result<Events<C>, Failure>>;

/// What is waited for. Requests are kept here, so that dropping the future of [`Watch::next`] does not send them again.
enum Phase<C: Content> {
    /// For the end of a pause. Then comes a watch from this version, or without one a list.
    Pausing(Instant, Option<String>),
    /// For a page, with what the pages before it had.
    Listing(Listing<C>, Vec<Slim<C>>),
    Starting(Starting<C>, String),
    Watching {
        events: Events<C>,
        version: String,
        since: Instant,
    },
}

/// A page of a list. kube would log the whole text of one that it cannot read.
async fn quietly_listed<C: Content>(api: &Api<Slim<C>>, page: &ListParams) -> kube::Result<ObjectList<Slim<C>>> {
    let request = Request::new(api.resource_url()).list(page).map_err(kube::Error::BuildRequest)?;
    let text = api.clone().into_client().request_text(request).await?;
    serde_json::from_str(&text).map_err(|error| hushed(kube::Error::SerdeError(error)))
}

/// A number of seconds at random, so that the watches of many nodes do not end at once.
fn up_to_a_minute() -> u32 {
    let random = RandomState::new().build_hasher().finish();
    u32::try_from(random % 60).unwrap_or_default()
}

impl<C: Content> Watch<C> {
    /// Watches what is selected. `call` describes a call about it, by its verb; `ended` counts watches that end.
    pub(crate) fn new(
        client: Client,
        selection: Selection,
        ended: Arc<AtomicU64>,
        call: impl Fn(&'static str) -> Call + Send + 'static,
    ) -> Self {
        let api = match &selection {
            Selection::One { namespace: Some(namespace), .. } => Api::namespaced(client, namespace),
            _ => Api::all(client),
        };
        let now = Instant::now();
        let (call, phase, backoff) = (Box::new(call), Phase::Pausing(now, None), Backoff::default());
        Self { api, selection, call, phase, pace: None, backoff, heard: now, ended }
    }

    /// The same with lists whose pages come at this pace.
    pub(crate) fn paced(mut self, pace: &Pace) -> Self {
        self.pace = Some(pace.clone());
        self
    }

    /// When the API server was last heard of.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// Waits until everything was listed, or something has changed.
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// A [`ClusterError`]. The next call tries again, after a pause that grows with each error.
    pub(crate) async fn next(&mut self) -> Result<Told<C>, ClusterError> {
        loop {
            match &mut self.phase {
                Phase::Pausing(until, version) => {
                    sleep_until(*until).await;
                    let version = version.take();
                    self.resume(version);
                }
                Phase::Listing(listing, before) => {
                    let (answer, before) = (listing.await, std::mem::take(before));
                    if let Some(all) = self.on_page(answer, before)? {
                        return Ok(Told::All(all));
                    }
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
                    if let Some(told) = self.on_event(event)? {
                        return Ok(told);
                    }
                }
            }
        }
    }

    /// Starts a watch from this version, or lists.
    fn resume(&mut self, version: Option<String>) {
        match version {
            None => self.list(None, Vec::new()),
            Some(version) => {
                let (api, from) = (self.api.clone(), version.clone());
                let (field_selector, label_selector) = self.selection.selectors();
                let only = WatchParams { field_selector, label_selector, ..WatchParams::default() };
                let only = only.timeout(WATCHED + up_to_a_minute());
                let hushed = |event: kube::Result<_>| if C::IS_SECRET { event.map_err(hushed) } else { event };
                let start =
                    async move { limited(api.watch(&only, &from)).await.map(|events| events.map(hushed).boxed()) };
                self.phase = Phase::Starting(start.boxed(), version);
            }
        }
    }

    /// Lists the page that a token stands for, or the first one.
    fn list(&mut self, continue_token: Option<String>, before: Vec<Slim<C>>) {
        let (field_selector, label_selector) = self.selection.selectors();
        // One object is on one page, and a list without a limit comes from the API server's own watch.
        let limit = if matches!(self.selection, Selection::One { .. }) { None } else { Some(PAGE) };
        let page = ListParams { field_selector, label_selector, limit, continue_token, ..ListParams::default() };
        let (api, turns) = (self.api.clone(), self.pace.clone());
        let list = async move {
            if let Some(turns) = turns {
                turns.turn().await;
            }
            if C::IS_SECRET { limited(quietly_listed(&api, &page)).await } else { limited(api.list(&page)).await }
        };
        self.phase = Phase::Listing(list.boxed(), before);
    }

    /// Takes in a page, and returns everything that was listed if it is the last one.
    fn on_page(
        &mut self,
        answer: Result<ObjectList<Slim<C>>, Failure>,
        mut all: Vec<Slim<C>>,
    ) -> Result<Option<Vec<Slim<C>>>, ClusterError> {
        let list = answer.map_err(|failure| self.fail("list", failure))?;
        let is_list = [format!("{}List", C::KIND), "List".to_owned()].contains(&list.types.kind);
        let next = list.metadata.continue_.filter(|next| !next.is_empty());
        let is_one = matches!(self.selection, Selection::One { .. });
        // One object is on one page. Where more pages are said to follow, the object may be on one of those.
        let is_part = next.is_some() || list.metadata.remaining_item_count.is_some_and(|count| count > 0);
        if !is_list || is_one && (is_part || list.items.len() > 1) {
            let found = format!("a {} with {} items", Excerpt(&list.types.kind), list.items.len());
            return Err(self.reject("list", found));
        }
        for item in list.items {
            all.push(self.expected("list", item)?);
        }
        if next.is_some() {
            self.list(next, all);
            return Ok(None);
        }
        let Some(version) = list.metadata.resource_version.filter(|version| !version.is_empty()) else {
            self.pause(None);
            return Err(ClusterErrorKind::NotWatchable.about((self.call)("list").subject));
        };
        self.heard = Instant::now();
        self.resume(Some(version));
        Ok(Some(all))
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

    fn on_event(&mut self, event: Option<kube::Result<WatchEvent<Slim<C>>>>) -> Result<Option<Told<C>>, ClusterError> {
        let (object, is_there) = match event {
            None => {
                self.on_end();
                return Ok(None);
            }
            Some(Err(error)) => return Err(self.fail("watch", Failure::Api(error))),
            Some(Ok(WatchEvent::Error(status))) => {
                return Err(self.fail("watch", Failure::Api(kube::Error::Api(status))));
            }
            Some(Ok(WatchEvent::Bookmark(bookmark))) => {
                self.on_version(Some(bookmark.metadata.resource_version));
                return Ok(None);
            }
            Some(Ok(WatchEvent::Deleted(object))) => (object, false),
            Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => (object, true),
        };
        self.on_version(object.meta().resource_version.clone());
        let object = self.expected("watch", object)?;
        Ok(Some(if is_there { Told::Is(object) } else { Told::IsGone(object) }))
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

    /// An object that has to be one of those that were asked for.
    fn expected(&mut self, verb: &'static str, object: Slim<C>) -> Result<Slim<C>, ClusterError> {
        match self.selection.other(&object) {
            None => Ok(object),
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
