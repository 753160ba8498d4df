//! Which Events are published, which only raise the count of an earlier one, and which are too many.
//!
//! kube's own recorder takes Events with the same reason for one Event, whatever their notes say. A second change of the
//! registry's host would raise the count of the first, and its note would not be published.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::policies::FIELD_MANAGER;

/// How many Events about one object may be published at once, and after how long one more may be. The figures are those of
/// Kubernetes' own clients. With them, a ConfigMap that changes every second does not fill the API server's storage, and takes
/// nothing from the Events about policies.
const BURST: u32 = 25;
const REFILL: Duration = Duration::from_mins(5);

/// How many Events are remembered, and for how long, so that the next equal one raises their count.
const REMEMBERED: usize = 16;
const MEMORY: Duration = Duration::from_mins(6);

/// How long a note may be, in bytes. The API server accepts 1 KiB.
const LONGEST_NOTE: usize = 1000;

/// What an Event says about an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Announcement {
    /// The Event's type: `Normal` or `Warning`.
    pub(crate) severity: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) action: &'static str,
    pub(crate) note: String,
    pub(crate) object: ObjectReference,
}

/// How an announcement is published.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Publication {
    /// Create this Event.
    Create(Box<Event>),
    /// Merge this patch into the Event of that name, which said the same.
    Count { name: String, patch: Value },
    /// Not at all: too many Events were published before.
    Drop,
}

/// The Events that were published.
#[derive(Debug)]
pub(crate) struct Journal {
    /// In the order in which they were last published or counted.
    entries: VecDeque<Entry>,
    /// How many Events may still be published about each object. An object without a bucket has a full one.
    buckets: BTreeMap<String, Bucket>,
}

/// How many Events may still be published at `refilled`.
#[derive(Debug)]
struct Bucket {
    tokens: u32,
    refilled: Instant,
}

#[derive(Debug)]
struct Entry {
    announcement: Announcement,
    name: String,
    count: i32,
    at: Instant,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self { entries: VecDeque::new(), buckets: BTreeMap::new() }
    }

    /// How to publish an announcement. If it repeats one that is remembered, it raises the count of that Event.
    pub(crate) fn publication(&mut self, announcement: Announcement, now: Instant, time: Timestamp) -> Publication {
        self.entries.retain(|entry| now.duration_since(entry.at) < MEMORY);
        let equal = self.entries.iter().position(|entry| entry.announcement == announcement);
        if let Some(mut entry) = equal.and_then(|index| self.entries.remove(index)) {
            entry.count = entry.count.saturating_add(1);
            entry.at = now;
            let series = json!({"count": entry.count, "lastObservedTime": MicroTime(time)});
            let name = entry.name.clone();
            self.entries.push_back(entry);
            return Publication::Count { name, patch: json!({"series": series}) };
        }
        if !self.take_token(&announcement.object, now) {
            return Publication::Drop;
        }
        let event = event(&announcement, time);
        let name = event.metadata.name.clone().unwrap_or_default();
        self.entries.push_back(Entry { announcement, name, count: 1, at: now });
        while self.entries.len() > REMEMBERED {
            self.entries.pop_front();
        }
        Publication::Create(Box::new(event))
    }

    /// Forgets an Event that is no longer there.
    pub(crate) fn forget(&mut self, name: &str) {
        self.entries.retain(|entry| entry.name != name);
    }

    fn take_token(&mut self, object: &ObjectReference, now: Instant) -> bool {
        self.buckets.retain(|_, bucket| {
            bucket.refill(now);
            bucket.tokens < BURST
        });
        let parts = [&object.kind, &object.namespace, &object.name].map(|part| part.as_deref().unwrap_or_default());
        self.buckets.entry(parts.join("/")).or_insert(Bucket { tokens: BURST, refilled: now }).take()
    }
}

impl Bucket {
    fn refill(&mut self, now: Instant) {
        while self.tokens < BURST && now.duration_since(self.refilled) >= REFILL {
            self.tokens += 1;
            self.refilled += REFILL;
        }
    }

    /// Takes a token; `false` if none is left.
    fn take(&mut self) -> bool {
        let left = self.tokens.checked_sub(1);
        self.tokens = left.unwrap_or_default();
        left.is_some()
    }
}

fn event(announcement: &Announcement, time: Timestamp) -> Event {
    let object = &announcement.object;
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{:x}", object.name.as_deref().unwrap_or(FIELD_MANAGER), time.as_nanosecond())),
            namespace: object.namespace.clone(),
            ..ObjectMeta::default()
        },
        type_: Some(announcement.severity.to_owned()),
        reason: Some(announcement.reason.to_owned()),
        action: Some(announcement.action.to_owned()),
        note: Some(shortened(&announcement.note)),
        regarding: Some(object.clone()),
        event_time: Some(MicroTime(time)),
        reporting_controller: Some(FIELD_MANAGER.to_owned()),
        reporting_instance: Some(FIELD_MANAGER.to_owned()),
        ..Event::default()
    }
}

fn shortened(note: &str) -> String {
    if note.len() <= LONGEST_NOTE {
        return note.to_owned();
    }
    let end = note.floor_char_boundary(LONGEST_NOTE);
    format!("{}…", note.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement(object: &str, note: &str) -> Announcement {
        let object = ObjectReference { name: Some(object.to_owned()), ..ObjectReference::default() };
        Announcement { severity: "Normal", reason: "SettingsChanged", action: "Apply", note: note.to_owned(), object }
    }

    /// A journal, and a clock that the test moves.
    struct Scene {
        journal: Journal,
        start: Instant,
        seconds: u32,
    }

    impl Scene {
        fn new() -> Self {
            Self { journal: Journal::new(), start: Instant::now(), seconds: 0 }
        }

        fn publication(&mut self, object: &str, note: &str) -> Publication {
            let time = Timestamp::from_second(i64::from(self.seconds)).unwrap();
            self.journal.publication(
                announcement(object, note),
                self.start + Duration::from_secs(self.seconds.into()),
                time,
            )
        }

        /// The note of the Event that is created.
        #[track_caller]
        fn creates(&mut self, object: &str, note: &str) -> String {
            match self.publication(object, note) {
                Publication::Create(event) => event.note.unwrap(),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn different_notes_are_different_events() {
        let mut scene = Scene::new();
        for note in ["a", "b", "c", "d"] {
            scene.seconds += 20;
            assert_eq!(scene.creates("policy", note), note);
        }
    }

    #[test]
    fn events_that_take_turns_raise_the_counts_of_the_first_ones() {
        let mut scene = Scene::new();
        scene.creates("crd", "added");
        scene.seconds += 1;
        scene.creates("crd", "missing");
        for turn in 2..200 {
            scene.seconds += 60;
            for name in ["crd.0", "crd.3b9aca00"] {
                let note = if name == "crd.0" { "added" } else { "missing" };
                let Publication::Count { name: counted, patch } = scene.publication("crd", note) else { panic!() };
                assert_eq!((counted.as_str(), &patch["series"]["count"]), (name, &json!(turn)));
            }
        }
    }

    #[test]
    fn an_event_that_repeats_another_one_raises_its_count() {
        let mut scene = Scene::new();
        scene.creates("policy", "a");
        scene.creates("other", "a");
        for count in 2..5 {
            scene.seconds += 60;
            let Publication::Count { name, patch } = scene.publication("policy", "a") else { panic!() };
            assert_eq!(name, "policy.0");
            assert_eq!(patch["series"]["count"], count);
            let time = format!("1970-01-01T00:{:02}:00.000000Z", count - 1);
            assert_eq!(patch["series"]["lastObservedTime"], time);
        }
        scene.journal.forget("policy.0");
        scene.creates("policy", "a");
        scene.seconds += 360;
        scene.creates("policy", "a");
    }

    #[test]
    fn a_flood_of_events_is_cut_off() {
        let mut scene = Scene::new();
        for n in 0..25 {
            scene.creates("policy", &n.to_string());
        }
        assert_eq!(scene.publication("policy", "25"), Publication::Drop);
        scene.creates("other", "25");
        assert!(scene.journal.entries.len() <= REMEMBERED);
        scene.seconds += 300;
        scene.creates("policy", "26");
        assert_eq!(scene.publication("policy", "27"), Publication::Drop);
        scene.seconds += 86_400;
        for n in 0..25 {
            scene.creates("policy", &n.to_string());
        }
        assert_eq!(scene.publication("policy", "25"), Publication::Drop);
    }

    #[test]
    fn a_long_note_is_cut() {
        let note = Scene::new().creates("policy", &"ü".repeat(800));
        assert_eq!(note, format!("{}…", "ü".repeat(500)));
    }
}
