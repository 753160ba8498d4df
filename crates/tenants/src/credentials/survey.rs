//! What was last seen of the namespaces and of what they have.

use std::collections::BTreeMap;

use local_registry_cluster::Cluster;
use local_registry_cluster::credentials::{Account, Binding, Found, Part, PushLabel, StoredSecret};
use local_registry_cluster::follow::{FollowedAll, Lost, News, Pace};
use local_registry_cluster::namespaces::{Asking, LabelledNamespace};
use tokio::time::Instant;

/// All that is followed besides the declaration.
pub(super) struct Followed {
    namespaces: FollowedAll<LabelledNamespace<PushLabel>>,
    pub(super) objects: Objects,
}

/// The objects that have the name of the credentials.
pub(super) struct Objects {
    accounts: FollowedAll<Found<Account>>,
    bindings: FollowedAll<Found<Binding>>,
    secrets: FollowedAll<Found<StoredSecret>>,
}

/// What a namespace has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Holding<'a> {
    pub(super) account: Option<&'a Found<Account>>,
    pub(super) binding: Option<&'a Found<Binding>>,
    pub(super) secret: Option<&'a Found<StoredSecret>>,
}

/// What was last seen.
#[derive(Debug, Default)]
pub(super) struct Survey<'a> {
    pub(super) asking: Asking<'a>,
    /// What each namespace has that has something.
    pub(super) holdings: BTreeMap<&'a str, Holding<'a>>,
}

impl Followed {
    /// Follows everything. Pages of lists come at this pace.
    pub(super) fn new(cluster: &Cluster, pace: &Pace) -> Self {
        Self { namespaces: cluster.follow_namespaces(Some(pace)), objects: Objects::new(cluster, pace) }
    }

    /// Waits for news of anything. Dropping the future loses nothing.
    pub(super) async fn news(&mut self) -> News {
        tokio::select! {
            news = self.namespaces.news() => news,
            news = self.objects.news() => news,
        }
    }

    /// Waits until everything was read, or cannot be.
    pub(super) async fn read(&mut self) {
        tokio::join!(self.namespaces.news(), self.objects.read());
    }

    /// Since when something cannot be read, and why.
    pub(super) fn lost(&self) -> Option<&Lost> {
        self.namespaces.lost().or_else(|| self.objects.lost())
    }

    /// Since when something cannot be read.
    pub(super) fn lost_since(&self) -> Option<Instant> {
        let lost = self.objects.all_lost().into_iter().chain([self.namespaces.lost()]);
        lost.flatten().map(|lost| lost.since).min()
    }

    /// What was last seen; `None` if not everything was read yet.
    pub(super) fn survey(&self) -> Option<Survey<'_>> {
        Some(Survey { asking: Asking::of(&self.namespaces)?, holdings: self.objects.holdings()? })
    }
}

impl Objects {
    /// Follows the objects. Pages of lists come at this pace.
    pub(super) fn new(cluster: &Cluster, pace: &Pace) -> Self {
        let pace = Some(pace);
        let (accounts, bindings, secrets) =
            (cluster.follow_push(pace), cluster.follow_push(pace), cluster.follow_push(pace));
        Self { accounts, bindings, secrets }
    }

    async fn news(&mut self) -> News {
        tokio::select! {
            news = self.accounts.news() => news,
            news = self.bindings.news() => news,
            news = self.secrets.news() => news,
        }
    }

    /// Waits until all were read, or cannot be.
    pub(super) async fn read(&mut self) {
        tokio::join!(self.accounts.news(), self.bindings.news(), self.secrets.news());
    }

    fn all_lost(&self) -> [Option<&Lost>; 3] {
        [self.accounts.lost(), self.bindings.lost(), self.secrets.lost()]
    }

    /// Since when something cannot be read, and why.
    pub(super) fn lost(&self) -> Option<&Lost> {
        self.all_lost().into_iter().flatten().next()
    }

    /// What each namespace has that has something; `None` if not all were read yet.
    pub(super) fn holdings(&self) -> Option<BTreeMap<&str, Holding<'_>>> {
        let mut holdings: BTreeMap<&str, Holding<'_>> = BTreeMap::new();
        for (namespace, account) in each(&self.accounts)? {
            holdings.entry(namespace).or_default().account = Some(account);
        }
        for (namespace, binding) in each(&self.bindings)? {
            holdings.entry(namespace).or_default().binding = Some(binding);
        }
        for (namespace, secret) in each(&self.secrets)? {
            holdings.entry(namespace).or_default().secret = Some(secret);
        }
        Some(holdings)
    }
}

/// The objects of one kind, by their namespaces.
fn each<T: Part>(followed: &FollowedAll<Found<T>>) -> Option<impl Iterator<Item = (&str, &Found<T>)>> {
    Some(followed.seen()?.iter().filter_map(|(place, found)| Some((place.namespace.as_deref()?, found))))
}
