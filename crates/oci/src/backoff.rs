//! How often, and how long after a failure, something is tried again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::sleep;

use crate::error::RegistryError;

/// The first pause. Each further one is twice as long.
const FIRST: Duration = Duration::from_millis(200);
/// The longest pause, unless the registry asks for another one.
const LONGEST: Duration = Duration::from_secs(20);
/// The longest pause that a registry may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(5);

/// Exponential back-off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    /// How often something is tried again.
    pub(crate) retries: usize,
}

/// The pauses that are left of one back-off.
pub(crate) struct Pauses(ExponentialBackoff);

impl Backoff {
    /// Begins a back-off.
    pub(crate) fn start(self) -> Pauses {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST)
            .with_max_delay(LONGEST)
            .with_jitter()
            .with_max_times(self.retries);
        Pauses(pauses.build())
    }
}

impl Pauses {
    /// Waits after a failure, so that its cause may pass, and as long as the registry wants.
    ///
    /// # Errors
    /// The failure itself, if its cause does not pass, or if it was tried often enough.
    pub(crate) async fn after(&mut self, error: RegistryError) -> Result<(), RegistryError> {
        if !error.is_transient() {
            return Err(error);
        }
        let Some(pause) = self.0.next() else { return Err(error) };
        let wanted = error.retry_after().unwrap_or_default().min(LONGEST_RETRY_AFTER);
        sleep(pause.max(wanted)).await;
        Ok(())
    }
}
