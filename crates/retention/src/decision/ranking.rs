//! Which images are the newest.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use local_registry_core::{Digest, Tag};

use super::date::Undated;
use super::fate::Reason;
use super::rules::{Rules, UndatedRule};

/// When each image was made, or why that is not known.
pub(crate) type Dates = BTreeMap<Digest, Result<Timestamp, Undated>>;

/// Images that nobody names, with the tags that name each. Several tags of one image count as one.
pub(crate) type Candidates<'a> = BTreeMap<&'a Digest, BTreeSet<&'a Tag>>;

/// Which of the candidates stay, and why.
pub(crate) fn kept<'a>(
    candidates: &Candidates<'a>,
    dates: &Dates,
    rules: Rules,
    now: Timestamp,
) -> BTreeMap<&'a Digest, Reason> {
    let keep = rules.keep.get();
    // Then nobody needs to know how old they are.
    if candidates.len() <= keep {
        return candidates.keys().map(|digest| (*digest, Reason::Newest)).collect();
    }
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (digest, tags) in candidates {
        let last = tags.iter().max_by(|one, other| one.natural_order(other)).copied();
        match dates.get(*digest) {
            Some(Ok(date)) => known.push((*date, last, *digest)),
            Some(Err(reason)) => unknown.push((reason.clone(), last, *digest)),
            None => unknown.push((Undated::Missing, last, *digest)),
        }
    }
    let by_name = |one: Option<&Tag>, other: Option<&Tag>| match (one, other) {
        (Some(one), Some(other)) => other.natural_order(one),
        _ => other.cmp(&one),
    };
    known.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| by_name(one.1, other.1)));
    unknown.sort_by(|one, other| by_name(one.1, other.1));
    // A time that is longer than time itself keeps everything.
    let newer_than = SignedDuration::try_from(rules.newer_than).unwrap_or(SignedDuration::MAX);
    let mut kept = BTreeMap::new();
    for (place, (date, _, digest)) in known.into_iter().enumerate() {
        if place < keep {
            kept.insert(digest, Reason::Newest);
        } else if now.duration_since(date) < newer_than {
            kept.insert(digest, Reason::Young);
        }
    }
    for (place, (reason, _, digest)) in unknown.into_iter().enumerate() {
        match rules.undated {
            UndatedRule::Keep => {
                kept.insert(digest, Reason::Undated(reason));
            }
            UndatedRule::ByName if place < keep => {
                kept.insert(digest, Reason::Newest);
            }
            UndatedRule::ByName => {}
        }
    }
    kept
}
