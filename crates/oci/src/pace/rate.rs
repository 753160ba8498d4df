//! How slowly a registry may send a blob.
//!
//! Only the time counts in which it is waited for: a target that is slow to take a blob is not the fault of its source.

use std::time::Duration;

use crate::exchange::error::Kind;

/// The time over which a rate is an average. A registry may pause for as long, while it fetches a blob from elsewhere, say.
pub(crate) const WINDOW: Duration = Duration::from_mins(1);
/// How many bytes have to come in each second of that time. A line of 1 MB/s has more than this for each of 64 blobs at once.
const LOWEST: u64 = 8 << 10;
/// How long any blob may take, and for how many bytes it may take a second more. So 10 GiB may take 45 hours, and a blob that
/// only claims to be large has an end, too.
const LONGEST: Duration = Duration::from_mins(10);
const LOWEST_AVERAGE: u64 = 64 << 10;

/// The rate of one blob.
#[derive(Debug)]
pub(crate) struct Rate {
    /// In this window.
    waited: Duration,
    came: u64,
    /// Until the end of the whole blob.
    left: Duration,
}

impl Rate {
    /// For a blob of this size.
    pub(crate) fn new(size: u64) -> Self {
        Self { waited: Duration::ZERO, came: 0, left: LONGEST + Duration::from_secs(size / LOWEST_AVERAGE) }
    }

    /// How long the next piece may be waited for, before the rate is looked at.
    pub(crate) fn patience(&self) -> Duration {
        WINDOW.saturating_sub(self.waited).min(self.left)
    }

    /// Counts bytes that came, and how long they were waited for.
    ///
    /// # Errors
    /// If that was too slow.
    pub(crate) fn add(&mut self, waited: Duration, bytes: u64) -> Result<(), Kind> {
        self.waited += waited;
        self.came += bytes;
        self.left = self.left.saturating_sub(waited);
        if self.left.is_zero() {
            return Err(Kind::TooSlow("the blob is too slow for its size".to_owned()));
        }
        if self.waited < WINDOW {
            return Ok(());
        }
        let seconds = WINDOW.as_secs();
        if self.came < LOWEST * seconds {
            let came = self.came;
            return Err(Kind::TooSlow(format!(
                "the blob is too slow: {came} bytes came in {seconds} s, and {LOWEST} a second are the least"
            )));
        }
        (self.waited, self.came) = (Duration::ZERO, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a blob took that came in pieces of this length, each after a time, and whether it was whole.
    fn read(size: u64, piece: u64, pause: Duration) -> (Duration, bool) {
        let (mut rate, mut took, mut came) = (Rate::new(size), Duration::ZERO, 0);
        while came < size {
            let waited = pause.min(rate.patience());
            let bytes = if waited == pause { piece } else { 0 };
            took += waited;
            came += bytes;
            if rate.add(waited, bytes).is_err() {
                return (took, false);
            }
        }
        (took, true)
    }

    #[test]
    fn a_drip_ends_within_a_minute_and_a_slow_line_is_fine() {
        assert_eq!(read(100, 1, Duration::from_secs(30)), (WINDOW, false));
        assert_eq!(read(100, 1, Duration::from_hours(1)), (WINDOW, false));
        let slow = read(10 << 30, 1 << 20, Duration::from_secs(1));
        assert_eq!(slow, (Duration::from_secs(10 << 10), true));
        // The same line for sixteen blobs at once.
        assert!(read(10 << 30, 1 << 16, Duration::from_secs(1)).1);
    }

    #[test]
    fn a_blob_that_is_only_just_fast_enough_has_an_end() {
        let (took, is_whole) = read(1 << 30, 10 << 10, Duration::from_secs(1));
        assert_eq!((took, is_whole), (LONGEST + Duration::from_secs((1 << 30) / LOWEST_AVERAGE), false));
    }
}
