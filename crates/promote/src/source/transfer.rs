//! A transfer: an item between its two registries, and what it shares with others.

use std::sync::Arc;

use local_registry_core::Digest;
use local_registry_oci::Registries;
use tokio::sync::Semaphore;

use super::source_reads::SourceReads;
use crate::edges::Item;
use crate::image::{Place, PromotionError, Room, Rooms};

/// What all items share: memory, and what was read of sources.
#[derive(Default)]
pub(crate) struct Shared {
    rooms: Rooms,
    pub(crate) reads: SourceReads,
}

/// From which repository, to which one, and with how much memory.
pub(crate) struct Transfer<'t> {
    pub(crate) source: Place<'t>,
    pub(crate) target: Place<'t>,
    pub(crate) reads: &'t SourceReads,
    pub(crate) room: Arc<Room>,
    /// The turns for what is attached.
    pub(crate) attached: Arc<Semaphore>,
}

impl<'t> Transfer<'t> {
    /// Whether the source has an image.
    pub(crate) async fn source_has(&self, image: &Digest) -> Result<bool, PromotionError> {
        self.reads.has(&self.source, image).await
    }

    pub(crate) fn new(registries: &Registries, shared: &'t Shared, item: &'t Item) -> Result<Self, PromotionError> {
        let Shared { rooms, reads } = shared;
        Ok(Self {
            source: Place::source(registries, &item.source, &reads.manifests)?,
            target: Place::target(registries, &item.target)?,
            reads,
            room: rooms.of_source(item.source.host()),
            attached: rooms.attached(item.source.host(), item.target.host()),
        })
    }
}
