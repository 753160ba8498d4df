//! What targets get beside manifests and tags: blobs, and lists of referrers.

use std::sync::Arc;

use super::progress::Progress;
use super::referrer_index::ReferrerIndexes;
use super::shipments::Shipments;

/// Whatever writes to the targets.
pub(super) struct Delivery {
    pub(super) shipments: Shipments,
    pub(super) indexes: ReferrerIndexes,
}

impl Delivery {
    pub(super) fn new(progress: Arc<dyn Progress>) -> Self {
        Self { shipments: Shipments::new(progress), indexes: ReferrerIndexes::default() }
    }
}
