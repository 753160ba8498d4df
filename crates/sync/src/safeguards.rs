//! Whether what keeps local images from Docker Hub is still there: each policy's webhook, and the guards.
//!
//! Nothing is written. Others remove these things, and nobody notices before the first refusal, so monitoring has to.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use local_registry_cluster::Cluster;
use local_registry_cluster::guards::Guard;
use local_registry_cluster::policies::{ExpectedWebhook, Policy, PolicyName, PolicyWebhook, Resources};
use local_registry_core::text::with_causes;
use tokio::time::{Instant, sleep, timeout_at};

/// How long one look may take. What was not answered by then is unknown.
const LIMIT: Duration = Duration::from_secs(30);

/// Something that keeps local images from Docker Hub.
///
/// Prints as `check` names it: `policy local-registry`, `guard local-registry-guard`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safeguard {
    /// A policy: the API server asks it, and heeds its answers.
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
/// A guard is looked at where a policy for the whole cluster needs it. `servers` is the namespace of Kubewarden, in which the policy
/// servers run.
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
/// match watch_safeguards(&cluster, &policies, "kubewarden", Duration::from_secs(60), show).await {}
/// # }
/// ```
pub async fn watch_safeguards(
    cluster: &Cluster,
    policies: &[PolicyName],
    servers: &str,
    resync: Duration,
    mut show: impl FnMut(&BTreeMap<Safeguard, Standing>),
) -> Infallible {
    let look = Look { cluster, policies, servers };
    let (mut about, mut last) = (BTreeMap::new(), BTreeMap::new());
    loop {
        let found = look.perform(&mut about).await;
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
            tracing::error!("the API server does not ask the {safeguard}, or does not heed it: {reason}");
        }
        (Safeguard::Guard(_), Standing::Missing(reason)) => {
            tracing::error!("the {safeguard} does not refuse what no policy has seen: {reason}");
        }
        (_, Standing::Unknown(reason)) => {
            tracing::warn!("it is not known whether the {safeguard} is there: {reason}");
        }
    }
}

/// What is looked at.
struct Look<'a> {
    cluster: &'a Cluster,
    policies: &'a [PolicyName],
    /// The namespace of Kubewarden.
    servers: &'a str,
}

/// What is known of a policy.
struct Known {
    name: PolicyName,
    about: Resources,
    /// The policy, or what is known without it.
    found: Result<Policy, Standing>,
}

impl Look<'_> {
    /// `about`: what each policy was about when it was last read. A guard is needed whether or not its policy is there.
    async fn perform(&self, about: &mut BTreeMap<PolicyName, Resources>) -> BTreeMap<Safeguard, Standing> {
        let end = Instant::now() + LIMIT;
        let mut known = Vec::new();
        for name in self.policies {
            let found = timeout_at(end, self.read(name)).await.unwrap_or_else(|_| Err(too_late()));
            if let Ok(policy) = &found {
                about.insert(name.clone(), policy.resources());
            }
            let about = about.get(name).copied().unwrap_or_else(|| Resources::likely_of(name));
            known.push(Known { name: name.clone(), about, found });
        }
        let mut found = BTreeMap::new();
        for policy in &known {
            let standing = timeout_at(end, self.look_at_policy(policy, &known)).await;
            found.insert(Safeguard::Policy(policy.name.clone()), standing.unwrap_or_else(|_| too_late()));
        }
        for policy in known.iter().filter(|policy| policy.name.namespace().is_none()) {
            for guard in Guard::beside(policy.about) {
                if let Entry::Vacant(entry) = found.entry(Safeguard::Guard(*guard)) {
                    let answer = timeout_at(end, look_at_guard(self.cluster, *guard)).await;
                    entry.insert(answer.unwrap_or_else(|_| too_late()));
                }
            }
        }
        found
    }

    async fn read(&self, name: &PolicyName) -> Result<Policy, Standing> {
        self.cluster.policy(name).await.map_err(|error| {
            if error.is_missing_policy() {
                Standing::Missing("there is no such policy".to_owned())
            } else {
                Standing::Unknown(with_causes(&error))
            }
        })
    }

    /// Whether the API server asks a policy, and heeds it. `all`: every policy, with this one.
    async fn look_at_policy(&self, Known { name, about, found }: &Known, all: &[Known]) -> Standing {
        let policy = match found {
            Ok(policy) => policy,
            Err(standing) => return standing.clone(),
        };
        let spec = policy.read().spec;
        let mut faults = spec.faults(*about);
        // Beside another policy that mutates, one that does not is a guard. Otherwise its webhook need not even be looked at.
        let is_served_by = |other: &Known| {
            let mutates = other.found.as_ref().is_ok_and(Policy::is_mutating);
            mutates && other.about == *about && other.name.covers(name)
        };
        if !spec.mutating && !all.iter().any(is_served_by) {
            let is_unknown =
                |other: &Known| matches!(other.found, Err(Standing::Unknown(_))) && other.name.covers(name);
            if all.iter().any(is_unknown) {
                return Standing::Unknown(
                    "it does not mutate, and it is not known whether another policy does".to_owned(),
                );
            }
            faults.push("its mutating is not true".to_owned());
        }
        if !faults.is_empty() {
            return standing(&faults);
        }
        match self.cluster.policy_webhook(name, spec.mutating).await {
            Err(error) => Standing::Unknown(with_causes(&error)),
            Ok(None) => {
                let (kind, name) = (PolicyWebhook::kind(spec.mutating), name.unique_name());
                Standing::Missing(format!("there is no {kind} {name}, or it is empty"))
            }
            Ok(Some(webhook)) => {
                let expected = ExpectedWebhook { name, about: *about, spec: &spec, servers: self.servers };
                standing(&webhook.faults(&expected))
            }
        }
    }
}

fn too_late() -> Standing {
    Standing::Unknown(format!("the API server did not answer within {} seconds", LIMIT.as_secs()))
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
