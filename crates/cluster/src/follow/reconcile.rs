//! The loop of every program that keeps something in line with the cluster: the policies' settings, or a node's files.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::follow::backoff::Backoff;

/// What is kept in line with what is followed.
pub trait Reconciler {
    /// Why the loop ends.
    type End;

    /// Waits for news of what is followed, and says when to reconcile because of them. Dropping the future must lose nothing.
    fn news(&mut self) -> impl Future<Output = Due>;

    /// Since when something that is followed cannot be read.
    fn lost_since(&self) -> Option<Instant>;

    /// Brings what is kept in line with what was last seen, and reports.
    ///
    /// # Errors
    /// Why the loop ends.
    fn reconcile(&mut self, view: View) -> impl Future<Output = Result<Outcome, Self::End>>;
}

/// When to reconcile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// At once.
    Now,
    /// After so long, if nothing else comes before.
    After(Duration),
    /// When it is due anyway.
    Unchanged,
}

/// What the last view of the cluster is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// It counts.
    Current,
    /// Something has been unreadable for longer than a resync: what is declared is unknown.
    Stale,
}

/// What came of reconciling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It can rest until news, or the next resync.
    Done,
    /// Something failed that may succeed soon.
    Retry,
}

/// Reconciles after news, after failures with a back-off, and at every resync. While something cannot be read for longer than
/// a resync, it reconciles a stale view at every resync instead.
///
/// Returns why the reconciler ended the loop.
pub async fn reconcile_forever<R: Reconciler>(reconciler: R, resync: Duration) -> R::End {
    let mut running = Loop {
        reconciler,
        resync,
        due: None,
        next_resync: after(resync),
        unsettled: None,
        stale: None,
        backoff: Backoff::default(),
    };
    loop {
        if let Err(end) = running.step().await {
            return end;
        }
    }
}

/// How many times the time to settle may pass before a change counts that is not settled yet.
const SETTLES: u32 = 6;

struct Loop<R> {
    reconciler: R,
    resync: Duration,
    due: Option<Instant>,
    next_resync: Instant,
    /// Since when changes wait to settle.
    unsettled: Option<Instant>,
    /// Whether the view is stale: when it was last reconciled as such.
    stale: Option<Instant>,
    backoff: Backoff,
}

enum Event {
    News(Due),
    Due,
    Resync,
    Stale,
}

impl<R: Reconciler> Loop<R> {
    async fn step(&mut self) -> Result<(), R::End> {
        let (stale, due, next_resync) = (self.stale_at(), self.due, self.next_resync);
        let event = tokio::select! {
            due = self.reconciler.news() => Event::News(due),
            () = reached(stale) => Event::Stale,
            () = sleep_until(next_resync) => Event::Resync,
            () = reached(due) => Event::Due,
        };
        match event {
            Event::News(due) => self.on_news(due),
            Event::Resync => self.on_resync(),
            Event::Stale => self.on_stale().await?,
            Event::Due => self.on_due().await?,
        }
        Ok(())
    }

    fn on_news(&mut self, due: Due) {
        let is_readable_again = self.stale.is_some() && self.reconciler.lost_since().is_none();
        if is_readable_again {
            self.stale = None;
            self.due = self.due.or_else(|| Some(Instant::now()));
        }
        let due = match due {
            Due::Now => Instant::now(),
            Due::After(duration) => self.settled_at(duration),
            Due::Unchanged => return,
        };
        self.due = Some(due);
        self.backoff = Backoff::default();
    }

    /// When a change is settled. What changes again and again waits no longer than a few times as long as what changes once.
    fn settled_at(&mut self, duration: Duration) -> Instant {
        let since = *self.unsettled.get_or_insert_with(Instant::now);
        after(duration).min(later(since, duration.saturating_mul(SETTLES)))
    }

    fn on_resync(&mut self) {
        self.next_resync = after(self.resync);
        if self.stale.is_none() {
            self.due = self.due.or_else(|| Some(Instant::now()));
        }
    }

    async fn on_stale(&mut self) -> Result<(), R::End> {
        self.stale = Some(Instant::now());
        self.due = None;
        self.reconciler.reconcile(View::Stale).await?;
        Ok(())
    }

    async fn on_due(&mut self) -> Result<(), R::End> {
        self.unsettled = None;
        let view = if self.stale.is_some() { View::Stale } else { View::Current };
        self.due = match self.reconciler.reconcile(view).await? {
            Outcome::Done => {
                self.backoff = Backoff::default();
                None
            }
            Outcome::Retry => Some(after(self.backoff.pause())),
        };
        Ok(())
    }

    /// When the view becomes stale, or when a stale view is reconciled again.
    fn stale_at(&self) -> Option<Instant> {
        let lost_since = self.reconciler.lost_since()?;
        Some(later(self.stale.unwrap_or(lost_since), self.resync))
    }
}

/// Waits for an instant; without one, forever.
async fn reached(due: Option<Instant>) {
    match due {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn after(duration: Duration) -> Instant {
    later(Instant::now(), duration)
}

/// An instant that much later. Durations that would overflow the clock are cut to many years.
fn later(instant: Instant, duration: Duration) -> Instant {
    const YEARS: Duration = Duration::from_hours(30 * 365 * 24);
    instant.checked_add(duration.min(YEARS)).unwrap_or(instant)
}
