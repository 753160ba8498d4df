//! Pauses between attempts.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// The shortest and the longest pause, as kube has them.
const SHORTEST: Duration = Duration::from_millis(800);
const LONGEST: Duration = Duration::from_secs(30);

/// Pauses that grow with each failure, from 0.8 to 30 seconds, and up to twice that at random: a thousand nodes do not come
/// back at once.
#[derive(Debug)]
pub(crate) struct Backoff(ExponentialBackoff);

impl Default for Backoff {
    fn default() -> Self {
        let pauses = ExponentialBuilder::default().with_min_delay(SHORTEST).with_max_delay(LONGEST);
        Self(pauses.with_jitter().without_max_times().build())
    }
}

impl Backoff {
    /// How long to wait after one more failure.
    pub(crate) fn pause(&mut self) -> Duration {
        self.0.next().unwrap_or(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_programs_pause_alike() {
        let pauses = || {
            let mut backoff = Backoff::default();
            (0..8).map(|_| backoff.pause()).collect::<Vec<_>>()
        };
        let (one, other) = (pauses(), pauses());
        assert_ne!(one, other);
        assert!(one.iter().all(|pause| (SHORTEST..=2 * LONGEST).contains(pause)), "{one:?}");
    }
}
