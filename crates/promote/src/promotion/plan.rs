//! What a promotion would do.

use std::sync::Arc;

use super::inspection::inspect;
use super::item::Item;
use super::lanes::{in_lanes, in_order};
use super::progress::Progress;
use super::report::State;
use super::source_reads::SourceReads;
use crate::manifest::Edge;
use local_registry_oci::Registries;

/// Asks the registries what they have, by HEAD requests alone. Reports come in the order of the edges.
pub async fn plan(registries: &Registries, edges: impl IntoIterator<Item = Edge>, progress: Arc<dyn Progress>) {
    let (items, reads) = (Item::group(edges), SourceReads::default());
    let reads = &reads;
    let results = in_lanes(&items, |item| states(registries, reads, item));
    in_order(results, |at, states| {
        let reports = items.get(at).map(|item| item.reports(states, &[]));
        reports.into_iter().flatten().for_each(|report| progress.edge(&report));
    })
    .await;
}

async fn states(registries: &Registries, reads: &SourceReads, item: &Item) -> Vec<State> {
    let found = inspect(registries, reads, item).await;
    let state = |tag| match &found {
        Ok(inspection) => inspection.state(item, tag),
        Err(error) => State::Unreachable { reason: error.to_string() },
    };
    item.tags_or_none().map(state).collect()
}
