//! How much of what registries hold is in memory at once, so that 64 MiB are enough whatever it is.
//!
//! Nearly all images have manifests of some KiB, and what is attached to them is as small. Everybody may hold as much as that.
//! What is larger waits for its turn, and is read anew then. Nobody who has such a turn waits for another one of the same kind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many bytes of manifests an image may hold, and what is attached to one of its manifests, without waiting for a turn.
pub(crate) const SMALL: usize = 64 << 10;
/// How many bytes the manifests of an image have that waits for one of several turns, such as one of twenty platforms.
pub(crate) const MEDIUM: usize = 512 << 10;
/// How many such images are held at once.
const MEDIUM_AT_ONCE: usize = 8;
/// How many bytes all manifests of an image may have.
pub(crate) const LARGEST: usize = 8 << 20;
/// For how many manifests between two registries what is attached is under way at once.
const ATTACHED_AT_ONCE: usize = 4;
/// How many lists of referrers are read from a registry at once. Each may take a MiB until it is done.
const LISTS_AT_ONCE: usize = 4;

/// For how many images at a source it is looked at once what proves something.
const EVIDENCE_AT_ONCE: usize = 4;

/// The turns at each source, and those between each pair of registries.
#[derive(Default)]
pub(crate) struct Rooms {
    sources: Mutex<HashMap<String, Arc<Room>>>,
    lanes: Mutex<HashMap<(String, String), Arc<Semaphore>>>,
}

/// The turns at one source.
pub(crate) struct Room {
    medium_image: Arc<Semaphore>,
    large_image: Arc<Semaphore>,
    large_attached: Arc<Semaphore>,
    envelope: Arc<Semaphore>,
    lists: Arc<Semaphore>,
    evidence: Arc<Semaphore>,
}

/// A turn. It ends when it is dropped.
pub(crate) type Turn = Option<OwnedSemaphorePermit>;

impl Rooms {
    pub(crate) fn of_source(&self, host: &str) -> Arc<Room> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sources.entry(host.to_owned()).or_default())
    }

    /// The turns for what is attached, between two registries: a target that hangs does not keep those of another one.
    pub(crate) fn attached(&self, source: &str, target: &str) -> Arc<Semaphore> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (source.to_owned(), target.to_owned());
        Arc::clone(lanes.entry(key).or_insert_with(|| Arc::new(Semaphore::new(ATTACHED_AT_ONCE))))
    }
}

impl Default for Room {
    fn default() -> Self {
        let turns = |count| Arc::new(Semaphore::new(count));
        Self {
            medium_image: turns(MEDIUM_AT_ONCE),
            large_image: turns(1),
            large_attached: turns(1),
            envelope: turns(1),
            lists: turns(LISTS_AT_ONCE),
            evidence: turns(EVIDENCE_AT_ONCE),
        }
    }
}

impl Room {
    /// For an image whose manifests are not small.
    pub(crate) async fn medium_image(&self) -> Turn {
        turn(&self.medium_image).await
    }

    /// For an image whose manifests are large.
    pub(crate) async fn large_image(&self) -> Turn {
        turn(&self.large_image).await
    }

    /// For manifests that are attached, and not small.
    pub(crate) async fn large_attached(&self) -> Turn {
        turn(&self.large_attached).await
    }

    /// For an attestation.
    pub(crate) async fn envelope(&self) -> Turn {
        turn(&self.envelope).await
    }

    /// For what proves something about an image, as the rules ask for it.
    pub(crate) async fn evidence(&self) -> Turn {
        turn(&self.evidence).await
    }

    /// For a list of referrers.
    pub(crate) async fn list(&self) -> Turn {
        turn(&self.lists).await
    }
}

/// A turn; these semaphores are never closed.
pub(crate) async fn turn(turns: &Arc<Semaphore>) -> Turn {
    Arc::clone(turns).acquire_owned().await.ok()
}
