//! The layer that sends a request again that failed for a reason that may pass, unless the registry is given up.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::backoff::Backoff;
use super::health::Health;
use crate::exchange::error::RegistryError;
use crate::exchange::request::Request;
use crate::exchange::response::Response;
use crate::exchange::transport::Transport;

/// Sends again by the transport below. A request whose body is a stream is sent once, and so is one that is a part of more, such
/// as an upload: whoever sends that begins it anew.
pub(crate) struct Retry<T> {
    inner: T,
    backoff: Backoff,
    health: Arc<Health>,
}

impl<T: Transport> Retry<T> {
    pub(crate) fn new(inner: T, backoff: Backoff, health: Arc<Health>) -> Self {
        Self { inner, backoff, health }
    }

    /// Sends once, unless the registry is given up.
    async fn attempt(&self, request: Request) -> Result<Response, RegistryError> {
        self.health.check(&request.line())?;
        let response = self.inner.send(request).await?;
        self.health.answered();
        Ok(response)
    }
}

impl<T: Transport> Transport for Retry<T> {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, RegistryError>> {
        Box::pin(async move {
            if request.is_part_of_more {
                return self.attempt(request).await;
            }
            let mut pauses = self.backoff.start();
            loop {
                let Some(attempt) = request.try_clone() else { return self.attempt(request).await };
                match self.attempt(attempt).await {
                    Ok(response) => return Ok(response),
                    Err(error) => pauses.after(error).await.inspect_err(|error| self.health.failed(error))?,
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::stream::{self, StreamExt};
    use http::Method;
    use tokio::time::Instant;

    use super::*;
    use crate::exchange::answers::Answers;
    use crate::exchange::request::{Body, Expected};
    use crate::scripted::{Scripted, Step, answer};

    fn request() -> Request {
        let url = "https://registry.example/v2/app/manifests/v1".parse().unwrap();
        Request::new(Method::GET, url, None, Expected::Document)
    }

    /// Sends by this script, and returns the document or the error, and how long it took.
    async fn sent(
        steps: impl IntoIterator<Item = Step>,
        request: Request,
    ) -> (Result<String, String>, Duration, usize) {
        let registry = Scripted::new(steps);
        let retry = Retry::new(Answers::new(registry.clone()), Backoff { retries: 2 }, Arc::default());
        let start = Instant::now();
        let found = match retry.send(request).await {
            Ok(mut response) => Ok(String::from_utf8(response.document().await.unwrap().to_vec()).unwrap()),
            Err(error) => Err(error.to_string()),
        };
        (found, start.elapsed(), registry.asked().len())
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_sent_again() {
        let cut_off = Step::Answer(200, vec![], vec![Ok("{"), Err("the connection was reset")]);
        let (found, took, asked) =
            sent([answer(503, "<html>busy</html>"), cut_off, answer(200, "{}")], request()).await;
        assert_eq!((found.as_deref(), asked), (Ok("{}"), 3));
        // Two pauses, of which each has some jitter.
        assert!(took >= Duration::from_millis(600) && took < Duration::from_millis(1200), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_failure_is_the_answer() {
        let (found, _, asked) = sent([Step::Close, Step::Close, answer(500, "")], request()).await;
        let expected = "GET https://registry.example/v2/app/manifests/v1: answered 500 Internal Server Error";
        assert_eq!((found.unwrap_err().as_str(), asked), (expected, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_is_not_sent_again() {
        let (found, took, asked) = sent([answer(404, "page not found")], request()).await;
        assert_eq!((found.as_deref(), took, asked), (Ok("page not found"), Duration::ZERO, 1));
        let pieces = stream::iter([Ok("bytes".into())]).boxed();
        let (found, took, asked) = sent([Step::Close], request().body(Body::Stream(pieces))).await;
        let expected = "GET https://registry.example/v2/app/manifests/v1: closed";
        assert_eq!((found.unwrap_err().as_str(), took, asked), (expected, Duration::ZERO, 1));
    }
    #[tokio::test(start_paused = true)]
    async fn what_was_too_slow_is_sent_once_more() {
        let (found, took, asked) = sent([Step::Drip, Step::Drip], request()).await;
        let error = found.unwrap_err();
        assert!(error.ends_with("/v1: the document did not come within 60 s"), "{error}");
        assert_eq!((took.as_secs(), asked), (120, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_is_away_is_given_up() {
        let registry = Scripted::new((0..8).map(|_| Step::Close));
        let retry = Retry::new(Answers::new(registry.clone()), Backoff { retries: 0 }, Arc::default());
        for _ in 0..8 {
            assert!(retry.send(request()).await.is_err());
        }
        let error = retry.send(request()).await.err().unwrap().to_string();
        assert!(
            error.ends_with(": not asked any more, since 8 requests in a row failed; the last time: closed"),
            "{error}"
        );
        assert_eq!(registry.asked().len(), 8);
    }
}
