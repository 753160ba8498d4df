//! What a registry has of an image, by HEAD requests alone.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;

use crate::edges::{Item, State};
use crate::image::{Place, PromotionError};
use crate::source::SourceReads;
use local_registry_core::{Digest, Tag};
use local_registry_oci::{Reference, Registries};

/// What is known of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inspection {
    /// The tags that are right, or that name something else.
    pub(crate) tags: BTreeMap<Tag, Digest>,
    /// What is to be done about everything else; `There` if there is nothing to do.
    pub(crate) rest: State,
}

impl Inspection {
    /// The state of one edge.
    pub(crate) fn state(&self, item: &Item, tag: Option<&Tag>) -> State {
        if let Some(reason) = tag.and_then(|tag| item.denies(tag)) {
            return State::Refused { reasons: vec![reason] };
        }
        match tag.and_then(|tag| self.tags.get(tag)) {
            Some(found) if *found == item.digest => State::There,
            Some(found) => State::Moves { found: found.clone() },
            None => self.rest.clone(),
        }
    }

    /// The tags that are to be set.
    pub(crate) fn open_tags<'i>(&'i self, item: &'i Item) -> impl Iterator<Item = &'i Tag> {
        item.allowed_tags().filter(|tag| !self.tags.contains_key(tag))
    }
}

/// Inspects an item. An edge that is in line costs one request.
pub(crate) async fn inspect(
    registries: &Registries,
    reads: &SourceReads,
    item: &Item,
) -> Result<Inspection, PromotionError> {
    let target = Place::target(registries, &item.target)?;
    let found = try_join_all(item.allowed_tags().map(async |tag| {
        let found = target.digest(Reference::Tag(tag)).await?;
        Ok::<_, PromotionError>(found.map(|digest| (tag.clone(), digest)))
    }))
    .await?;
    let tags: BTreeMap<Tag, Digest> = found.into_iter().flatten().collect();
    let is_known = tags.values().any(|found| *found == item.digest);
    // If all tags are denied, there is nothing to do, either.
    let is_in_line = !item.tags.is_empty() && tags.len() == item.allowed_tags().count();
    let by_digest = Reference::Digest(&item.digest);
    let rest = if is_in_line {
        State::There
    } else if is_known || target.digest(by_digest).await?.is_some() {
        if item.tags.is_empty() { State::There } else { State::TagOnly }
    } else if reads.has(&Place::source(registries, &item.source, &reads.manifests)?, &item.digest).await? {
        State::Copy
    } else {
        State::Missing
    };
    Ok(Inspection { tags, rest })
}
