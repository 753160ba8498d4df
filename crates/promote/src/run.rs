//! A promotion.

use std::sync::Arc;

use futures_util::stream::StreamExt;

use crate::attachments::LeftOut;
use crate::copier::Copier;
use crate::edges::{Item, Progress, Remarks, Report, State, in_lanes};
use crate::image::PromotionError;
use crate::inspection::{Inspection, inspect};
use crate::proof::{check_source, check_target};
use crate::signatures::Signatures;
use local_registry_oci::Registries;
use local_registry_promotion_tree::{Edge, ProjectRules};

/// Promotes every edge that is not in line. One that fails does not stop the others. Reports come as edges are done.
///
/// With [`Signatures::Follow`], what is attached to images that are at the target already is copied, too.
pub async fn run(
    registries: &Registries,
    edges: impl IntoIterator<Item = Edge>,
    rules: &ProjectRules,
    signatures: Signatures,
    progress: Arc<dyn Progress>,
) {
    let copier = Copier::new(registries, Arc::clone(&progress));
    let (copier, items) = (&copier, Item::group(edges, rules));
    let results = in_lanes(&items, |item| promote(registries, copier, item, signatures));
    results.for_each(async |(_, reports)| reports.iter().for_each(|report| progress.edge(report))).await;
}

async fn promote(registries: &Registries, copier: &Copier<'_>, item: &Item, signatures: Signatures) -> Vec<Report> {
    let inspection = match inspect(registries, copier.reads(), item).await {
        Ok(inspection) => inspection,
        Err(error) => {
            let state = State::unseen(&error);
            return item.reports(item.tags_or_none().map(|_| state.clone()), &Remarks::default());
        }
    };
    let left_out = LeftOut::default();
    let done = act(copier, item, &inspection, signatures, &left_out).await;
    let state = |tag| match (inspection.state(item, tag), &done) {
        // The rules are about what is promoted now. `verify` says it of what is there.
        (State::There, Err(PromotionError::Refused(_))) => State::There,
        (State::TagOnly | State::Copy | State::There, Err(error)) => State::unpromoted(error),
        (State::TagOnly, Ok(_)) => State::Tagged,
        (State::Copy, Ok(_)) => State::Copied,
        (state, _) => state,
    };
    let states: Vec<State> = item.tags_or_none().map(state).collect();
    item.reports(states, &Remarks { left_out: left_out.into_reasons(), warnings: done.unwrap_or_default() })
}

/// Promotes an item. Returns what is worth a warning.
async fn act(
    copier: &Copier<'_>,
    item: &Item,
    inspection: &Inspection,
    signatures: Signatures,
    left_out: &LeftOut,
) -> Result<Vec<String>, PromotionError> {
    if item.is_denied() {
        return Ok(Vec::new());
    }
    let transfer = copier.transfer(item)?;
    let has_open_tags = inspection.open_tags(item).next().is_some();
    let follows = signatures == Signatures::Follow;
    let warnings = match inspection.rest {
        State::Copy => {
            let warnings = check_source(item, &transfer).await?;
            copier.copy(item, left_out).await?;
            warnings
        }
        State::There | State::TagOnly if follows => {
            copier.attach(item, left_out).await?;
            if has_open_tags { check_target(item, &transfer).await? } else { Vec::new() }
        }
        State::TagOnly => match check_target(item, &transfer).await {
            // It may have been signed after it was promoted.
            Err(PromotionError::Refused(_)) if transfer.source_has(&item.digest).await? => {
                copier.attach(item, left_out).await?;
                check_target(item, &transfer).await?
            }
            held => held?,
        },
        _ => return Ok(Vec::new()),
    };
    if has_open_tags {
        copier.tag(item, inspection.open_tags(item)).await?;
    }
    Ok(warnings)
}
