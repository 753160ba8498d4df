//! The layer that keeps a registry's limits: how many requests at once, and how many in a second.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::exchange::error::{Kind, RegistryError};
use crate::exchange::request::{Expected, Request};
use crate::exchange::response::Response;
use crate::exchange::transport::Transport;

/// How requests are sent to each registry.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many requests are under way at once. Blobs that are read count apart, and so do blobs that are written, for each
    /// registry that they come from.
    pub at_once: usize,
    /// How many requests are sent in a second; `None` for any number.
    pub per_second: Option<u32>,
    /// How often a request is sent again that failed for a reason that may pass.
    pub retries: usize,
}

/// Keeps the limits of one registry.
pub(crate) struct Limited<T> {
    inner: T,
    requests: Arc<Semaphore>,
    /// Reading a blob waits for nothing but the network. If it took a permit that writing it waits for, readers could have
    /// all of them.
    downloads: Arc<Semaphore>,
    /// A blob is written as fast as another registry sends it. By that registry, so that a slow one only keeps its own.
    uploads: std::sync::Mutex<HashMap<String, Arc<Semaphore>>>,
    /// A request may need a token first.
    tokens: Arc<Semaphore>,
    at_once: usize,
    pace: Option<Mutex<Interval>>,
}

impl<T: Transport> Limited<T> {
    pub(crate) fn new(inner: T, limits: Limits) -> Self {
        let pace = limits.per_second.map(|per_second| {
            let mut pace = interval(Duration::from_secs(1) / per_second.max(1));
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            Mutex::new(pace)
        });
        let at_once = limits.at_once.max(1);
        let permits = || Arc::new(Semaphore::new(at_once));
        let (requests, downloads, tokens) = (permits(), permits(), permits());
        Self { inner, requests, downloads, uploads: std::sync::Mutex::default(), tokens, at_once, pace }
    }

    fn permits(&self, request: &Request) -> Arc<Semaphore> {
        match (&request.access, &request.source, request.expected) {
            (None, ..) => Arc::clone(&self.tokens),
            (Some(_), Some(source), _) => {
                let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
                let permits = uploads.entry(source.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.at_once)));
                Arc::clone(permits)
            }
            (Some(_), None, Expected::Blob) => Arc::clone(&self.downloads),
            (Some(_), None, Expected::Headers | Expected::Document) => Arc::clone(&self.requests),
        }
    }
}

impl<T: Transport> Transport for Limited<T> {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, RegistryError>> {
        Box::pin(async move {
            let Ok(permit) = self.permits(&request).acquire_owned().await else {
                return Err(request.line().failed(Kind::NoAnswer("nothing is sent any more".to_owned())));
            };
            if let Some(pace) = &self.pace {
                pace.lock().await.tick().await;
            }
            Ok(self.inner.send(request).await?.keeping(permit))
        })
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::exchange::access::Access;
    use crate::scripted::{Scripted, Step, answer};

    fn request(expected: Expected) -> Request {
        let url = "https://registry.example/v2/app/blobs/x".parse().unwrap();
        Request::new(Method::GET, url, Some(Access::pull("app")), expected)
    }

    fn limited(steps: impl IntoIterator<Item = Step>, per_second: Option<u32>) -> Limited<Scripted> {
        Limited::new(Scripted::new(steps), Limits { at_once: 1, per_second, retries: 0 })
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_until_another_one_has_ended() {
        let registry = limited([Step::Hang, answer(200, ""), answer(200, "")], None);
        {
            let mut hanging = registry.send(request(Expected::Headers));
            assert!(timeout(Duration::from_secs(1), &mut hanging).await.is_err());
            assert!(timeout(Duration::from_secs(1), registry.send(request(Expected::Headers))).await.is_err());
            // Blobs that are read count apart.
            assert!(timeout(Duration::from_secs(1), registry.send(request(Expected::Blob))).await.is_ok());
        }
        assert!(timeout(Duration::from_secs(1), registry.send(request(Expected::Headers))).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_source_only_keeps_its_own_uploads() {
        let registry = limited([Step::Hang, answer(201, ""), answer(200, "")], None);
        let upload = |source: &str| request(Expected::Headers).fed_by(source);
        let mut hanging = registry.send(upload("slow.example"));
        assert!(timeout(Duration::from_secs(1), &mut hanging).await.is_err());
        assert!(timeout(Duration::from_secs(1), registry.send(upload("slow.example"))).await.is_err());
        assert!(timeout(Duration::from_secs(1), registry.send(upload("other.example"))).await.is_ok());
        assert!(timeout(Duration::from_secs(1), registry.send(request(Expected::Headers))).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_counts_until_it_was_read() {
        let registry = limited([answer(200, ""), answer(200, "")], None);
        let first = registry.send(request(Expected::Blob)).await.unwrap();
        assert!(timeout(Duration::from_secs(1), registry.send(request(Expected::Blob))).await.is_err());
        drop(first);
        assert!(timeout(Duration::from_secs(1), registry.send(request(Expected::Blob))).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_spread_over_a_second() {
        let registry = limited((0..5).map(|_| answer(200, "")), Some(4));
        let start = Instant::now();
        for _ in 0..5 {
            registry.send(request(Expected::Headers)).await.unwrap();
        }
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    }
}
