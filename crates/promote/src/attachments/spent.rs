//! How much the attachments of one manifest of an image have taken of their limits.

use local_registry_core::Digest;
use local_registry_oci::RawManifest;

use crate::attached::{BLOBS, MANIFESTS, READ, REFERRERS};
use crate::image::{Place, PromotionError, Room, SMALL, Turn};

/// What the attachments of one manifest have taken so far.
#[derive(Default)]
pub(crate) struct Spent {
    referrers: usize,
    pub(crate) manifests: usize,
    read: usize,
    pub(crate) blobs: u64,
    /// The turn to hold more than a little.
    pub(crate) turn: Turn,
}

impl Spent {
    /// Counts a referrer, and returns whether there is room for it.
    pub(crate) fn referrer(&mut self) -> bool {
        self.referrers += 1;
        self.referrers <= REFERRERS
    }

    /// Whether one more manifest may be read.
    pub(crate) fn may_read(&self) -> Result<(), PromotionError> {
        within(self.read as u64, READ as u64, "bytes of manifests to read")
    }

    /// Whether there is room for a manifest of so many bytes.
    pub(crate) fn may_have(&self, bytes: u64) -> Result<(), PromotionError> {
        within((self.manifests as u64).saturating_add(bytes), MANIFESTS as u64, "bytes of manifests")
    }

    /// Counts a manifest. One that is left out for its size leaves room for others.
    pub(crate) fn manifest(&mut self, bytes: usize) -> Result<(), PromotionError> {
        self.read = self.read.saturating_add(bytes);
        let sum = self.manifests.saturating_add(bytes);
        within(sum as u64, MANIFESTS as u64, "bytes of manifests")?;
        self.manifests = sum;
        Ok(())
    }

    /// Counts the bytes of blobs.
    pub(crate) fn add_blobs(&mut self, bytes: u64) -> Result<(), PromotionError> {
        let sum = self.blobs.saturating_add(bytes);
        within(sum, BLOBS, "bytes of blobs")?;
        self.blobs = sum;
        Ok(())
    }
}

/// Whether something is within a limit.
pub(crate) fn within(found: u64, most: u64, what: &str) -> Result<(), PromotionError> {
    if found <= most { Ok(()) } else { Err(PromotionError::Unfit(format!("there are more than {most} {what}"))) }
}

/// A manifest that is attached. It counts, and if it is long, it waits for its turn and is read once more.
pub(crate) async fn attached_manifest(
    place: &Place<'_>,
    digest: &Digest,
    room: &Room,
    spent: &mut Spent,
) -> Result<RawManifest, PromotionError> {
    let gone = |error| match error {
        PromotionError::Incomplete { .. } => PromotionError::Unfit("is listed, and not there".to_owned()),
        error => error,
    };
    spent.may_read()?;
    let mut raw = place.whole_manifest(digest).await.map_err(gone)?;
    spent.manifest(raw.bytes.len())?;
    if spent.manifests > SMALL && spent.turn.is_none() {
        drop(raw);
        spent.turn = room.large_attached().await;
        raw = place.whole_manifest(digest).await?;
    }
    Ok(raw)
}
