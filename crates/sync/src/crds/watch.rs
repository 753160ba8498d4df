//! The loop: the field stays in a CRD for as long as the program runs.

use std::convert::Infallible;
use std::time::Duration;

use local_registry_cluster::Cluster;
use local_registry_cluster::crds::Crd;
use local_registry_cluster::follow::{Due, Followed, News, Outcome, Reconciler, Seen, View, reconcile_forever};
use local_registry_core::shipwright::Kind;
use local_registry_core::text::with_causes;
use tokio::time::Instant;

use super::addition::Addition;
use super::allowance::Allowance;
use super::change::Change;
use super::once::{announce, other_shape, write};
use super::place::warnings;
use super::report::{CrdReport, CrdResult, Work};

/// How many times in a row a change may be out of date before that is reported. Whoever makes a CRD writes it a few times.
const OUTDATED: u32 = 5;

/// Follows the CRD of a kind until the future is dropped, adds the field as soon as it is missing, and shows every report.
///
/// A CRD that is not there may come later. One that cannot be read for longer than a `resync` is unknown. Where somebody takes
/// the field out again and again, it is added some twenty times, and then once a minute.
///
/// ```no_run
/// use std::time::Duration;
/// use local_registry_cluster::Cluster;
/// use local_registry_core::shipwright::Kind;
/// use local_registry_sync::crds::{CrdReport, watch};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::new(kube::Client::try_default().await?);
/// let show = |report: &CrdReport| println!("{report}");
/// match watch(&cluster, Kind::Build, false, Duration::from_secs(60), show).await {}
/// # }
/// ```
pub async fn watch(
    cluster: &Cluster,
    kind: Kind,
    dry_run: bool,
    resync: Duration,
    show: impl FnMut(&CrdReport),
) -> Infallible {
    let (crd, allowance) = (cluster.follow_crd(kind), Allowance::default());
    let field = Field { cluster, kind, dry_run, crd, allowance, outdated: 0, reported: None, show };
    reconcile_forever(field, resync).await
}

/// The field in the CRD of a kind.
struct Field<'a, F> {
    cluster: &'a Cluster,
    kind: Kind,
    dry_run: bool,
    crd: Followed<Crd>,
    allowance: Allowance,
    /// How many changes in a row were out of date.
    outdated: u32,
    reported: Option<CrdReport>,
    show: F,
}

impl<F: FnMut(&CrdReport)> Reconciler for Field<'_, F> {
    type End = Infallible;

    async fn news(&mut self) -> Due {
        match self.crd.news().await {
            // At once: while the field is missing, whatever is written loses it.
            News::First | News::Changed => Due::Now,
            News::Same | News::Lost => Due::Unchanged,
        }
    }

    fn lost_since(&self) -> Option<Instant> {
        self.crd.lost().map(|lost| lost.since)
    }

    async fn reconcile(&mut self, view: View) -> Result<Outcome, Infallible> {
        let (report, outcome) = match (view, self.crd.lost(), self.crd.seen()) {
            (View::Stale, Some(lost), _) => {
                (CrdReport::new(self.kind, CrdResult::Unknown { error: lost.error.clone() }), Outcome::Done)
            }
            (_, _, Seen::NotYet) => return Ok(Outcome::Done),
            (_, _, Seen::Absent) => (CrdReport::new(self.kind, CrdResult::Absent { work: Work::Keep }), Outcome::Done),
            (_, _, Seen::Present(crd)) => {
                let (addition, warnings) = (Addition::to(self.kind, crd), warnings(crd));
                let (result, outcome) = match addition {
                    Ok(Addition::Nothing) => (CrdResult::Unchanged, Outcome::Done),
                    Err(other) => (other_shape(&other), Outcome::Done),
                    Ok(Addition::Missing(change)) => match self.add(&change).await {
                        Some(result) => (result, Outcome::Retry),
                        None => return Ok(Outcome::Retry),
                    },
                };
                (CrdReport { warnings, ..CrdReport::new(self.kind, result) }, outcome)
            }
        };
        let outcome = if report.succeeded() { Outcome::Done } else { outcome };
        (self.show)(&report);
        if !self.dry_run && self.reported.as_ref() != Some(&report) {
            announce(self.cluster, self.kind, &report).await;
        }
        self.reported = Some(report);
        Ok(outcome)
    }
}

impl<F> Field<'_, F> {
    /// Adds the field; `None` if there is nothing new to report.
    async fn add(&mut self, change: &Change) -> Option<CrdResult> {
        if self.allowance.is_spent() {
            return Some(CrdResult::HeldBack { fields: change.places().to_vec() });
        }
        match write(self.cluster, self.kind, change, self.dry_run).await {
            Ok(result) => {
                self.outdated = 0;
                if matches!(result, CrdResult::Added { .. }) {
                    self.allowance.spend();
                }
                Some(result)
            }
            // The watch brings the newer CRD.
            Err(error) if error.is_outdated() && self.outdated < OUTDATED => {
                self.outdated += 1;
                None
            }
            Err(error) => Some(CrdResult::Failed { error: with_causes(&error) }),
        }
    }
}
