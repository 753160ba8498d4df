//! Production against the manifests.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::attachments::{Attachments, LeftOut};
use crate::edges::{Item, Progress, Remarks, State, in_lanes, report_in_order};
use crate::image::{ManifestTree, Place, PromotionError};
use crate::proof::check_target;
use crate::signatures::Signatures;
use crate::source::{Shared, Transfer};
use local_registry_core::Tag;
use local_registry_oci::{Reference, Registries};
use local_registry_promotion_tree::{Edge, ProjectRules};

/// Reads every image from its targets, by tag and by digest. Reports come in the order of the edges.
///
/// What the rules ask for is looked for at the targets. With [`Signatures::Follow`], whatever is attached to an image at the source,
/// and could be promoted, has to be at the target.
pub async fn verify(
    registries: &Registries,
    edges: impl IntoIterator<Item = Edge>,
    rules: &ProjectRules,
    signatures: Signatures,
    progress: Arc<dyn Progress>,
) {
    let (items, shared) = (Item::group(edges, rules), Shared::default());
    let shared = &shared;
    let results = in_lanes(&items, |item| states(registries, shared, item, signatures));
    report_in_order(&items, results, &*progress).await;
}

/// The states of the edges of an item, and what else there is to say.
async fn states(
    registries: &Registries,
    shared: &Shared,
    item: &Item,
    signatures: Signatures,
) -> (Vec<State>, Remarks) {
    let mut states = Vec::new();
    for tag in item.tags_or_none() {
        let state = match tag.and_then(|tag| item.denies(tag)) {
            Some(reason) => Ok(State::Refused { reasons: vec![reason] }),
            None => named(registries, item, tag).await,
        };
        states.push(state.unwrap_or_else(|error| State::unseen(&error)));
    }
    let (left_out, mut warnings) = (LeftOut::default(), Vec::new());
    if states.contains(&State::There) {
        let state = match proved(registries, shared, item, signatures, &left_out).await {
            Ok(found) => {
                warnings = found;
                State::There
            }
            Err(Unproved::Unsigned(missing)) => State::Unsigned { missing: missing.into_iter().collect() },
            Err(Unproved::Error(error)) => State::unseen(&error),
        };
        for there in states.iter_mut().filter(|one| **one == State::There) {
            *there = state.clone();
        }
    }
    (states, Remarks { left_out: left_out.into_reasons(), warnings })
}

/// Why an image that is there is not what it should be.
enum Unproved {
    /// The source has more that is attached to it.
    Unsigned(BTreeSet<String>),
    Error(PromotionError),
}

impl From<PromotionError> for Unproved {
    fn from(error: PromotionError) -> Self {
        Self::Error(error)
    }
}

/// Looks at an image that is there: by the rules, and at what is attached to it. Returns what is worth a warning.
async fn proved(
    registries: &Registries,
    shared: &Shared,
    item: &Item,
    signatures: Signatures,
    left_out: &LeftOut,
) -> Result<Vec<String>, Unproved> {
    let transfer = Transfer::new(registries, shared, item)?;
    let warnings = check_target(item, &transfer).await?;
    if signatures == Signatures::Follow {
        let missing = unsigned(&transfer, item, left_out).await?;
        if !missing.is_empty() {
            return Err(Unproved::Unsigned(missing));
        }
    }
    Ok(warnings)
}

/// What a tag names, or whether the digest is there. The bytes are read, and have the digest.
async fn named(registries: &Registries, item: &Item, tag: Option<&Tag>) -> Result<State, PromotionError> {
    let target = Place::target(registries, &item.target)?;
    let reference = tag.map_or(Reference::Digest(&item.digest), Reference::Tag);
    Ok(match target.manifest(reference).await? {
        None => State::Absent,
        Some(manifest) if manifest.digest == item.digest => State::There,
        Some(manifest) => State::Differs { found: manifest.digest },
    })
}

/// What is attached to the image, or to a part of it, at the source alone. Nothing, if the source has it no more.
async fn unsigned(
    transfer: &Transfer<'_>,
    item: &Item,
    left_out: &LeftOut,
) -> Result<BTreeSet<String>, PromotionError> {
    if !transfer.source_has(&item.digest).await? {
        return Ok(BTreeSet::new());
    }
    let tree = ManifestTree::read(&transfer.target, &item.digest, &transfer.room).await?;
    let attachments = Attachments::seen(transfer, (&tree, &item.digest), left_out);
    attachments.of_image().await?;
    Ok(attachments.into_missing())
}
