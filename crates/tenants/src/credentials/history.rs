//! What this program has done, as far as it matters for what it does next.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use local_registry_cluster::credentials::{Fingerprint, Found, StoredSecret};
use tokio::time::Instant;

/// How long what was written is left alone, so that somebody who changes it again and again cannot keep this program busy.
const SPELL: Duration = Duration::from_secs(10);
/// How long one that was written is waited for, until it is seen: the watch may be behind.
const UNSEEN: Duration = Duration::from_mins(1);
/// How long a namespace rests that has failed, for the first time and at most. It is less than a third of the shortest life.
const REST: Duration = Duration::from_secs(15);
const LONGEST_REST: Duration = Duration::from_mins(3);

/// What this program has done.
#[derive(Debug, Default)]
pub(super) struct History {
    written: BTreeMap<String, Written>,
    failed: BTreeMap<String, Failure>,
    renewals: BTreeMap<String, Timestamp>,
}

/// A Secret that was written, or what is beside it.
#[derive(Debug)]
struct Written {
    version: String,
    wanted: Fingerprint,
    at: Instant,
    is_seen: bool,
}

/// Why a namespace rests.
#[derive(Debug)]
struct Failure {
    error: String,
    is_removal: bool,
    pause: Duration,
    until: Instant,
}

impl History {
    /// When the token of each namespace is to be renewed, whatever its Secret says by now. Whoever changes a Secret cannot put that
    /// off.
    pub(super) fn renewals(&self) -> &BTreeMap<String, Timestamp> {
        &self.renewals
    }

    /// Takes in that a Secret is good until then, by what it says itself, and returns what counts: what was known before, if there
    /// was anything.
    pub(super) fn note_good(&mut self, namespace: &str, renewal: Timestamp) -> Timestamp {
        let known = self.renewals.entry(namespace.to_owned()).or_insert(renewal);
        *known = renewal.min(*known);
        *known
    }

    /// Takes in that a Secret was written for this, with a token that is to be renewed then.
    pub(super) fn note_written(
        &mut self,
        namespace: &str,
        secret: &Found<StoredSecret>,
        wanted: Fingerprint,
        renewal: Timestamp,
    ) {
        let written = Written { version: secret.version().to_owned(), wanted, at: Instant::now(), is_seen: false };
        self.written.insert(namespace.to_owned(), written);
        self.renewals.insert(namespace.to_owned(), renewal);
    }

    /// Takes in that what is beside a good Secret was put right, for this. Then all of it is left alone for as long as after a Secret
    /// was written.
    pub(super) fn note_put_right(&mut self, namespace: &str, wanted: Fingerprint) {
        let written = Written { version: String::new(), wanted, at: Instant::now(), is_seen: true };
        self.written.insert(namespace.to_owned(), written);
    }

    /// Takes in what is seen of a Secret.
    pub(super) fn see(&mut self, namespace: &str, secret: &Found<StoredSecret>) {
        if let Some(written) = self.written.get_mut(namespace) {
            written.is_seen |= secret.version() == written.version;
        }
    }

    /// Until when a Secret is to be left alone, if it is: it was just written, for the same.
    pub(super) fn fresh_until(&self, namespace: &str, wanted: Fingerprint) -> Option<Instant> {
        let written = self.written.get(namespace).filter(|written| written.wanted == wanted)?;
        let until = written.at + if written.is_seen { SPELL } else { UNSEEN };
        (until > Instant::now()).then_some(until)
    }

    /// Takes in that something failed.
    pub(super) fn note_failed(&mut self, namespace: &str, is_removal: bool, error: &str) {
        let before = self.failed.get(namespace).filter(|failure| failure.is_removal == is_removal);
        let pause = before.map_or(REST, |failure| (failure.pause * 2).min(LONGEST_REST));
        let failure = Failure { error: error.to_owned(), is_removal, pause, until: Instant::now() + pause };
        self.failed.insert(namespace.to_owned(), failure);
    }

    /// Takes in that something succeeded.
    pub(super) fn note_succeeded(&mut self, namespace: &str) {
        self.failed.remove(namespace);
    }

    /// Until when a namespace rests, and why, if it does.
    pub(super) fn rests_until(&self, namespace: &str, is_removal: bool) -> Option<(Instant, &str)> {
        let failure = self.failed.get(namespace).filter(|failure| failure.is_removal == is_removal)?;
        (failure.until > Instant::now()).then_some((failure.until, failure.error.as_str()))
    }

    /// Forgets all other namespaces.
    pub(super) fn keep(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.written.retain(|namespace, _| is_kept(namespace));
        self.failed.retain(|namespace, _| is_kept(namespace));
        self.renewals.retain(|namespace, _| is_kept(namespace));
    }
}
