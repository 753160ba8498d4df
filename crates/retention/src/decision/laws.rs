//! What holds for every repository and every cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use local_registry_core::{Digest, Tag};
use proptest::prelude::*;

use super::date::Undated;
use super::decide::{Grounds, dates_wanted, decide};
use super::fate::{Decision, Fate, Reason};
use super::inventory::{Config, Inventory, Manifest};
use super::ranking::Dates;
use super::rules::{Rules, UndatedRule};
use crate::names::named::Named;

const NOW: i64 = 1_780_000_000;
const HOUR: i64 = 3600;

fn digest(number: usize) -> Digest {
    format!("sha256:{number:064x}").parse().unwrap()
}

fn config_of(number: usize) -> Digest {
    digest(1_000_000 + number)
}

/// A repository, and what the cluster names of it.
#[derive(Debug, Clone)]
struct World {
    inventory: Inventory,
    named: Named,
    dates: Dates,
    rules: Rules,
}

impl World {
    fn decide(&self) -> Decision {
        decide(self.grounds(&BTreeSet::new()), &self.dates)
    }

    fn grounds<'w>(&'w self, changed: &'w BTreeSet<Tag>) -> Grounds<'w> {
        let now = Timestamp::from_second(NOW).unwrap();
        Grounds { inventory: &self.inventory, named: &self.named, rules: self.rules, now, changed }
    }

    /// The same after a registry has carried a decision out.
    fn after(&self, decision: &Decision) -> Self {
        let mut after = self.clone();
        for removed in &decision.removals {
            after.inventory.manifests.remove(removed);
            after.inventory.tags.retain(|_, digest| digest != removed);
        }
        for tag in decision.untagged() {
            after.inventory.tags.remove(tag);
        }
        // What no tag and nobody in the cluster leads to is not read again.
        let named: Vec<Digest> = after.named.digests().into_keys().cloned().collect();
        let mut open: Vec<Digest> = after.inventory.tags.values().cloned().chain(named).collect();
        let mut found = BTreeSet::new();
        while let Some(digest) = open.pop() {
            if let Some(manifest) = after.inventory.manifests.get(&digest)
                && found.insert(digest)
            {
                open.extend(manifest.children.iter().cloned());
            }
        }
        after.inventory.manifests.retain(|digest, _| found.contains(digest));
        after
    }

    fn below(&self, digest: &Digest) -> BTreeSet<Digest> {
        let (mut open, mut found) = (vec![digest.clone()], BTreeSet::new());
        while let Some(digest) = open.pop() {
            if let Some(manifest) = self.inventory.manifests.get(&digest) {
                open.extend(manifest.children.iter().cloned());
            }
            found.insert(digest);
        }
        found
    }
}

/// What a generated tag is.
#[derive(Debug, Clone)]
enum TagKind {
    Image(usize),
    /// Attached to this manifest, which may not be there.
    Attachment(usize, &'static str),
}

fn worlds() -> impl Strategy<Value = World> {
    let size = 12_usize;
    let manifest = (
        proptest::collection::vec(0..size, 0..4),
        prop::option::weighted(0.1, 0..size + 2),
        // Hours before now; some have no date, and some have the same.
        prop::option::weighted(0.8, -2_i64..60),
        prop::bool::weighted(0.95),
    );
    let kind = prop_oneof![
        3 => (0..40_usize).prop_map(TagKind::Image),
        1 => ((0..size + 2), prop::sample::select(vec!["", ".sig", ".att"])).prop_map(|(subject, end)| TagKind::Attachment(subject, end)),
    ];
    let tags = proptest::collection::vec((kind, 0..size), 1..16);
    let named =
        (proptest::collection::vec(0..60_usize, 0..3), proptest::collection::vec((0..size + 2, any::<bool>()), 0..3));
    let rules = (1..4_usize, 0..30_u64, any::<bool>());
    (proptest::collection::vec(manifest, size), tags, named, rules).prop_map(|(manifests, tags, named, rules)| {
        let mut all = BTreeMap::new();
        let mut dates = Dates::new();
        for (number, (children, subject, hours, is_there)) in manifests.into_iter().enumerate() {
            // A digest is known only once everything below it is.
            let children = children.into_iter().filter(|child| *child < number).map(digest).collect();
            let config = Config { digest: config_of(number), size: 2, is_of_an_image: true };
            let manifest =
                Manifest { children, subject: subject.map(digest), config: Some(config), ..Manifest::default() };
            let date = hours.map(|hours| Timestamp::from_second(NOW - hours * HOUR).unwrap());
            dates.insert(digest(number), date.ok_or(Undated::Missing));
            if is_there {
                all.insert(digest(number), manifest);
            }
        }
        let mut tagged = BTreeMap::new();
        for (kind, number) in tags {
            let name = match kind {
                TagKind::Image(name) => format!("v{name}"),
                TagKind::Attachment(subject, end) => format!("sha256-{}{end}", digest(subject).hex()),
            };
            if all.contains_key(&digest(number)) {
                tagged.insert(name.parse::<Tag>().unwrap(), digest(number));
            }
        }
        let mut cluster = Named::default();
        for name in named.0 {
            cluster.name_tag(&format!("v{name}").parse().unwrap(), "Pod a/b");
        }
        for (number, by_config) in named.1 {
            cluster.name_digest(&if by_config { config_of(number) } else { digest(number) }, "Pod c/d");
        }
        let inventory = Inventory { tags: tagged, manifests: all };
        let (keep, hours, by_name) = rules;
        let rules = Rules {
            keep: keep.try_into().unwrap(),
            newer_than: Duration::from_secs(hours * 3600),
            undated: if by_name { UndatedRule::ByName } else { UndatedRule::Keep },
        };
        let world = World { inventory, named: cluster, dates, rules };
        // Only what can be reached is read.
        world.after(&Decision::default())
    })
}

proptest! {
    #![proptest_config(local_registry_testkit::properties::config(500, 11))]

    #[test]
    fn nothing_that_the_cluster_names_goes(world in worlds()) {
        let decision = world.decide();
        let going = decision.going();
        let digests: BTreeSet<Digest> = world.named.digests().into_keys().cloned().collect();
        for (tag, digest) in &world.inventory.tags {
            let is_named = world.named.tag(tag).is_some();
            let below = world.below(digest);
            let config = |digest: &Digest| world.inventory.manifests.get(digest).and_then(|found| found.config.clone());
            let names_it = |digest: &Digest| {
                digests.contains(digest) || config(digest).is_some_and(|config| digests.contains(&config.digest))
            };
            if is_named || below.iter().any(names_it) {
                prop_assert!(matches!(&decision.fates[tag], Fate::Kept(Reason::Named(_))), "{}", tag);
                prop_assert!(below.is_disjoint(&going), "{}", tag);
            }
        }
        for digest in &digests {
            prop_assert!(world.below(digest).is_disjoint(&going), "{}", digest);
        }
    }

    #[test]
    fn what_stays_is_whole_with_all_that_is_attached_to_it(world in worlds()) {
        let decision = world.decide();
        let going = decision.going();
        for (tag, digest) in &world.inventory.tags {
            if matches!(decision.fates[tag], Fate::Kept(_)) {
                let below = world.below(digest);
                prop_assert!(below.is_disjoint(&going), "{}", tag);
                for (attachment, attached) in &world.inventory.tags {
                    if world.inventory.subject(attachment).is_some_and(|subject| below.contains(&subject)) {
                        prop_assert!(matches!(decision.fates[attachment], Fate::Kept(_)), "{}", attachment);
                        prop_assert!(!going.contains(attached), "{}", attachment);
                    }
                }
            } else {
                // What goes, or what something else needs, which is then there.
                prop_assert_eq!(decision.fates[tag] == Fate::Deleted, going.contains(digest), "{}", tag);
            }
        }
    }

    #[test]
    fn the_newest_images_stay(world in worlds()) {
        let decision = world.decide();
        let going = decision.going();
        // Those that are left: each image counts once, and what the cluster names or is attached to something does not count.
        let is_left = |tag: &&Tag| {
            !matches!(decision.fates[*tag], Fate::Kept(Reason::Named(_))) && world.inventory.subject(tag).is_none()
        };
        let left: BTreeSet<&Digest> = world.inventory.tags.keys().filter(is_left).map(|tag| &world.inventory.tags[tag]).collect();
        let mut dated: Vec<(Timestamp, &Digest)> =
            left.iter().filter_map(|digest| Some((world.dates[*digest].clone().ok()?, *digest))).collect();
        dated.sort();
        let young = |date: &Timestamp| NOW - date.as_second() < i64::try_from(world.rules.newer_than.as_secs()).unwrap();
        let last = dated.len().saturating_sub(world.rules.keep.get());
        for (place, (date, digest)) in dated.iter().enumerate() {
            // One that is as old as the last that stays may go.
            let is_newer = place >= last && dated.get(last.wrapping_sub(1)).is_none_or(|(before, _)| before < date);
            if is_newer || young(date) {
                prop_assert!(!going.contains(*digest), "{}", digest);
            }
        }
        if world.rules.undated == UndatedRule::Keep {
            for digest in left.iter().filter(|digest| world.dates[**digest].is_err()) {
                prop_assert!(!going.contains(*digest), "{}", digest);
            }
        }
        let gone = left.iter().filter(|digest| going.contains(**digest)).count();
        prop_assert!(gone <= left.len().saturating_sub(world.rules.keep.get()));
    }

    #[test]
    fn deciding_again_deletes_nothing_more(world in worlds()) {
        let decision = world.decide();
        let again = world.after(&decision).decide();
        prop_assert_eq!(again.untagged().count(), 0);
        prop_assert_eq!(again.removals, Vec::<Digest>::new());
    }

    #[test]
    fn a_run_that_is_killed_leaves_nothing_in_the_way_of_the_next_one(world in worlds(), part in 0..20_usize) {
        let decision = world.decide();
        let cut = Decision { fates: BTreeMap::new(), removals: decision.removals.iter().take(part).cloned().collect() };
        let half = world.after(&cut);
        let next = half.decide();
        for (tag, fate) in &next.fates {
            match &decision.fates[tag] {
                Fate::Kept(_) => prop_assert!(matches!(fate, Fate::Kept(_)), "{}: {:?}", tag, fate),
                Fate::Untagged => prop_assert!(*fate != Fate::Deleted, "{}", tag),
                Fate::Deleted => {}
            }
        }
        let (next, before) = (next.going(), decision.going());
        prop_assert!(next.is_subset(&before));
    }

    #[test]
    fn an_index_goes_before_its_parts_and_what_is_attached_goes_first(world in worlds()) {
        let decision = world.decide();
        let place = |digest: &Digest| decision.removals.iter().position(|found| found == digest);
        let unique: BTreeSet<&Digest> = decision.removals.iter().collect();
        prop_assert_eq!(unique.len(), decision.removals.len());
        for digest in &decision.removals {
            for child in &world.inventory.manifests[digest].children {
                if let Some(child) = place(child) {
                    prop_assert!(place(digest).unwrap() < child, "{}", digest);
                }
            }
        }
    }

    #[test]
    fn what_changed_meanwhile_stays(world in worlds(), chosen in any::<prop::sample::Index>()) {
        prop_assume!(!world.inventory.tags.is_empty());
        let tag = world.inventory.tags.keys().nth(chosen.index(world.inventory.tags.len())).unwrap().clone();
        let changed = BTreeSet::from([tag.clone()]);
        let decision = decide(world.grounds(&changed), &world.dates);
        prop_assert!(matches!(decision.fates[&tag], Fate::Kept(_)));
        prop_assert!(world.below(&world.inventory.tags[&tag]).is_disjoint(&decision.going()));
    }

    #[test]
    fn dates_that_were_not_wanted_change_nothing(world in worlds()) {
        let nothing = BTreeSet::new();
        let wanted = dates_wanted(world.grounds(&nothing));
        let dates = world.dates.clone().into_iter().filter(|(digest, _)| wanted.contains(digest)).collect();
        let decision = decide(world.grounds(&nothing), &dates);
        prop_assert_eq!(decision, world.decide());
    }
}
