//! Blobs on their way to the targets. Two images that share one do not send it twice, but nobody waits for another source.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{self, TryStreamExt};
use local_registry_core::Digest;
use local_registry_oci::{Blob, Repository};

use crate::edges::Progress;
use crate::image::{Parts, Place, PromotionError, Slots};
use crate::source::Transfer;

/// How many blobs of a manifest are under way at once.
const AT_ONCE: usize = 16;
/// How many blobs are remembered. One that is forgotten is looked for at the target once more.
const REMEMBERED: usize = 20_000;

/// Copies blobs.
pub(crate) struct Shipments {
    progress: Arc<dyn Progress>,
    /// By host and digest: the repositories that are known to have the blob.
    known: Mutex<HashMap<(String, Digest), BTreeSet<Repository>>>,
    /// By the hosts of target and source, and digest. A source that drips a blob only keeps its own copy from going on.
    under_way: Slots<(String, String, Digest)>,
}

impl Shipments {
    pub(crate) fn new(progress: Arc<dyn Progress>) -> Self {
        Self { progress, known: Mutex::default(), under_way: Slots::default() }
    }

    /// Copies all blobs of a manifest.
    pub(crate) async fn copy_all(&self, transfer: &Transfer<'_>, parts: &Parts) -> Result<(), PromotionError> {
        stream::iter(parts.blobs.iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |blob| self.copy(transfer, blob))
            .await
    }

    /// Copies a blob, unless the target has it.
    async fn copy(&self, transfer: &Transfer<'_>, blob: &Blob) -> Result<(), PromotionError> {
        let (source, target) = (&transfer.source, &transfer.target);
        let key = (target.repository.host().to_owned(), source.repository.host().to_owned(), blob.digest.clone());
        self.under_way.alone(key, self.copy_alone(source, target, blob)).await
    }

    async fn copy_alone(&self, source: &Place<'_>, target: &Place<'_>, blob: &Blob) -> Result<(), PromotionError> {
        let repository = target.repository;
        let other = match self.known(repository, &blob.digest) {
            Known::Here => return Ok(()),
            Known::At(other) => Some(other),
            Known::Nowhere => None,
        };
        let has_it = target.registry.has_blob(repository, blob).await.map_err(|error| target.failed(error))?;
        if !has_it {
            let is_same_registry = source.repository.host() == repository.host();
            let mount = match &other {
                _ if is_same_registry => Some(source.repository),
                // What another project has brought is only for who has it, too: a manifest may name any blob.
                Some(other) => {
                    let has_it = source.registry.has_blob(source.repository, blob).await;
                    has_it.map_err(|error| source.failed(error))?.then_some(other)
                }
                None => None,
            };
            let progress = Arc::clone(&self.progress);
            let seen = move |count| progress.bytes(count);
            target.registry.copy_blob(repository, blob, mount, (&source.registry, source.repository), seen).await?;
        }
        self.remember(repository, &blob.digest);
        Ok(())
    }

    fn known(&self, repository: &Repository, digest: &Digest) -> Known {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(&(repository.host().to_owned(), digest.clone())) {
            Some(all) if all.contains(repository) => Known::Here,
            Some(all) => all.first().cloned().map_or(Known::Nowhere, Known::At),
            None => Known::Nowhere,
        }
    }

    fn remember(&self, repository: &Repository, digest: &Digest) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let key = (repository.host().to_owned(), digest.clone());
        known.entry(key).or_default().insert(repository.clone());
    }
}

/// Where a registry is known to have a blob.
enum Known {
    Here,
    At(Repository),
    Nowhere,
}
