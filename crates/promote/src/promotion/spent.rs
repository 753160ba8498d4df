//! How much the attachments of one manifest of an image have taken of their limits.

use super::error::PromotionError;
use super::limits::{BLOBS, MANIFESTS, READ, REFERRERS};
use super::room::Turn;

/// What the attachments of one manifest have taken so far.
#[derive(Default)]
pub(super) struct Spent {
    referrers: usize,
    pub(super) manifests: usize,
    read: usize,
    pub(super) blobs: u64,
    /// The turn to hold more than a little.
    pub(super) turn: Turn,
}

impl Spent {
    /// Counts a referrer, and returns whether there is room for it.
    pub(super) fn referrer(&mut self) -> bool {
        self.referrers += 1;
        self.referrers <= REFERRERS
    }

    /// Whether one more manifest may be read.
    pub(super) fn may_read(&self) -> Result<(), PromotionError> {
        within(self.read as u64, READ as u64, "bytes of manifests to read")
    }

    /// Counts a manifest. One that is left out for its size leaves room for others.
    pub(super) fn manifest(&mut self, bytes: usize) -> Result<(), PromotionError> {
        self.read = self.read.saturating_add(bytes);
        let sum = self.manifests.saturating_add(bytes);
        within(sum as u64, MANIFESTS as u64, "bytes of manifests")?;
        self.manifests = sum;
        Ok(())
    }

    /// Counts the bytes of blobs.
    pub(super) fn add_blobs(&mut self, bytes: u64) -> Result<(), PromotionError> {
        let sum = self.blobs.saturating_add(bytes);
        within(sum, BLOBS, "bytes of blobs")?;
        self.blobs = sum;
        Ok(())
    }
}

/// Whether something is within a limit.
pub(super) fn within(found: u64, most: u64, what: &str) -> Result<(), PromotionError> {
    if found <= most { Ok(()) } else { Err(PromotionError::Unfit(format!("there are more than {most} {what}"))) }
}
