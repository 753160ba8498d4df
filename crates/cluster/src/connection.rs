//! A cluster that a client is connected to.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::Client;

use crate::events::Journal;

/// A cluster, through its API server.
///
/// ```no_run
/// # async fn connect() -> Result<(), kube::Error> {
/// let cluster = local_registry_cluster::Cluster::new(kube::Client::try_default().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Cluster {
    pub(crate) client: Client,
    journal: Arc<Mutex<Journal>>,
    ended_watches: Arc<AtomicU64>,
}

impl Cluster {
    /// The cluster that the client is connected to.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, journal: Arc::new(Mutex::new(Journal::new())), ended_watches: Arc::default() }
    }

    /// How many watches have ended, and were begun again.
    #[must_use]
    pub fn ended_watches(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.ended_watches)
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
