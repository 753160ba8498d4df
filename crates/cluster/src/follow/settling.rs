//! The declaration that counts: the last one that has been unchanged for a while.

use std::time::Duration;

use local_registry_cluster::follow::Seen;
use local_registry_declaration::Data;
use tokio::time::{Instant, sleep_until};

/// How many times the time to settle may pass before a declaration counts that changes again and again.
const SETTLES: u32 = 6;

/// The declaration that counts, and when the one that was seen last will.
#[derive(Debug)]
pub(super) struct Settling {
    pub(super) counts: Seen<Data>,
    /// Since when another one waits, and until when.
    waiting: Option<(Instant, Instant)>,
}

impl Settling {
    /// Nothing counts before the first one was seen.
    pub(super) fn new() -> Self {
        Self { counts: Seen::NotYet, waiting: None }
    }

    /// Takes in that the declaration has changed. It counts after `settle`, unless it changes again.
    pub(super) fn wait(&mut self, settle: Duration) {
        let now = Instant::now();
        let since = self.waiting.map_or(now, |(since, _)| since);
        self.waiting = Some((since, (now + settle).min(since + settle.saturating_mul(SETTLES))));
    }

    /// Waits until another declaration counts; forever if none waits.
    pub(super) fn settled(&self) -> impl Future<Output = ()> + use<> {
        let until = self.waiting.map(|(_, until)| until);
        async move {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Lets this declaration count, and says whether another one did.
    pub(super) fn set(&mut self, seen: &Seen<Data>) -> bool {
        self.waiting = None;
        let is_new = self.counts != *seen;
        self.counts = seen.clone();
        is_new
    }
}
