//! Events: which are published, which are counted to one that was, and which are too many.
//!
//! kube's own recorder counts every Event with the same reason to the first one, whatever its note
//! says; so a change of the registry's host would be told with the words of an earlier change.

use std::collections::VecDeque;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

/// How many Events may be published at once, and how long it takes until one more may be: as in Kubernetes'
/// own clients. Whoever changes the ConfigMap every second does not fill the API server's storage.
const BURST: u32 = 25;
const REFILL: Duration = Duration::from_secs(300);

/// How many Events are remembered, and for how long, so that their like is counted to them.
const REMEMBERED: usize = 16;
const MEMORY: Duration = Duration::from_secs(360);

/// The API server takes notes of up to 1 KiB.
const LONGEST_NOTE: usize = 1000;

/// What is told about an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct News {
    /// `Normal` or `Warning`.
    pub(crate) kind: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) action: &'static str,
    pub(crate) note: String,
    pub(crate) object: ObjectReference,
}

/// What to ask of the API server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Create this Event.
    Create(Box<Event>),
    /// Merge this into the Event of that name, which told the same; where it is gone, the Event is made anew.
    Count { name: String, patch: Value },
    /// Nothing: too many Events were published of late.
    Drop,
}

/// The Events that were published.
#[derive(Debug)]
pub(crate) struct Journal {
    manager: &'static str,
    told: VecDeque<Told>,
    /// How many Events may still be published at `refilled`.
    tokens: u32,
    refilled: Instant,
}

#[derive(Debug)]
struct Told {
    news: News,
    name: String,
    count: i32,
    at: Instant,
}

impl Journal {
    pub(crate) fn new(manager: &'static str) -> Self {
        Self { manager, told: VecDeque::new(), tokens: BURST, refilled: Instant::now() }
    }

    /// What to do about news. News that repeat the last ones about their object are counted to them.
    pub(crate) fn step(&mut self, news: News, now: Instant, time: Timestamp) -> Step {
        self.told.retain(|told| now.duration_since(told.at) < MEMORY);
        let last = self.told.iter_mut().rev().find(|told| told.news.object == news.object);
        if let Some(told) = last.filter(|told| told.news == news) {
            told.count = told.count.saturating_add(1);
            told.at = now;
            let series = json!({"count": told.count, "lastObservedTime": MicroTime(time)});
            return Step::Count { name: told.name.clone(), patch: json!({"series": series}) };
        }
        if !self.take_token(now) {
            return Step::Drop;
        }
        let event = self.event(&news, time);
        let name = event.metadata.name.clone().unwrap_or_default();
        self.told.push_back(Told { news, name, count: 1, at: now });
        while self.told.len() > REMEMBERED {
            self.told.pop_front();
        }
        Step::Create(Box::new(event))
    }

    /// Forgets an Event that is no longer there.
    pub(crate) fn forget(&mut self, name: &str) {
        self.told.retain(|told| told.name != name);
    }

    fn take_token(&mut self, now: Instant) -> bool {
        while self.tokens < BURST && now.duration_since(self.refilled) >= REFILL {
            self.tokens += 1;
            self.refilled += REFILL;
        }
        if self.tokens == BURST {
            self.refilled = now;
        }
        let left = self.tokens.checked_sub(1);
        self.tokens = left.unwrap_or_default();
        left.is_some()
    }

    fn event(&self, news: &News, time: Timestamp) -> Event {
        let object = &news.object;
        Event {
            metadata: ObjectMeta {
                name: Some(format!("{}.{:x}", object.name.as_deref().unwrap_or(self.manager), time.as_nanosecond())),
                namespace: object.namespace.clone(),
                ..ObjectMeta::default()
            },
            type_: Some(news.kind.to_owned()),
            reason: Some(news.reason.to_owned()),
            action: Some(news.action.to_owned()),
            note: Some(shortened(&news.note)),
            regarding: Some(object.clone()),
            event_time: Some(MicroTime(time)),
            reporting_controller: Some(self.manager.to_owned()),
            reporting_instance: Some(self.manager.to_owned()),
            ..Event::default()
        }
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

    fn news(object: &str, note: &str) -> News {
        let object = ObjectReference { name: Some(object.to_owned()), ..ObjectReference::default() };
        News { kind: "Normal", reason: "SettingsChanged", action: "Apply", note: note.to_owned(), object }
    }

    /// A journal, and a clock that is moved by hand.
    struct Scene {
        journal: Journal,
        start: Instant,
        seconds: u32,
    }

    impl Scene {
        fn new() -> Self {
            Self { journal: Journal::new("sync"), start: Instant::now(), seconds: 0 }
        }

        fn tell(&mut self, object: &str, note: &str) -> Step {
            let time = Timestamp::from_second(i64::from(self.seconds)).unwrap();
            self.journal.step(news(object, note), self.start + Duration::from_secs(self.seconds.into()), time)
        }

        /// The note of the Event that is created.
        #[track_caller]
        fn creates(&mut self, object: &str, note: &str) -> String {
            match self.tell(object, note) {
                Step::Create(event) => event.note.unwrap(),
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn what_differs_is_an_event_of_its_own() {
        let mut scene = Scene::new();
        for note in ["a", "b", "c", "a", "b", "c", "d"] {
            scene.seconds += 20;
            assert_eq!(scene.creates("policy", note), note);
        }
    }

    #[tokio::test]
    async fn what_is_told_again_is_counted() {
        let mut scene = Scene::new();
        scene.creates("policy", "a");
        scene.creates("other", "a");
        for count in 2..5 {
            scene.seconds += 60;
            let Step::Count { name, patch } = scene.tell("policy", "a") else { panic!() };
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

    #[tokio::test]
    async fn a_flood_ends_after_so_many() {
        let mut scene = Scene::new();
        for n in 0..25 {
            scene.creates("policy", &n.to_string());
        }
        assert_eq!(scene.tell("policy", "25"), Step::Drop);
        assert!(scene.journal.told.len() <= REMEMBERED);
        scene.seconds += 300;
        scene.creates("policy", "26");
        assert_eq!(scene.tell("policy", "27"), Step::Drop);
        scene.seconds += 86_400;
        for n in 0..25 {
            scene.creates("policy", &n.to_string());
        }
        assert_eq!(scene.tell("policy", "25"), Step::Drop);
    }

    #[tokio::test]
    async fn a_long_note_is_cut() {
        let note = Scene::new().creates("policy", &"ü".repeat(800));
        assert_eq!(note, format!("{}…", "ü".repeat(500)));
    }
}
