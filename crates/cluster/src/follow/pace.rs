//! How many calls to the API server begin in a second.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How many calls to the API server begin in a second. Whoever has a copy of it waits for the same turns.
///
/// ```
/// use std::num::NonZeroU32;
/// use local_registry_cluster::follow::Pace;
///
/// # async fn run() {
/// let pace = Pace::per_second(NonZeroU32::MIN);
/// pace.turn().await;
/// // A second later:
/// pace.clone().turn().await;
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Pace {
    gap: Duration,
    next: Arc<Mutex<Option<Instant>>>,
}

impl Pace {
    /// So many calls a second, evenly.
    #[must_use]
    pub fn per_second(calls: NonZeroU32) -> Self {
        Self { gap: Duration::from_secs(1) / calls.get(), next: Arc::default() }
    }

    /// Waits for the next turn.
    pub async fn turn(&self) {
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let turn = next.map_or(now, |next| next.max(now));
            *next = Some(turn + self.gap);
            turn
        };
        sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_evenly_apart_and_none_is_saved_up() {
        let (pace, start) = (Pace::per_second(NonZeroU32::new(100).unwrap()), Instant::now());
        for _ in 0..=100 {
            pace.clone().turn().await;
        }
        assert_eq!(start.elapsed().as_secs(), 1);
        tokio::time::sleep(Duration::from_mins(1)).await;
        let start = Instant::now();
        for _ in 0..=50 {
            pace.turn().await;
        }
        assert_eq!(start.elapsed().as_millis(), 500);
    }
}
