//! What a promotion would do.

use std::sync::Arc;

use crate::edges::{Item, Progress, Remarks, State, in_lanes, report_in_order};
use crate::image::PromotionError;
use crate::inspection::{Inspection, inspect};
use crate::proof::{check_source, check_target};
use crate::source::{Shared, Transfer};
use local_registry_oci::Registries;
use local_registry_promotion_tree::{Edge, ProjectRules};

/// Asks the registries what they have, by HEAD requests alone, but for images that rules are about. Reports come in the order of
/// the edges.
pub async fn plan(
    registries: &Registries,
    edges: impl IntoIterator<Item = Edge>,
    rules: &ProjectRules,
    progress: Arc<dyn Progress>,
) {
    let (items, shared) = (Item::group(edges, rules), Shared::default());
    let shared = &shared;
    let results = in_lanes(&items, |item| states(registries, shared, item));
    report_in_order(&items, results, &*progress).await;
}

async fn states(registries: &Registries, shared: &Shared, item: &Item) -> (Vec<State>, Remarks) {
    let found = inspect(registries, &shared.reads, item).await;
    let held = match &found {
        Ok(inspection) => hold(registries, shared, item, inspection).await,
        Err(_) => Ok(Vec::new()),
    };
    let state = |tag| match (&found, &held) {
        (Err(error), _) => State::unseen(error),
        (Ok(inspection), held) => match (inspection.state(item, tag), held) {
            (State::Copy | State::TagOnly, Err(error)) => State::unseen(error),
            (state, _) => state,
        },
    };
    let states = item.tags_or_none().map(state).collect();
    (states, Remarks { warnings: held.unwrap_or_default(), ..Remarks::default() })
}

/// Looks whether the rules refuse what a promotion would do.
async fn hold(
    registries: &Registries,
    shared: &Shared,
    item: &Item,
    inspection: &Inspection,
) -> Result<Vec<String>, PromotionError> {
    let transfer = || Transfer::new(registries, shared, item);
    match inspection.rest {
        State::Copy => check_source(item, &transfer()?).await,
        State::TagOnly => {
            let transfer = transfer()?;
            match check_target(item, &transfer).await {
                // If it was signed after it was promoted, the signature is copied before the tag is set.
                Err(PromotionError::Refused(_)) if transfer.source_has(&item.digest).await? => {
                    check_source(item, &transfer).await
                }
                held => held,
            }
        }
        _ => Ok(Vec::new()),
    }
}
