//! What time it is.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// A clock that moves on as the runtime's does, which no correction of the machine's clock turns back.
///
/// ```no_run
/// use local_registry_tenants::credentials::Clock;
///
/// let clock = Clock::start();
/// let before = clock.now();
/// assert!(before <= clock.now());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Timestamp,
    since: Instant,
}

impl Clock {
    /// A clock that shows the machine's time now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Timestamp::now(), since: Instant::now() }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.start.checked_add(self.since.elapsed()).unwrap_or(Timestamp::MAX)
    }

    /// When the runtime's clock will be there, which is now for what is over.
    pub(super) fn instant(&self, time: Timestamp) -> Instant {
        let left = Duration::try_from(time.duration_since(self.now())).unwrap_or_default();
        let now = Instant::now();
        now.checked_add(left).unwrap_or(now)
    }
}
