//! Whether what keeps local images from Docker Hub is still there: each policy's webhook, and the guards.
//!
//! Nothing is written. Others remove these things, and nobody notices before the first refusal, so monitoring has to.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use local_registry_cluster::Cluster;
use local_registry_cluster::guards::Guard;
use local_registry_cluster::policies::{PolicyName, PolicyWebhook, Resources};
use local_registry_core::text::with_causes;
use tokio::time::{Instant, sleep, timeout_at};

/// How long one look may take. What was not answered by then is unknown.
const LIMIT: Duration = Duration::from_secs(30);

/// Something that keeps local images from Docker Hub.
///
/// Prints as `check` names it: `policy local-registry`, `guard local-registry-guard`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safeguard {
    /// A policy: the API server asks it.
    Policy(PolicyName),
    /// A guard: the API server refuses by it what no policy has seen.
    Guard(Guard),
}

/// Whether a safeguard is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is there.
    Holds,
    /// It is not, for this reason.
    Missing(String),
    /// It could not be read, for this reason.
    Unknown(String),
}

impl fmt::Display for Safeguard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(name) => write!(f, "policy {name}"),
            Self::Guard(guard) => write!(f, "guard {guard}"),
        }
    }
}

/// Looks at the safeguards of these policies at every resync, until the future is dropped, and shows what was found. Logs what
/// has changed.
///
/// A guard is looked at where a policy for the whole cluster needs it.
///
/// ```no_run
/// use std::time::Duration;
/// use local_registry_cluster::Cluster;
/// use local_registry_sync::watch_safeguards;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::new(kube::Client::try_default().await?);
/// let policies = ["local-registry".parse()?];
/// let show = |found: &_| println!("{found:?}");
/// match watch_safeguards(&cluster, &policies, Duration::from_secs(60), show).await {}
/// # }
/// ```
pub async fn watch_safeguards(
    cluster: &Cluster,
    policies: &[PolicyName],
    resync: Duration,
    mut show: impl FnMut(&BTreeMap<Safeguard, Standing>),
) -> Infallible {
    let mut last = BTreeMap::new();
    loop {
        let found = look(cluster, policies).await;
        for (safeguard, standing) in &found {
            log_change(safeguard, last.get(safeguard), standing);
        }
        show(&found);
        last = found;
        sleep(resync).await;
    }
}

/// Logs a safeguard that is not as it was. One that holds from the start is not worth a line.
fn log_change(safeguard: &Safeguard, before: Option<&Standing>, now: &Standing) {
    if before.unwrap_or(&Standing::Holds) == now {
        return;
    }
    match (safeguard, now) {
        (Safeguard::Policy(_), Standing::Holds) => tracing::info!("the API server asks the {safeguard}"),
        (Safeguard::Guard(_), Standing::Holds) => tracing::info!("the {safeguard} is bound, and denies"),
        (Safeguard::Policy(_), Standing::Missing(reason)) => {
            tracing::error!("the API server does not ask the {safeguard}: {reason}");
        }
        (Safeguard::Guard(_), Standing::Missing(reason)) => {
            tracing::error!("the {safeguard} does not refuse what no policy has seen: {reason}");
        }
        (_, Standing::Unknown(reason)) => {
            tracing::warn!("it is not known whether the {safeguard} is there: {reason}");
        }
    }
}

async fn look(cluster: &Cluster, policies: &[PolicyName]) -> BTreeMap<Safeguard, Standing> {
    let end = Instant::now() + LIMIT;
    let mut found = BTreeMap::new();
    let mut guards = Vec::new();
    for name in policies {
        let answer = timeout_at(end, look_at_policy(cluster, name)).await;
        let (about, standing) = answer.unwrap_or_else(|_| (Resources::Builds, too_late()));
        if name.namespace().is_none() {
            guards.extend_from_slice(Guard::beside(about));
        }
        found.insert(Safeguard::Policy(name.clone()), standing);
    }
    for guard in guards {
        let answer = timeout_at(end, look_at_guard(cluster, guard)).await;
        found.insert(Safeguard::Guard(guard), answer.unwrap_or_else(|_| too_late()));
    }
    found
}

fn too_late() -> Standing {
    Standing::Unknown(format!("the API server did not answer within {} seconds", LIMIT.as_secs()))
}

/// What a policy is about, and whether the API server asks it. One that cannot be read may be about Builds.
async fn look_at_policy(cluster: &Cluster, name: &PolicyName) -> (Resources, Standing) {
    let policy = match cluster.policy(name).await {
        Ok(policy) => policy,
        Err(error) if error.is_missing_policy() => {
            return (Resources::Builds, Standing::Missing("there is no such policy".to_owned()));
        }
        Err(error) => return (Resources::Builds, Standing::Unknown(with_causes(&error))),
    };
    let is_mutating = policy.is_mutating();
    let standing = match cluster.policy_webhook(name, is_mutating).await {
        Err(error) => Standing::Unknown(with_causes(&error)),
        Ok(None) => {
            let (kind, name) = (PolicyWebhook::kind(is_mutating), name.unique_name());
            Standing::Missing(format!("there is no {kind} {name}, or it is empty"))
        }
        Ok(Some(webhook)) => standing(&webhook.faults(name)),
    };
    (policy.resources(), standing)
}

async fn look_at_guard(cluster: &Cluster, guard: Guard) -> Standing {
    match cluster.guard(guard).await {
        Err(error) => Standing::Unknown(with_causes(&error)),
        Ok(found) => standing(&found.faults()),
    }
}

fn standing<T: ToString>(faults: &[T]) -> Standing {
    if faults.is_empty() {
        return Standing::Holds;
    }
    Standing::Missing(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}
