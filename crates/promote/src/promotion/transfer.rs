//! A transfer: an item between its two registries, and what it shares with others.

use std::sync::Arc;

use local_registry_oci::Registries;
use tokio::sync::Semaphore;

use super::error::PromotionError;
use super::item::Item;
use super::place::Place;
use super::room::{Room, Rooms};
use super::source_reads::SourceReads;

/// What all items share: memory, and what was read of sources.
#[derive(Default)]
pub(super) struct Shared {
    rooms: Rooms,
    pub(super) reads: SourceReads,
}

/// From which repository, to which one, and with how much memory.
pub(super) struct Transfer<'t> {
    pub(super) source: Place<'t>,
    pub(super) target: Place<'t>,
    pub(super) reads: &'t SourceReads,
    pub(super) room: Arc<Room>,
    /// The turns for what is attached.
    pub(super) attached: Arc<Semaphore>,
}

impl<'t> Transfer<'t> {
    pub(super) fn new(registries: &Registries, shared: &'t Shared, item: &'t Item) -> Result<Self, PromotionError> {
        let Shared { rooms, reads } = shared;
        Ok(Self {
            source: Place::source(registries, item, &reads.manifests)?,
            target: Place::target(registries, item)?,
            reads,
            room: rooms.of_source(item.source.host()),
            attached: rooms.attached(item.source.host(), item.target.host()),
        })
    }
}
