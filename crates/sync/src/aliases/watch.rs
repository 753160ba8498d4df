//! The loop: aliases follow the declaration and the labels of namespaces for as long as the program runs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use local_registry_cluster::Cluster;
use local_registry_cluster::aliases::{Alias, AliasLabel};
use local_registry_cluster::follow::{
    Due, FollowedAll, News, Outcome, Reconciler, Seen, SettledDeclaration, Timing, View, reconcile_forever,
};
use local_registry_cluster::namespaces::LabelledNamespace;
use tokio::time::Instant;

use super::report::{AliasResult, AliasesReport, AliasesState};
use super::round::Round;
use super::survey::Survey;
use super::task::AliasTask;

/// How long to wait for more news of namespaces and Services: a command may label many, and each alias that is made is news, too.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a namespace rests that has failed, whatever becomes known of others meanwhile.
const REST: Duration = Duration::from_secs(30);
/// After how many namespaces a round looks for news: one of thousands takes a while.
const SLICE: usize = 20;

/// Follows the declaration, the namespaces and their aliases until the future is dropped, and shows every report.
///
/// A new declaration counts when it has settled, and a label a second later. What cannot be read for longer than a resync is
/// unknown, and then every alias stays as it was.
///
/// ```no_run
/// use std::time::Duration;
/// use local_registry_cluster::Cluster;
/// use local_registry_declaration::AllowedHosts;
/// use local_registry_sync::Timing;
/// use local_registry_sync::aliases::{AliasTask, AliasesReport, watch};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::new(kube::Client::try_default().await?);
/// let task = AliasTask { allowed: &AllowedHosts::default(), cluster_domain: "cluster.local", dry_run: false };
/// let timing = Timing { settle: Duration::from_secs(10), resync: Duration::from_secs(60) };
/// match watch(&cluster, task, timing, |report: &AliasesReport| println!("{report}")).await {}
/// # }
/// ```
pub async fn watch(
    cluster: &Cluster,
    task: AliasTask<'_>,
    timing: Timing,
    show: impl FnMut(&AliasesReport),
) -> Infallible {
    let following = Following {
        cluster,
        task,
        declaration: cluster.follow_declaration(timing.settle),
        namespaces: cluster.follow_namespaces(None),
        aliases: cluster.follow_aliases(),
        failed: BTreeMap::new(),
        show,
    };
    reconcile_forever(following, timing.resync).await
}

/// The aliases, and all that they follow.
struct Following<'a, F> {
    cluster: &'a Cluster,
    task: AliasTask<'a>,
    declaration: SettledDeclaration,
    namespaces: FollowedAll<LabelledNamespace<AliasLabel>>,
    aliases: FollowedAll<Alias>,
    /// The namespaces that have failed: when, and why.
    failed: BTreeMap<String, (Instant, String)>,
    show: F,
}

impl<F: FnMut(&AliasesReport)> Reconciler for Following<'_, F> {
    type End = Infallible;

    async fn news(&mut self) -> Due {
        let (news, after) = tokio::select! {
            due = self.declaration.news() => return due,
            news = self.namespaces.news() => (news, PAUSE),
            news = self.aliases.news() => (news, PAUSE),
        };
        match news {
            News::First => Due::Now,
            News::Changed => Due::After(after),
            News::Same | News::Lost => Due::Unchanged,
        }
    }

    fn lost_since(&self) -> Option<Instant> {
        let lost = [self.declaration.lost(), self.namespaces.lost(), self.aliases.lost()];
        lost.into_iter().flatten().map(|lost| lost.since).min()
    }

    async fn reconcile(&mut self, view: View) -> Result<Outcome, Infallible> {
        let lost = [self.declaration.lost(), self.namespaces.lost(), self.aliases.lost()].into_iter().flatten().next();
        if let (View::Stale, Some(lost)) = (view, lost) {
            let error = format!("{}; until it can be read again, aliases stay as they are", lost.error);
            (self.show)(&AliasesReport::new(AliasesState::Unknown { error }));
            return Ok(Outcome::Done);
        }
        let Some(survey) = Survey::of(&self.namespaces, &self.aliases) else { return Ok(Outcome::Done) };
        let declaration = match self.declaration.counts() {
            Seen::NotYet => return Ok(Outcome::Done),
            Seen::Absent => None,
            Seen::Present(data) => Some(data),
        };
        let mut round = Round::new(self.cluster, self.task, declaration, &survey);
        let is_interrupted = self.perform(&mut round).await;
        let may_succeed_soon = round.report.may_succeed_soon();
        (self.show)(&round.report);
        Ok(if is_interrupted || may_succeed_soon { Outcome::Retry } else { Outcome::Done })
    }
}

impl<F: FnMut(&AliasesReport)> Following<'_, F> {
    /// Does what is to be done in a round, and says whether to look again soon: there are news, or the API server is silent.
    async fn perform(&mut self, round: &mut Round<'_>) -> bool {
        let (mut count, mut has_news, mut failed) = (0, false, BTreeMap::new());
        while let Some((namespace, step)) = round.take() {
            let rests = self.failed.get(&namespace).filter(|(since, _)| since.elapsed() < REST);
            if let Some((since, error)) = rests {
                failed.insert(namespace.clone(), (*since, error.clone()));
                round.note(namespace, AliasResult::Failed { error: error.clone() });
                continue;
            }
            let (result, is_silence) = match round.perform(&namespace, &step).await {
                Ok(result) => (result, false),
                Err(error) => (AliasResult::from(&error), error.is_silence()),
            };
            if let AliasResult::Failed { error } = &result {
                failed.insert(namespace.clone(), (Instant::now(), error.clone()));
            }
            round.note(namespace, result);
            if is_silence {
                // Each of the others would wait as long. None of them has failed.
                return true;
            }
            count += 1;
            if count % SLICE == 0 {
                let (news, declaration) = self.news_so_far().await;
                has_news |= news;
                if declaration {
                    return true;
                }
            }
        }
        self.failed = failed;
        has_news
    }

    /// Takes in what has become known meanwhile, and says whether anything has, and whether another declaration counts.
    async fn news_so_far(&mut self) -> (bool, bool) {
        let before = self.declaration.counts().clone();
        let mut has_news = false;
        loop {
            tokio::select! {
                biased;
                due = self.news() => has_news |= due != Due::Unchanged,
                () = std::future::ready(()) => return (has_news, *self.declaration.counts() != before),
            }
        }
    }
}
