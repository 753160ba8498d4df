//! How often, and how long after a failure, something is tried again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::sleep;

use crate::exchange::error::RegistryError;

/// The first pause. Each further one is twice as long.
const FIRST: Duration = Duration::from_millis(200);
/// The longest pause. A longer one that the registry asks for is kept where its requests are sent.
const LONGEST: Duration = Duration::from_secs(20);
/// How often something is tried again that was too slow. Each time takes minutes, and the next one is rarely faster.
const SLOW_RETRIES: usize = 1;

/// Exponential back-off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    /// How often something is tried again.
    pub(crate) retries: usize,
}

/// The pauses that are left of one back-off.
pub(crate) struct Pauses {
    left: ExponentialBackoff,
    /// How often it may still be too slow.
    slow: usize,
}

impl Backoff {
    /// Begins a back-off.
    pub(crate) fn start(self) -> Pauses {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST)
            .with_max_delay(LONGEST)
            .with_jitter()
            .with_max_times(self.retries);
        Pauses { left: pauses.build(), slow: SLOW_RETRIES }
    }
}

impl Pauses {
    /// Waits after a failure, so that its cause may pass.
    ///
    /// # Errors
    /// The failure itself, if its cause does not pass, or if it was tried often enough.
    pub(crate) async fn after(&mut self, error: RegistryError) -> Result<(), RegistryError> {
        if !error.is_transient() {
            return Err(error);
        }
        if error.is_too_slow() {
            let Some(left) = self.slow.checked_sub(1) else { return Err(error) };
            self.slow = left;
        }
        let Some(pause) = self.left.next() else { return Err(error) };
        sleep(pause).await;
        Ok(())
    }
}
