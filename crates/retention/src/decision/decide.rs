//! The decision.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use local_registry_core::{Digest, Tag};

use super::closure::Attachments;
use super::fate::{Decision, Fate, Reason};
use super::inventory::Inventory;
use super::mentions::named_manifests;
use super::order::order;
use super::ranking::{Candidates, Dates, kept};
use super::rules::Rules;
use crate::names::named::{Named, Object};

/// What is decided by.
#[derive(Clone, Copy)]
pub(crate) struct Grounds<'a> {
    pub(crate) inventory: &'a Inventory,
    pub(crate) named: &'a Named,
    pub(crate) rules: Rules,
    pub(crate) now: Timestamp,
    /// Tags that stay whatever else holds, since they have changed while the program ran.
    pub(crate) changed: &'a BTreeSet<Tag>,
}

/// The images whose date matters: all that nobody names, if there are more of them than stay.
pub(crate) fn dates_wanted(grounds: Grounds<'_>) -> BTreeSet<Digest> {
    let (_, candidates) = split(grounds);
    let is_needed = candidates.len() > grounds.rules.keep.get();
    candidates.into_keys().filter(|_| is_needed).cloned().collect()
}

/// What becomes of each tag, and what is deleted in which order.
pub(crate) fn decide(grounds: Grounds<'_>, dates: &Dates) -> Decision {
    let Grounds { inventory, .. } = grounds;
    let (reasons, candidates) = split(grounds);
    let ranked = kept(&candidates, dates, grounds.rules, grounds.now);
    let attachments = Attachments::of(inventory);

    // What stays by itself, and then what hangs on it. What the cluster names by digest may have no tag.
    let named: Vec<&Digest> = named_manifests(inventory, grounds.named).into_keys().collect();
    let by_tag = reasons.keys().filter_map(|tag| inventory.tags.get(*tag));
    let unknown = attachments.all.iter().filter(|(_, _, subject)| !inventory.manifests.contains_key(subject));
    let unknown = unknown.map(|(_, digest, _)| *digest);
    let nothing = BTreeSet::new();
    let mut staying = BTreeSet::new();
    let start = named.iter().copied().chain(by_tag).chain(ranked.keys().copied()).chain(unknown);
    attachments.reach(inventory, start, &nothing, &mut staying);
    let going = loop {
        let mut going = BTreeSet::new();
        attachments.reach(inventory, candidates.keys().copied(), &staying, &mut going);
        // What is attached to something that neither stays nor goes, such as itself.
        let is_stray = |digest: &&Digest| !staying.contains(*digest) && !going.contains(*digest);
        let strays: Vec<&Digest> = attachments.all.iter().map(|(_, digest, _)| *digest).filter(is_stray).collect();
        if strays.is_empty() {
            break going;
        }
        attachments.reach(inventory, strays, &nothing, &mut staying);
    };

    let subjects: BTreeMap<&Tag, &Digest> = attachments.all.iter().map(|(tag, _, subject)| (*tag, subject)).collect();
    let fate = |tag: &Tag, digest: &Digest| match (reasons.get(tag), subjects.get(tag)) {
        (Some(reason), _) => Fate::Kept(reason.clone()),
        _ if going.contains(digest) => Fate::Deleted,
        (None, Some(subject)) if staying.contains(*subject) => Fate::Kept(Reason::Attached),
        (None, Some(subject)) if going.contains(*subject) => Fate::Untagged,
        (None, Some(_)) => Fate::Kept(Reason::Unattached),
        (None, None) => ranked.get(digest).map_or(Fate::Untagged, |reason| Fate::Kept(reason.clone())),
    };
    let fates = inventory.tags.iter().map(|(tag, digest)| (tag.clone(), fate(tag, digest))).collect();
    Decision { fates, removals: order(inventory, &attachments, &going) }
}

/// The tags that the cluster names, or that have changed, and the other images.
fn split(grounds: Grounds<'_>) -> (BTreeMap<&Tag, Reason>, Candidates<'_>) {
    let Grounds { inventory, named, changed, .. } = grounds;
    let by_digest: BTreeMap<&Digest, &Object> = named_manifests(inventory, named);
    let (mut reasons, mut candidates) = (BTreeMap::new(), Candidates::new());
    for (tag, digest) in &inventory.tags {
        if let Some(object) = named.tag(tag).or_else(|| by_digest.get(digest).copied()) {
            reasons.insert(tag, Reason::Named(object.clone()));
        } else if changed.contains(tag) {
            reasons.insert(tag, Reason::Changed);
        } else if inventory.subject(tag).is_none() {
            candidates.entry(digest).or_default().insert(tag);
        }
    }
    (reasons, candidates)
}
