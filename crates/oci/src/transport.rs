//! Requests on their way: how many at once, how fast, how often again, and what the answer is if it is an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Request, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::error::{Kind, RegistryError};

/// How many bytes of an answer are kept that is no blob. A registry need not take larger manifests.
pub(super) const LONGEST_ANSWER: usize = 4 << 20;
/// How many bytes of an error are read.
const LONGEST_ERROR: usize = 64 << 10;
/// The first pause before a request is sent again. Each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause, unless the registry asks for another one.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// The longest pause that a registry may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(5);

/// How requests are sent to each registry.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many requests are under way at once. Blobs that are read count apart.
    pub at_once: usize,
    /// How many requests are sent in a second; `None` for any number.
    pub per_second: Option<u32>,
    /// How often a request is sent again that failed for a reason that may pass.
    pub retries: usize,
}

/// What sends requests: those that may be led elsewhere, and the others.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) reading: Client,
    pub(super) writing: Client,
}

/// The way to one registry.
pub(super) struct Transport {
    clients: Clients,
    base: Url,
    /// How long anything but a blob may take as a whole.
    deadline: Duration,
    requests: Arc<Semaphore>,
    /// Reading a blob waits for nothing but the network. If it took a place that writing it waits for, all places could be
    /// taken by readers.
    downloads: Arc<Semaphore>,
    /// A request that has a place may need a token first.
    tokens: Arc<Semaphore>,
    pace: Option<Mutex<Interval>>,
    retries: usize,
    sent: AtomicU64,
}

/// An answer, and the place that it takes until it is read.
pub(super) struct Answer {
    pub(super) response: Response,
    pub(super) place: OwnedSemaphorePermit,
}

/// Which of a registry's places a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Request,
    Download,
    Token,
}

impl Transport {
    pub(super) fn new(clients: Clients, base: Url, deadline: Duration, limits: Limits) -> Self {
        let pace = limits.per_second.map(|per_second| {
            let mut pace = interval(Duration::from_secs(1) / per_second.max(1));
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            Mutex::new(pace)
        });
        Self {
            clients,
            base,
            deadline,
            requests: Arc::new(Semaphore::new(limits.at_once.max(1))),
            downloads: Arc::new(Semaphore::new(limits.at_once.max(1))),
            tokens: Arc::new(Semaphore::new(limits.at_once.max(1))),
            pace,
            retries: limits.retries,
            sent: AtomicU64::new(0),
        }
    }

    /// A request to which headers and a body can be added.
    pub(super) fn request(&self, method: &Method, url: &Url) -> RequestBuilder {
        self.clients.reading.request(method.clone(), url.clone())
    }

    /// The same, which ends after a while, whatever comes.
    pub(super) fn short_request(&self, method: &Method, url: &Url) -> RequestBuilder {
        self.request(method, url).timeout(self.deadline)
    }

    /// Where the registry's API is.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// How many requests were sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether a URL leads to the registry itself. Only there do credentials go.
    pub(super) fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Sends a request once.
    ///
    /// # Errors
    /// If there is no answer, or if it says that another one may come later.
    pub(super) async fn send(&self, request: Request, place: Place) -> Result<Answer, RegistryError> {
        let places = match place {
            Place::Request => &self.requests,
            Place::Download => &self.downloads,
            Place::Token => &self.tokens,
        };
        let (method, url) = (request.method().clone(), request.url().clone());
        let Ok(place) = Arc::clone(places).acquire_owned().await else {
            return Err(RegistryError::new(&method, &url, Kind::NoAnswer("nothing is sent any more".to_owned())));
        };
        if let Some(pace) = &self.pace {
            pace.lock().await.tick().await;
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        // Only what is read may be elsewhere.
        let is_read = matches!(method, Method::GET | Method::HEAD);
        let client = if is_read { &self.clients.reading } else { &self.clients.writing };
        let response = client.execute(request).await;
        let response = response.map_err(|error| no_answer(&method, &url, error))?;
        let status = response.status();
        if status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) {
            return Err(refused(&method, &url, response).await);
        }
        Ok(Answer { response, place })
    }

    /// Does something again, as long as it fails for a reason that may pass.
    pub(super) async fn retrying<T>(
        &self,
        mut work: impl AsyncFnMut() -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_jitter()
            .with_max_times(self.retries);
        let mut pauses = pauses.build();
        loop {
            let error = match work().await {
                Err(error) if error.is_transient() => error,
                done => return done,
            };
            let Some(pause) = pauses.next() else { return Err(error) };
            let asked = error.retry_after().unwrap_or_default().min(LONGEST_RETRY_AFTER);
            sleep(pause.max(asked)).await;
        }
    }

    /// Asks for a small document that is no part of the registry's API, and returns it.
    pub(super) async fn ask(
        &self,
        method: &Method,
        url: &Url,
        authorization: Option<HeaderValue>,
        parameters: &[(&str, &str)],
    ) -> Result<Bytes, RegistryError> {
        self.retrying(async || {
            let request = self.short_request(method, url);
            let request = if *method == Method::POST { request.form(parameters) } else { request.query(parameters) };
            let mut request = request.build().map_err(|error| no_answer(method, url, error))?;
            if let Some(authorization) = &authorization {
                request.headers_mut().insert(AUTHORIZATION, authorization.clone());
            }
            let answer = self.send(request, Place::Token).await?;
            if !answer.response.status().is_success() {
                return Err(refused(method, url, answer.response).await);
            }
            body(method, url, answer.response).await
        })
        .await
    }
}

/// The error for a request that got no answer.
pub(super) fn no_answer(method: &Method, url: &Url, error: reqwest::Error) -> RegistryError {
    // The URL may have secrets in its query.
    RegistryError::new(method, url, Kind::NoAnswer(with_causes(&error.without_url())))
}

/// The message of an error and those of its causes, joined by colons.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |&error: &&dyn std::error::Error| error.source());
    let mut messages: Vec<String> = causes.map(ToString::to_string).collect();
    messages.dedup();
    messages.join(": ")
}

/// All of an answer.
pub(super) async fn body(method: &Method, url: &Url, mut response: Response) -> Result<Bytes, RegistryError> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(|error| no_answer(method, url, error))? {
        if bytes.len() + piece.len() > LONGEST_ANSWER {
            return Err(RegistryError::new(method, url, Kind::TooLong { expected: LONGEST_ANSWER as u64 }));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// What registries say in an error.
#[derive(Deserialize)]
struct Refusal {
    errors: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    code: Option<String>,
    message: Option<String>,
}

/// The error for an answer that refuses the request.
pub(super) async fn refused(method: &Method, url: &Url, mut response: Response) -> RegistryError {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(retry_after);
    let mut bytes = Vec::new();
    while bytes.len() < LONGEST_ERROR {
        let Ok(Some(piece)) = response.chunk().await else { break };
        bytes.extend_from_slice(&piece);
    }
    let reasons = serde_json::from_slice::<Refusal>(&bytes).map(|refusal| refusal.errors).unwrap_or_default();
    let words = |reason: Reason| [reason.code, reason.message].into_iter().flatten().collect::<Vec<_>>().join(": ");
    let message = reasons.into_iter().map(words).collect::<Vec<_>>().join("; ");
    RegistryError::new(method, url, Kind::Status { status, message }).after(retry_after)
}

/// How long a registry wants to be left alone: seconds, or a date.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(std::time::SystemTime::now()).ok()
}
