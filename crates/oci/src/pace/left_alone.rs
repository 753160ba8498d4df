//! The layer that leaves a registry alone while it wants that (`Retry-After`): all requests to it, and once for all of them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep_until};

use crate::exchange::error::RegistryError;
use crate::exchange::request::Request;
use crate::exchange::response::Response;
use crate::exchange::transport::Transport;

/// How long a registry is waited for in all, as long as the program runs. Registries that count requests ask for seconds, or
/// for a minute; one that asks for more is asked by a later run.
pub(crate) const LONGEST: Duration = Duration::from_mins(5);

/// Sends nothing while the registry wants to be left alone.
pub(crate) struct LeftAlone<T> {
    inner: T,
    state: Mutex<State>,
}

struct State {
    /// Until when, and since when that is known.
    pause: Option<Pause>,
    /// How much longer the registry may ask to be left alone.
    left: Duration,
}

#[derive(Clone, Copy)]
struct Pause {
    since: Instant,
    until: Instant,
}

impl<T: Transport> LeftAlone<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self { inner, state: Mutex::new(State { pause: None, left: LONGEST }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until requests may be sent. They may have to wait longer by then.
    async fn wait(&self) {
        loop {
            let pause = self.state().pause;
            match pause {
                Some(pause) if pause.until > Instant::now() => sleep_until(pause.until).await,
                _ => return,
            }
        }
    }
}

impl State {
    /// Keeps what an answer asks for to a request that was sent then. An error that stays one if that would take too long.
    fn keep(&mut self, error: RegistryError, sent: Instant) -> RegistryError {
        let Some(wanted) = error.retry_after() else { return error };
        // The registry could not know yet that it is left alone.
        if self.pause.is_some_and(|pause| pause.since >= sent) {
            return error;
        }
        let now = Instant::now();
        match self.left.checked_sub(wanted) {
            Some(left) => {
                self.left = left;
                self.pause = Some(Pause { since: now, until: now + wanted });
                error
            }
            None => error.too_long_alone(LONGEST),
        }
    }
}

impl<T: Transport> Transport for LeftAlone<T> {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, RegistryError>> {
        Box::pin(async move {
            self.wait().await;
            let sent = Instant::now();
            self.inner.send(request).await.map_err(|error| self.state().keep(error, sent))
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use http::Method;

    use super::*;
    use crate::exchange::answers::Answers;
    use crate::exchange::request::Expected;
    use crate::pace::backoff::Backoff;
    use crate::pace::health::Health;
    use crate::pace::retry::Retry;
    use crate::scripted::{Scripted, Step, answer};

    fn busy(seconds: &str) -> Step {
        let words = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow"}]}"#;
        Step::Answer(429, vec![("retry-after", seconds.to_owned())], vec![Ok(words)])
    }

    /// Sends so many requests at once, and returns what became of each, how long all took, and how many requests there were.
    async fn sent(count: usize, steps: impl IntoIterator<Item = Step>) -> (Vec<Result<u16, String>>, Duration, usize) {
        let registry = Scripted::new(steps);
        let layers = LeftAlone::new(Answers::new(registry.clone()));
        let layers = Retry::new(layers, Backoff { retries: 5 }, Health::default().into());
        let start = Instant::now();
        let found = join_all((0..count).map(async |_| {
            let url = "https://registry.example/v2/app/manifests/v1".parse().unwrap();
            let answer = layers.send(Request::new(Method::GET, url, None, Expected::Document)).await;
            answer.map(|response| response.status.as_u16()).map_err(|error| error.to_string())
        }))
        .await;
        (found, start.elapsed(), registry.asked().len())
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_is_left_alone_once_for_all_requests() {
        let busy = (0..16).map(|_| busy("90"));
        let (found, took, asked) = sent(16, busy.chain((0..16).map(|_| answer(200, "{}")))).await;
        assert_eq!((found, took, asked), (vec![Ok(200); 16], Duration::from_secs(90), 32));
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_may_ask_for_minutes_in_all() {
        let (found, took, asked) = sent(1, [busy("200"), busy("100"), busy("1")]).await;
        let expected = "GET https://registry.example/v2/app/manifests/v1: answered 429 Too Many Requests \
(`TOOMANYREQUESTS: slow`); it asks to be left alone for 1 s more, and is waited for 300 s in all at most";
        assert_eq!((found, took, asked), (vec![Err(expected.to_owned())], Duration::from_mins(5), 3));
        // Nobody waits for a day, nor for a part of it.
        let (_, took, asked) = sent(1, [busy("86400")]).await;
        assert_eq!((took, asked), (Duration::ZERO, 1));
    }
}
