//! The declaration that counts: the last one that has been unchanged for a while.

use std::time::Duration;

use local_registry_declaration::Data;
use tokio::time::{Instant, sleep_until};

use crate::follow::followed::{Followed, Lost, News, Seen};
use crate::follow::reconcile::Due;

/// How many times the time to settle may pass before a declaration counts that changes again and again.
const SETTLES: u32 = 6;

/// The declaration that is followed, and the one that counts.
///
/// ```no_run
/// # async fn run() -> Result<(), kube::Error> {
/// use std::time::Duration;
/// use local_registry_cluster::Cluster;
///
/// let cluster = Cluster::new(kube::Client::try_default().await?);
/// let mut declaration = cluster.follow_declaration(Duration::from_secs(10));
/// let due = declaration.news().await;
/// println!("{due:?}: {:?}", declaration.counts());
/// # Ok(())
/// # }
/// ```
pub struct SettledDeclaration {
    config_map: Followed<Data>,
    settling: Settling,
    settle: Duration,
}

impl SettledDeclaration {
    /// Lets the first declaration count at once, and each later one when it has been unchanged for `settle`.
    pub(crate) fn new(config_map: Followed<Data>, settle: Duration) -> Self {
        Self { config_map, settling: Settling::default(), settle }
    }

    /// Waits for news of the ConfigMap, or until another declaration counts, and says when to look. Dropping the future loses nothing.
    pub async fn news(&mut self) -> Due {
        let news = tokio::select! {
            news = self.config_map.news() => news,
            () = self.settling.settled() => return self.on_settled(),
        };
        match news {
            News::First => self.on_settled(),
            News::Changed => {
                self.settling.wait(self.settle);
                Due::Unchanged
            }
            News::Same | News::Lost => Due::Unchanged,
        }
    }

    fn on_settled(&mut self) -> Due {
        if self.settling.set(self.config_map.seen()) { Due::Now } else { Due::Unchanged }
    }

    /// The declaration that counts.
    #[must_use]
    pub fn counts(&self) -> &Seen<Data> {
        &self.settling.counts
    }

    /// Since when the ConfigMap cannot be read, and why.
    #[must_use]
    pub fn lost(&self) -> Option<&Lost> {
        self.config_map.lost()
    }
}

/// The declaration that counts, and when the one that was seen last will.
#[derive(Debug)]
struct Settling {
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
    /// Takes in that the declaration has changed. It counts after `settle`, unless it changes again.
    fn wait(&mut self, settle: Duration) {
        let now = Instant::now();
        let since = self.waiting.map_or(now, |(since, _)| since);
        self.waiting = Some((since, (now + settle).min(since + settle.saturating_mul(SETTLES))));
    }

    /// Waits until another declaration counts; forever if none waits.
    fn settled(&self) -> impl Future<Output = ()> + use<> {
        let until = self.waiting.map(|(_, until)| until);
        async move {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Lets this declaration count, and says whether another one did.
    fn set(&mut self, seen: &Seen<Data>) -> bool {
        self.waiting = None;
        let is_new = self.counts != *seen;
        self.counts = seen.clone();
        is_new
    }
}
