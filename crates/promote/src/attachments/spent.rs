//! How much the attachments of one manifest of an image have taken of their limits.

use crate::attached::{BLOBS, MANIFESTS, READ, REFERRERS};
use crate::image::{PromotionError, Turn};

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
