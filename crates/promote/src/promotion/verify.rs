//! Production against the manifests.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::stream::{self, TryStreamExt};

use super::attachments::Attachments;
use super::error::PromotionError;
use super::item::Item;
use super::lanes::{in_lanes, in_order};
use super::left_out::LeftOut;
use super::manifest_tree::ManifestTree;
use super::place::Place;
use super::progress::Progress;
use super::report::State;
use super::signatures::Signatures;
use super::transfer::{Shared, Transfer};
use crate::manifest::Edge;
use local_registry_core::Tag;
use local_registry_oci::{Reference, Registries};

/// For how many manifests of an image it is looked at once what is attached.
const AT_ONCE: usize = 16;

/// Reads every image from its targets, by tag and by digest. Reports come in the order of the edges.
///
/// With [`Signatures::Follow`], whatever is attached to an image at the source, and could be promoted, has to be at the target.
pub async fn verify(
    registries: &Registries,
    edges: impl IntoIterator<Item = Edge>,
    signatures: Signatures,
    progress: Arc<dyn Progress>,
) {
    let (items, shared) = (Item::group(edges), Shared::default());
    let shared = &shared;
    let results = in_lanes(&items, |item| states(registries, shared, item, signatures));
    in_order(results, |at, (states, left_out)| {
        let reports = items.get(at).map(|item| item.reports(states, &left_out));
        reports.into_iter().flatten().for_each(|report| progress.edge(&report));
    })
    .await;
}

/// The states of the edges of an item, and what of the source would not be promoted.
async fn states(
    registries: &Registries,
    shared: &Shared,
    item: &Item,
    signatures: Signatures,
) -> (Vec<State>, Vec<String>) {
    let mut states = Vec::new();
    for tag in item.tags_or_none() {
        let state = named(registries, item, tag).await;
        states.push(state.unwrap_or_else(|error| unreachable(&error)));
    }
    let left_out = LeftOut::default();
    if signatures == Signatures::Follow && states.contains(&State::There) {
        let state = match unsigned(registries, shared, item, &left_out).await {
            Ok(missing) if missing.is_empty() => State::There,
            Ok(missing) => State::Unsigned { missing: missing.into_iter().collect() },
            Err(error) => unreachable(&error),
        };
        for there in states.iter_mut().filter(|one| **one == State::There) {
            *there = state.clone();
        }
    }
    (states, left_out.into_reasons())
}

fn unreachable(error: &PromotionError) -> State {
    match error {
        PromotionError::Source(_) | PromotionError::Target(_) => State::Unreachable { reason: error.to_string() },
        _ => State::Failed { reason: error.to_string() },
    }
}

/// What a tag names, or whether the digest is there. The bytes are read, and have the digest.
async fn named(registries: &Registries, item: &Item, tag: Option<&Tag>) -> Result<State, PromotionError> {
    let target = Place::target(registries, item)?;
    let reference = tag.map_or(Reference::Digest(&item.digest), Reference::Tag);
    Ok(match target.manifest(reference).await? {
        None => State::Absent,
        Some(manifest) if manifest.digest == item.digest => State::There,
        Some(manifest) => State::Differs { found: manifest.digest },
    })
}

/// What is attached to the image, or to a part of it, at the source alone. Nothing, if the source has it no more.
async fn unsigned(
    registries: &Registries,
    shared: &Shared,
    item: &Item,
    left_out: &LeftOut,
) -> Result<BTreeSet<String>, PromotionError> {
    let transfer = Transfer::new(registries, shared, item)?;
    if !transfer.reads.has(&transfer.source, &item.digest).await? {
        return Ok(BTreeSet::new());
    }
    let tree = ManifestTree::read(&transfer.target, &item.digest, &transfer.room).await?;
    let attachments = Attachments::seen(&transfer, (&tree, &item.digest), left_out);
    stream::iter(tree.digests().map(Ok))
        .try_for_each_concurrent(AT_ONCE, |digest| attachments.of_manifest(digest))
        .await?;
    Ok(attachments.into_missing())
}
