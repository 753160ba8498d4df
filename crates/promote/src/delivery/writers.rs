//! What targets get beside manifests and tags: blobs, and lists of referrers.

use std::sync::Arc;

use super::referrer_index::ReferrerIndexes;
use super::shipments::Shipments;
use crate::edges::Progress;

/// Whatever writes to the targets.
pub(crate) struct Delivery {
    pub(crate) shipments: Shipments,
    pub(crate) indexes: ReferrerIndexes,
}

impl Delivery {
    pub(crate) fn new(progress: Arc<dyn Progress>) -> Self {
        Self { shipments: Shipments::new(progress), indexes: ReferrerIndexes::default() }
    }
}
