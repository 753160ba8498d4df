//! The time of a run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a thread that waits looks whether the run has ended.
const STEP: Duration = Duration::from_millis(100);

/// Counts the seconds of a run, and knows whether it has ended before its time.
pub(crate) struct Clock {
    start: Instant,
    has_ended: AtomicBool,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), has_ended: AtomicBool::new(false) }
    }

    /// The second of the run.
    pub(crate) fn now(&self) -> u64 {
        self.start.elapsed().as_secs()
    }

    /// Waits until this second. Returns false if the run ends before.
    pub(crate) fn wait_until(&self, second: u64) -> bool {
        while !self.has_ended.load(Ordering::Relaxed) {
            let left = Duration::from_secs(second).saturating_sub(self.start.elapsed());
            if left.is_zero() {
                return true;
            }
            std::thread::sleep(left.min(STEP));
        }
        false
    }

    /// Ends the run for every thread.
    pub(crate) fn end(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
    }
}

/// Ends the run when it is dropped, so that no thread goes on after another one has panicked.
pub(crate) struct EndsRun<'a>(pub(crate) &'a Clock);

impl Drop for EndsRun<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
