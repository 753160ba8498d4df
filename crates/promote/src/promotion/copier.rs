//! Copies an image: blobs, then manifests from the leaves up, each after what is attached to it, then the tags.
//!
//! An image is visible by its own digest or tag only when everything is there. So whatever stops a copy, the next one goes
//! on, and what is there already is not sent again.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::try_join_all;
use futures_util::stream::{self, TryStreamExt};
use oci_spec::image::Descriptor;
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::attached::{Attached, DEEPEST, index_tag, referrer};
use super::error::PromotionError;
use super::item::Item;
use super::manifest_tree::{Manifest, ManifestTree};
use super::parts::Parts;
use super::progress::Progress;
use local_registry_core::{Digest, Tag};
use local_registry_oci::{Blob, RawManifest, Reference, Registries, Registry, Repository};

/// How many attached artifacts are in memory at once, at each depth.
const ATTACHED_AT_ONCE: usize = 4;
/// How many parts of one image are under way at once.
const AT_ONCE: usize = 16;
/// What an index of referrers is.
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Copies images between registries.
pub(super) struct Copier<'r> {
    registries: &'r Registries,
    progress: Arc<dyn Progress>,
    /// By host and digest: the repositories that are known to have the blob.
    blobs: Slots<(String, Digest), BTreeSet<Repository>>,
    /// Permits for what is attached, by depth: an image waits for them with its own manifests in memory.
    permits: Vec<Semaphore>,
    /// One at a time changes an index of referrers.
    indexes: Slots<(Repository, Tag), ()>,
}

/// Values that one at a time may use.
struct Slots<K, V>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<V>>>>);

impl<K: Eq + Hash, V: Default> Slots<K, V> {
    fn slot(&self, key: K) -> Arc<tokio::sync::Mutex<V>> {
        Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default())
    }
}

/// From which repository, and to which one.
struct Transfer<'t> {
    source: (Arc<Registry>, &'t Repository),
    target: (Arc<Registry>, &'t Repository),
}

type Copying<'f> = Pin<Box<dyn Future<Output = Result<(), PromotionError>> + 'f>>;

impl<'r> Copier<'r> {
    pub(super) fn new(registries: &'r Registries, progress: Arc<dyn Progress>) -> Self {
        let permits = (0..=DEEPEST).map(|_| Semaphore::new(ATTACHED_AT_ONCE)).collect();
        Self { registries, progress, blobs: Slots(Mutex::default()), permits, indexes: Slots(Mutex::default()) }
    }

    /// A permit for something that is attached this deep. Whoever has one only waits for a deeper one.
    async fn permit(&self, depth: usize) -> Option<SemaphorePermit<'_>> {
        self.permits.get(depth)?.acquire().await.ok()
    }

    fn transfer<'t>(&self, item: &'t Item) -> Result<Transfer<'t>, PromotionError> {
        let source = (self.registries.registry(&item.source)?, &item.source);
        Ok(Transfer { source, target: (self.registries.registry(&item.target)?, &item.target) })
    }

    /// Copies an image with everything that is attached to it, but sets no tag.
    pub(super) async fn copy(&self, item: &Item) -> Result<(), PromotionError> {
        let transfer = self.transfer(item)?;
        self.image(&transfer, &item.digest, 0).await?;
        let (target, repository) = &transfer.target;
        // Read back, whole: its digest is checked on the way.
        match target.manifest(repository, Reference::Digest(&item.digest)).await? {
            Some(_) => Ok(()),
            None => Err(PromotionError::NotThere { image: repository.at(&item.digest) }),
        }
    }

    /// Copies what is attached to an image that is there already.
    pub(super) async fn attach(&self, item: &Item) -> Result<(), PromotionError> {
        let transfer = self.transfer(item)?;
        let (target, repository) = &transfer.target;
        let tree = ManifestTree::read(target, repository, &item.digest).await?;
        stream::iter(tree.digests().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |digest| self.attachments(&transfer, digest, 0))
            .await
    }

    /// Sets tags of an image that is there. Each is looked at once more, right before.
    pub(super) async fn tag<'t>(&self, item: &Item, tags: impl Iterator<Item = &'t Tag>) -> Result<(), PromotionError> {
        let (target, repository) = self.transfer(item)?.target;
        let Some(manifest) = target.manifest(repository, Reference::Digest(&item.digest)).await? else {
            return Err(PromotionError::NotThere { image: repository.at(&item.digest) });
        };
        let media_type = Parts::read(&manifest)?.media_type;
        try_join_all(tags.map(async |tag| match target.manifest_digest(repository, Reference::Tag(tag)).await? {
            Some(found) if found == item.digest => Ok(()),
            Some(found) => Err(PromotionError::Moves { image: repository.tagged(tag), found }),
            None => {
                target.put_manifest(repository, Reference::Tag(tag), &media_type, &manifest).await?;
                Ok(())
            }
        }))
        .await
        .map(drop)
    }

    /// Copies an image, by digest.
    async fn image(&self, transfer: &Transfer<'_>, digest: &Digest, depth: usize) -> Result<(), PromotionError> {
        let tree = ManifestTree::read(&transfer.source.0, transfer.source.1, digest).await?;
        self.manifests(transfer, &tree, digest, depth).await
    }

    /// Copies all manifests of an image, each after its parts, and each once. The top one is not looked for before: the caller
    /// knows that it is to be copied.
    fn manifests<'f>(
        &'f self,
        transfer: &'f Transfer<'f>,
        tree: &'f ManifestTree,
        top: &'f Digest,
        depth: usize,
    ) -> Copying<'f> {
        Box::pin(async move {
            for level in tree.leaves_first() {
                stream::iter(level.into_iter().map(Ok))
                    .try_for_each_concurrent(AT_ONCE, |manifest| self.manifest(transfer, manifest, top, depth))
                    .await?;
            }
            Ok(())
        })
    }

    async fn manifest(
        &self,
        transfer: &Transfer<'_>,
        manifest: &Manifest,
        top: &Digest,
        depth: usize,
    ) -> Result<(), PromotionError> {
        let (target, repository) = &transfer.target;
        let digest = &manifest.raw.digest;
        let by_digest = Reference::Digest(digest);
        if digest != top && target.manifest_digest(repository, by_digest).await?.is_some() {
            return self.attachments(transfer, digest, depth).await;
        }
        let blobs = stream::iter(manifest.parts.blobs.iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |blob| self.blob(transfer, blob));
        tokio::try_join!(blobs, self.attachments(transfer, digest, depth))?;
        target.put_manifest(repository, by_digest, &manifest.parts.media_type, &manifest.raw).await?;
        Ok(())
    }

    /// Copies a blob, unless the target has it. Two images that share one do not send it twice.
    async fn blob(&self, transfer: &Transfer<'_>, blob: &Blob) -> Result<(), PromotionError> {
        let ((source, source_repository), (target, repository)) = (&transfer.source, &transfer.target);
        let slot = self.blobs.slot((repository.host().to_owned(), blob.digest.clone()));
        let mut has_it = slot.lock().await;
        if has_it.contains(*repository) {
            return Ok(());
        }
        if !target.has_blob(repository, &blob.digest).await? {
            let is_same_registry = source_repository.host() == repository.host();
            let mount = if is_same_registry { Some(*source_repository) } else { has_it.first() };
            let progress = Arc::clone(&self.progress);
            let seen = move |count| progress.bytes(count);
            target.copy_blob(repository, blob, mount, (source, source_repository), seen).await?;
        }
        has_it.insert((*repository).clone());
        Ok(())
    }

    /// Copies what is attached to a manifest. That may be there before what it is about.
    fn attachments<'f>(&'f self, transfer: &'f Transfer<'f>, digest: &'f Digest, depth: usize) -> Copying<'f> {
        Box::pin(async move {
            let ((source, source_repository), (target, repository)) = (&transfer.source, &transfer.target);
            let attached = Attached::read_at(depth, source, source_repository, digest).await?;
            try_join_all(attached.tags.iter().map(|(tag, found)| self.cosign_tag(transfer, tag, found))).await?;
            if attached.referrers.is_empty() {
                return Ok(());
            }
            if depth == DEEPEST {
                return Err(PromotionError::TooDeep { digest: digest.clone(), deepest: DEEPEST });
            }
            let existing = Attached::listed(target, repository, digest).await?;
            let mut listed = Vec::new();
            for (found, descriptor) in &attached.referrers {
                let _permit = self.permit(depth + 1).await;
                let Some(tree) = referrer(source, source_repository, found, digest).await? else { continue };
                if target.manifest_digest(repository, Reference::Digest(found)).await?.is_none() {
                    self.manifests(transfer, &tree, found, depth + 1).await?;
                } else {
                    self.attachments(transfer, found, depth + 1).await?;
                }
                listed.push(descriptor);
            }
            if !existing.has_api && !listed.is_empty() {
                self.list(transfer, digest, &listed, attached.index.as_ref()).await?;
            }
            Ok(())
        })
    }

    /// Copies what a tag of cosign names. The tag moves only if all that it named before is in what it names then.
    async fn cosign_tag(&self, transfer: &Transfer<'_>, tag: &Tag, wanted: &Digest) -> Result<(), PromotionError> {
        let ((source, source_repository), (target, repository)) = (&transfer.source, &transfer.target);
        let found = target.manifest(repository, Reference::Tag(tag)).await?;
        if found.as_ref().is_some_and(|found| found.digest == *wanted) {
            return Ok(());
        }
        let _permit = self.permit(1).await;
        let tree = ManifestTree::read(source, source_repository, wanted).await?;
        let Some(manifest) = tree.manifest(wanted) else { return Ok(()) };
        if let Some(found) = found
            && !manifest.parts.has_signatures_of(&Parts::read(&found)?)
        {
            let (tag, target) = (tag.clone(), (*repository).clone());
            return Err(PromotionError::Signatures { tag, target, found: found.digest, wanted: wanted.clone() });
        }
        self.manifests(transfer, &tree, wanted, 1).await?;
        let media_type = &manifest.parts.media_type;
        target.put_manifest(repository, Reference::Tag(tag), media_type, &manifest.raw).await?;
        Ok(())
    }

    /// Lists referrers in the index of a manifest, for a registry without the API of referrers.
    async fn list(
        &self,
        transfer: &Transfer<'_>,
        subject: &Digest,
        referrers: &[&Descriptor],
        of_source: Option<&RawManifest>,
    ) -> Result<(), PromotionError> {
        let (target, repository) = &transfer.target;
        let Some(tag) = index_tag(subject) else { return Ok(()) };
        let slot = self.indexes.slot(((*repository).clone(), tag.clone()));
        let _only = slot.lock().await;
        let existing = target.manifest(repository, Reference::Tag(&tag)).await?;
        let merged = match (&existing, of_source) {
            (None, Some(index))
                if listed_digests(index) == referrers.iter().map(|one| one.digest().to_string()).collect() =>
            {
                index.clone()
            }
            // Somebody's image has that tag.
            (Some(other), _) if !is_index(other) => {
                let image = repository.tagged(&tag);
                return Err(PromotionError::Moves { image, found: other.digest.clone() });
            }
            (existing, _) => match merged(existing.as_ref(), referrers) {
                Some(index) => index,
                None => return Ok(()),
            },
        };
        target.put_manifest(repository, Reference::Tag(&tag), INDEX, &merged).await?;
        Ok(())
    }
}

/// Whether a manifest is an index.
fn is_index(manifest: &RawManifest) -> bool {
    let document: Value = serde_json::from_slice(&manifest.bytes).unwrap_or_default();
    document.get("manifests").is_some_and(Value::is_array)
}

/// The digests that an index lists.
fn listed_digests(index: &RawManifest) -> BTreeSet<String> {
    let index: Value = serde_json::from_slice(&index.bytes).unwrap_or_default();
    let listed = index.get("manifests").and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(|one| one.get("digest")?.as_str().map(str::to_owned)).collect()
}

/// An index with these referrers beside what it listed before; `None` if it lists all of them.
fn merged(before: Option<&RawManifest>, referrers: &[&Descriptor]) -> Option<RawManifest> {
    let known = before.map(listed_digests).unwrap_or_default();
    let new: Vec<Value> = referrers
        .iter()
        .filter(|one| !known.contains(&one.digest().to_string()))
        .filter_map(|one| serde_json::to_value(one).ok())
        .collect();
    if new.is_empty() {
        return None;
    }
    let mut index = before.and_then(|before| serde_json::from_slice::<Value>(&before.bytes).ok()).unwrap_or_default();
    if !index.get("manifests").is_some_and(Value::is_array) {
        index = serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
    }
    index.get_mut("manifests")?.as_array_mut()?.extend(new);
    Some(RawManifest::new(INDEX, serde_json::to_vec(&index).ok()?))
}
