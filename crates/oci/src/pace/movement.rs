//! Whether an upload still moves. Its target may take each piece as slowly as the source sends them, but not stop.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::stream::{Stream, StreamExt, poll_fn};
use tokio::time::{Instant, sleep_until};

use super::rate::WINDOW;

/// How many times as long as it may say nothing a registry may take to answer after the last piece: it may read all of the
/// blob once more before.
const AT_THE_END: u32 = 5;

/// When an upload moved last.
#[derive(Clone)]
pub(crate) struct Movement(Arc<Mutex<State>>);

struct State {
    last: Instant,
    is_sent: bool,
}

impl Movement {
    pub(crate) fn start() -> Self {
        Self(Arc::new(Mutex::new(State { last: Instant::now(), is_sent: false })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same pieces. Each that is taken is a movement.
    pub(crate) fn watch<T>(
        self,
        mut pieces: impl Stream<Item = T> + Send + Unpin + 'static,
    ) -> impl Stream<Item = T> + Send + 'static {
        poll_fn(move |context| {
            let piece = pieces.poll_next_unpin(context);
            if let Poll::Ready(piece) = &piece {
                *self.state() = State { last: Instant::now(), is_sent: piece.is_none() };
            }
            piece
        })
    }

    /// Waits until the upload has stopped. The source is waited for as long as its rate allows that.
    pub(crate) async fn stop(&self, timeout: Duration) {
        loop {
            let until = {
                let state = self.state();
                state.last + if state.is_sent { timeout * AT_THE_END } else { timeout + WINDOW }
            };
            if Instant::now() >= until {
                return;
            }
            sleep_until(until).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tokio::time::sleep;

    use super::*;

    const TIMEOUT: Duration = Duration::from_mins(2);

    #[tokio::test(start_paused = true)]
    async fn an_upload_may_take_hours_as_long_as_it_moves() {
        let movement = Movement::start();
        let mut pieces = movement.clone().watch(stream::iter(0..100));
        let upload = async {
            while pieces.next().await.is_some() {
                sleep(Duration::from_secs(119)).await;
            }
            // Now the registry reads the blob.
            sleep(Duration::from_secs(599)).await;
        };
        tokio::select! {
            () = upload => {}
            () = movement.stop(TIMEOUT) => panic!("it moved"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_stops_has_an_end() {
        let start = Instant::now();
        let movement = Movement::start();
        let mut pieces = movement.clone().watch(stream::iter(0..100));
        pieces.next().await;
        movement.stop(TIMEOUT).await;
        assert_eq!(start.elapsed(), TIMEOUT + WINDOW);
    }
}
