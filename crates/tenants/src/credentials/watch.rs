//! The loop: credentials follow the declaration and the labels of namespaces, and are renewed, for as long as the program runs.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::StreamExt;
use local_registry_cluster::Cluster;
use local_registry_cluster::follow::{
    Due, News, Outcome, Pace, Reconciler, Seen, SettledDeclaration, Timing, View, reconcile_forever,
};
use tokio::time::{Instant, sleep_until};

use super::history::History;
use super::report::{CredentialsReport, CredentialsState};
use super::round::Round;
use super::survey::Followed;
use super::task::{CredentialsTask, pace};
use super::worker::Worker;

/// How long to wait for more news of namespaces and their objects: a command may label many, and whatever is made is news, too. Rounds
/// that time alone asks for are as far apart: each looks at every namespace.
const PAUSE: Duration = Duration::from_secs(1);

/// Follows the declaration, the namespaces and what they have until the future is dropped, and shows every report.
///
/// A new declaration counts when it has settled, and a label a second later. What cannot be read for longer than a resync is
/// unknown, and then every credential stays as it was.
///
/// ```no_run
/// use std::time::Duration;
/// use local_registry_cluster::Cluster;
/// use local_registry_cluster::follow::Timing;
/// use local_registry_declaration::AllowedHosts;
/// use local_registry_tenants::credentials::{Clock, CredentialsReport, CredentialsTask, watch};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::new(kube::Client::try_default().await?);
/// let (allowed, lifetime) = (AllowedHosts::default(), Duration::from_secs(86_400));
/// let task = CredentialsTask { allowed: &allowed, authority: None, lifetime, clock: Clock::start(), dry_run: false };
/// let timing = Timing { settle: Duration::from_secs(10), resync: Duration::from_secs(60) };
/// match watch(&cluster, task, timing, |report: &CredentialsReport| println!("{report}")).await {}
/// # }
/// ```
pub async fn watch(
    cluster: &Cluster,
    task: CredentialsTask<'_>,
    timing: Timing,
    show: impl FnMut(&CredentialsReport),
) -> Infallible {
    let pace = pace();
    let following = Following {
        cluster,
        task,
        declaration: cluster.follow_declaration(timing.settle),
        followed: Followed::new(cluster, &pace),
        pace,
        history: History::default(),
        next: None,
        show,
    };
    reconcile_forever(following, timing.resync).await
}

/// The credentials, and all that they follow.
struct Following<'a, F> {
    cluster: &'a Cluster,
    task: CredentialsTask<'a>,
    declaration: SettledDeclaration,
    followed: Followed,
    pace: Pace,
    history: History,
    /// When a round is due by time alone: a token is to be renewed, or a namespace has rested.
    next: Option<Instant>,
    show: F,
}

impl<F: FnMut(&CredentialsReport)> Reconciler for Following<'_, F> {
    type End = Infallible;

    async fn news(&mut self) -> Due {
        let news = tokio::select! {
            due = self.declaration.news() => return due,
            () = reached(self.next) => {
                self.next = None;
                return Due::Now;
            }
            news = self.followed.news() => news,
        };
        match news {
            News::First => Due::Now,
            News::Changed => Due::After(PAUSE),
            News::Same | News::Lost => Due::Unchanged,
        }
    }

    fn lost_since(&self) -> Option<Instant> {
        let declaration = self.declaration.lost().map(|lost| lost.since);
        declaration.into_iter().chain(self.followed.lost_since()).min()
    }

    async fn reconcile(&mut self, view: View) -> Result<Outcome, Infallible> {
        let lost = self.declaration.lost().or_else(|| self.followed.lost());
        if let (View::Stale, Some(lost)) = (view, lost) {
            let error = format!("{}; until it can be read again, credentials stay as they are", lost.error);
            (self.show)(&CredentialsReport::new(CredentialsState::Unknown { error }));
            return Ok(Outcome::Done);
        }
        let Some(survey) = self.followed.survey() else { return Ok(Outcome::Done) };
        let declaration = match self.declaration.counts() {
            Seen::NotYet => return Ok(Outcome::Done),
            Seen::Absent => None,
            Seen::Present(data) => Some(data),
        };
        let mut round = Round::new(self.task, declaration, &survey, &mut self.history);
        self.next = None;
        let is_interrupted = self.perform(&mut round).await;
        self.next = round.next.map(|next| next.max(Instant::now() + PAUSE));
        (self.show)(&round.report);
        Ok(if is_interrupted || round.may_succeed_soon { Outcome::Retry } else { Outcome::Done })
    }
}

impl<F: FnMut(&CredentialsReport)> Following<'_, F> {
    /// Does what is to be done in a round, and says whether to look again soon: there are news, or the API server is silent. What becomes
    /// known meanwhile is taken in; if another declaration counts then, the rest of the round is left.
    async fn perform(&mut self, round: &mut Round) -> bool {
        let (before, pace) = (self.declaration.counts().clone(), self.pace.clone());
        let (wanted, jobs) = (round.wanted.clone(), std::mem::take(&mut round.jobs));
        let worker = Worker { cluster: self.cluster, task: self.task, pace: &pace, wanted: wanted.as_ref() };
        let mut running = Round::perform(worker, jobs);
        let mut has_news = false;
        loop {
            let work = tokio::select! {
                work = running.next() => work,
                due = self.news() => {
                    has_news |= due != Due::Unchanged;
                    if *self.declaration.counts() != before {
                        return true;
                    }
                    continue;
                }
            };
            match work {
                None => return has_news,
                Some(work) => {
                    if round.take_in(work, &mut self.history) {
                        return true;
                    }
                }
            }
        }
    }
}

/// Waits for an instant; without one, forever.
async fn reached(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
