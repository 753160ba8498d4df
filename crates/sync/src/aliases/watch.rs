//! The loop: aliases follow the declaration and the labels of namespaces for as long as the program runs.

use std::convert::Infallible;
use std::time::Duration;

use local_registry_cluster::Cluster;
use local_registry_cluster::aliases::{Alias, NamespaceStatus};
use local_registry_cluster::follow::{
    Due, Followed, FollowedAll, News, Outcome, Reconciler, Seen, View, reconcile_forever,
};
use local_registry_declaration::{AllowedHosts, Data};
use tokio::time::Instant;

use super::once::reconcile;
use super::report::{AliasesReport, AliasesState};
use super::survey::Survey;
use crate::watch::Timing;

/// How long to wait for more news of namespaces and Services: a command may label many, and each alias that is made is news, too.
const PAUSE: Duration = Duration::from_secs(1);

/// Follows the declaration, the namespaces and their aliases until the future is dropped, and shows every report.
///
/// A new declaration counts when it has settled, and a label at once. What cannot be read for longer than a resync is unknown,
/// and then every alias stays as it was.
///
/// ```no_run
/// use std::time::Duration;
/// use local_registry_cluster::Cluster;
/// use local_registry_declaration::AllowedHosts;
/// use local_registry_sync::Timing;
/// use local_registry_sync::aliases::{AliasesReport, watch};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::new(kube::Client::try_default().await?);
/// let timing = Timing { settle: Duration::from_secs(10), resync: Duration::from_secs(60) };
/// let show = |report: &AliasesReport| println!("{report}");
/// match watch(&cluster, &AllowedHosts::default(), false, timing, show).await {}
/// # }
/// ```
pub async fn watch(
    cluster: &Cluster,
    allowed: &AllowedHosts,
    dry_run: bool,
    timing: Timing,
    show: impl FnMut(&AliasesReport),
) -> Infallible {
    let following = Following {
        cluster,
        allowed,
        dry_run,
        settle: timing.settle,
        config_map: cluster.follow_config_map(),
        namespaces: cluster.follow_alias_namespaces(),
        aliases: cluster.follow_aliases(),
        show,
    };
    reconcile_forever(following, timing.resync).await
}

/// The aliases, and all that they follow.
struct Following<'a, F> {
    cluster: &'a Cluster,
    allowed: &'a AllowedHosts,
    dry_run: bool,
    settle: Duration,
    config_map: Followed<Data>,
    namespaces: FollowedAll<NamespaceStatus>,
    aliases: FollowedAll<Alias>,
    show: F,
}

impl<F: FnMut(&AliasesReport)> Reconciler for Following<'_, F> {
    type End = Infallible;

    async fn news(&mut self) -> Due {
        let (news, settle) = tokio::select! {
            news = self.config_map.news() => (news, self.settle),
            news = self.namespaces.news() => (news, PAUSE),
            news = self.aliases.news() => (news, PAUSE),
        };
        match news {
            News::First => Due::Now,
            News::Changed => Due::After(settle),
            News::Same | News::Lost => Due::Unchanged,
        }
    }

    fn lost_since(&self) -> Option<Instant> {
        let lost = [self.config_map.lost(), self.namespaces.lost(), self.aliases.lost()];
        lost.into_iter().flatten().map(|lost| lost.since).min()
    }

    async fn reconcile(&mut self, view: View) -> Result<Outcome, Infallible> {
        let lost = [self.config_map.lost(), self.namespaces.lost(), self.aliases.lost()].into_iter().flatten().next();
        if let (View::Stale, Some(lost)) = (view, lost) {
            let error = format!("{}; until it can be read again, aliases stay as they are", lost.error);
            (self.show)(&AliasesReport::new(AliasesState::Unknown { error }));
            return Ok(Outcome::Done);
        }
        let Some(survey) = Survey::of(&self.namespaces, &self.aliases) else { return Ok(Outcome::Done) };
        let data = match self.config_map.seen() {
            Seen::NotYet => return Ok(Outcome::Done),
            Seen::Absent => None,
            Seen::Present(data) => Some(data),
        };
        let report = reconcile(self.cluster, data, self.allowed, &survey, self.dry_run).await;
        (self.show)(&report);
        Ok(if report.may_succeed_soon() { Outcome::Retry } else { Outcome::Done })
    }
}
