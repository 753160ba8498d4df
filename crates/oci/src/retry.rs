//! The layer that sends a request again that failed for a reason that may pass.

use futures_util::future::BoxFuture;

use crate::backoff::Backoff;
use crate::error::RegistryError;
use crate::request::Request;
use crate::response::Response;
use crate::transport::Transport;

/// Sends again by the transport below. A request whose body is a stream is sent once, and so is one that is a part of more, such
/// as an upload: whoever sends that begins it anew.
pub(crate) struct Retry<T> {
    inner: T,
    backoff: Backoff,
}

impl<T: Transport> Retry<T> {
    pub(crate) fn new(inner: T, backoff: Backoff) -> Self {
        Self { inner, backoff }
    }
}

impl<T: Transport> Transport for Retry<T> {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, RegistryError>> {
        Box::pin(async move {
            if request.is_part_of_more {
                return self.inner.send(request).await;
            }
            let mut pauses = self.backoff.start();
            loop {
                let Some(attempt) = request.try_clone() else { return self.inner.send(request).await };
                match self.inner.send(attempt).await {
                    Ok(response) => return Ok(response),
                    Err(error) => pauses.after(error).await?,
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
    use crate::answers::Answers;
    use crate::request::{Body, Expected};
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
        let retry = Retry::new(Answers::new(registry.clone()), Backoff { retries: 2 });
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
    async fn a_registry_says_how_long_it_wants_to_be_left_alone() {
        let busy = |seconds: &str| Step::Answer(429, vec![("retry-after", seconds.to_owned())], vec![]);
        let (found, took, _) = sent([busy("90"), answer(200, "{}")], request()).await;
        assert_eq!((found.as_deref(), took), (Ok("{}"), Duration::from_secs(90)));
        // But nobody waits for a day.
        let (found, took, _) = sent([busy("86400"), answer(200, "{}")], request()).await;
        assert_eq!((found.as_deref(), took), (Ok("{}"), Duration::from_mins(5)));
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
}
