//! A promotion.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use super::copier::Copier;
use super::error::PromotionError;
use super::item::Item;
use super::look::{Look, look};
use super::plan::AT_ONCE;
use super::progress::Progress;
use super::report::{Report, State};
use crate::manifest::Edge;
use local_registry_oci::Registries;

/// Whether images that are there already are looked at for signatures that came later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LateSignatures {
    /// They are copied, too.
    Copy,
    /// Nothing is asked about an image that is there.
    Ignore,
}

/// Promotes every edge that is not in line. One that fails does not stop the others. Reports come as edges are done.
pub async fn run(
    registries: &Registries,
    edges: impl IntoIterator<Item = Edge>,
    late: LateSignatures,
    progress: Arc<dyn Progress>,
) {
    let copier = Copier::new(registries, Arc::clone(&progress));
    let reports = stream::iter(Item::of(edges))
        .map(|item| {
            let copier = &copier;
            async move { promote(registries, copier, &item, late).await }
        })
        .buffer_unordered(AT_ONCE);
    reports.for_each(async |reports| reports.iter().for_each(|report| progress.edge(report))).await;
}

async fn promote(registries: &Registries, copier: &Copier<'_>, item: &Item, late: LateSignatures) -> Vec<Report> {
    let look = match look(registries, item).await {
        Ok(look) => look,
        Err(error) => return all(item, &State::Unreachable { reason: error.to_string() }),
    };
    let done = act(copier, item, &look, late).await;
    let state = |edge: &Edge| match (look.state(item, edge.tag.as_ref()), &done) {
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

async fn act(copier: &Copier<'_>, item: &Item, look: &Look, late: LateSignatures) -> Result<(), PromotionError> {
    match look.rest {
        State::Copy => copier.copy(item).await?,
        State::There | State::TagOnly if late == LateSignatures::Copy => copier.attach(item).await?,
        State::TagOnly => {}
        _ => return Ok(()),
    }
    if look.open_tags(item).next().is_none() {
        return Ok(());
    }
    copier.tag(item, look.open_tags(item)).await
}
