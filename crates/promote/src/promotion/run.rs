//! A promotion.

use std::sync::Arc;

use futures_util::stream::StreamExt;

use super::copier::Copier;
use super::error::PromotionError;
use super::inspection::{Inspection, inspect};
use super::item::Item;
use super::lanes::in_lanes;
use super::left_out::LeftOut;
use super::progress::Progress;
use super::report::{Report, State};
use super::signatures::Signatures;
use crate::manifest::Edge;
use local_registry_oci::Registries;

/// Promotes every edge that is not in line. One that fails does not stop the others. Reports come as edges are done.
///
/// With [`Signatures::Follow`], what is attached to images that are at the target already is copied, too.
pub async fn run(
    registries: &Registries,
    edges: impl IntoIterator<Item = Edge>,
    signatures: Signatures,
    progress: Arc<dyn Progress>,
) {
    let copier = Copier::new(registries, Arc::clone(&progress));
    let (copier, items) = (&copier, Item::group(edges));
    let results = in_lanes(&items, |item| promote(registries, copier, item, signatures));
    results.for_each(async |(_, reports)| reports.iter().for_each(|report| progress.edge(report))).await;
}

async fn promote(registries: &Registries, copier: &Copier<'_>, item: &Item, signatures: Signatures) -> Vec<Report> {
    let inspection = match inspect(registries, copier.reads(), item).await {
        Ok(inspection) => inspection,
        Err(error) => {
            let state = State::Unreachable { reason: error.to_string() };
            return item.reports(item.tags_or_none().map(|_| state.clone()), &[]);
        }
    };
    let left_out = LeftOut::default();
    let done = act(copier, item, &inspection, signatures, &left_out).await;
    let state = |tag| match (inspection.state(item, tag), &done) {
        (State::TagOnly | State::Copy | State::There, Err(error)) => State::Failed { reason: error.to_string() },
        (State::TagOnly, Ok(())) => State::Tagged,
        (State::Copy, Ok(())) => State::Copied,
        (state, _) => state,
    };
    item.reports(item.tags_or_none().map(state), &left_out.into_reasons())
}

async fn act(
    copier: &Copier<'_>,
    item: &Item,
    inspection: &Inspection,
    signatures: Signatures,
    left_out: &LeftOut,
) -> Result<(), PromotionError> {
    match inspection.rest {
        State::Copy => copier.copy(item, left_out).await?,
        State::There | State::TagOnly if signatures == Signatures::Follow => copier.attach(item, left_out).await?,
        State::TagOnly => {}
        _ => return Ok(()),
    }
    if inspection.open_tags(item).next().is_none() {
        return Ok(());
    }
    copier.tag(item, inspection.open_tags(item)).await
}
