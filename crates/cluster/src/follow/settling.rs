//! The declaration that counts: the last one that has been unchanged for a while.

use std::time::Duration;

use local_registry_declaration::Data;
use tokio::time::{Instant, sleep_until};

use crate::follow::followed::Seen;

/// How many times the time to settle may pass before a declaration counts that changes again and again.
const SETTLES: u32 = 6;

/// The declaration that counts, and when the one that was seen last will.
///
/// ```
/// use local_registry_cluster::follow::{Seen, Settling};
///
/// let mut declaration = Settling::default();
/// assert_eq!(declaration.counts(), &Seen::NotYet);
/// assert!(declaration.set(&Seen::Absent) && !declaration.set(&Seen::Absent));
/// ```
#[derive(Debug)]
pub struct Settling {
    counts: Seen<Data>,
    /// Since when another one waits, and until when.
    waiting: Option<(Instant, Instant)>,
}

impl Default for Settling {
    /// Nothing counts before the first one was seen.
    fn default() -> Self {
        Self { counts: Seen::NotYet, waiting: None }
    }
}

impl Settling {
    /// The declaration that counts.
    #[must_use]
    pub fn counts(&self) -> &Seen<Data> {
        &self.counts
    }

    /// Takes in that the declaration has changed. It counts after `settle`, unless it changes again.
    pub fn wait(&mut self, settle: Duration) {
        let now = Instant::now();
        let since = self.waiting.map_or(now, |(since, _)| since);
        self.waiting = Some((since, (now + settle).min(since + settle.saturating_mul(SETTLES))));
    }

    /// Waits until another declaration counts; forever if none waits.
    pub fn settled(&self) -> impl Future<Output = ()> + use<> {
        let until = self.waiting.map(|(_, until)| until);
        async move {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Lets this declaration count, and says whether another one did.
    pub fn set(&mut self, seen: &Seen<Data>) -> bool {
        self.waiting = None;
        let is_new = self.counts != *seen;
        self.counts = seen.clone();
        is_new
    }
}
