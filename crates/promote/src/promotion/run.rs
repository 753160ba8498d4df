//! A promotion.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use super::copier::Copier;
use super::error::PromotionError;
use super::inspection::{Inspection, inspect};
use super::item::Item;
use super::plan::AT_ONCE;
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
    let reports = stream::iter(Item::group(edges))
        .map(|item| {
            let copier = &copier;
            async move { promote(registries, copier, &item, signatures).await }
        })
        .buffer_unordered(AT_ONCE);
    reports.for_each(async |reports| reports.iter().for_each(|report| progress.edge(report))).await;
}

async fn promote(registries: &Registries, copier: &Copier<'_>, item: &Item, signatures: Signatures) -> Vec<Report> {
    let inspection = match inspect(registries, item).await {
        Ok(inspection) => inspection,
        Err(error) => return all(item, &State::Unreachable { reason: error.to_string() }),
    };
    let done = act(copier, item, &inspection, signatures).await;
    let state = |edge: &Edge| match (inspection.state(item, edge.tag.as_ref()), &done) {
        (State::TagOnly | State::Copy | State::There, Err(error)) => State::Failed { reason: error.to_string() },
        (State::TagOnly, Ok(())) => State::Tagged,
        (State::Copy, Ok(())) => State::Copied,
        (state, _) => state,
    };
    item.edges().into_iter().map(|edge| Report { state: state(&edge), edge }).collect()
}

fn all(item: &Item, state: &State) -> Vec<Report> {
    item.edges().into_iter().map(|edge| Report { edge, state: state.clone() }).collect()
}

async fn act(
    copier: &Copier<'_>,
    item: &Item,
    inspection: &Inspection,
    signatures: Signatures,
) -> Result<(), PromotionError> {
    match inspection.rest {
        State::Copy => copier.copy(item).await?,
        State::There | State::TagOnly if signatures == Signatures::Follow => copier.attach(item).await?,
        State::TagOnly => {}
        _ => return Ok(()),
    }
    if inspection.open_tags(item).next().is_none() {
        return Ok(());
    }
    copier.tag(item, inspection.open_tags(item)).await
}
