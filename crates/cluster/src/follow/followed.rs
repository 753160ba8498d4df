//! An object that is followed, and what was last seen of it.

use local_registry_core::text::with_causes;
use tokio::time::Instant;

use crate::error::ClusterError;
use crate::follow::slim::{Content, Slim};
use crate::follow::watch::{Told, Watch};

/// An object that is followed, and what was last seen of it. That still counts while the object cannot be read.
pub struct Followed<C: Content> {
    watch: Watch<C>,
    seen: Seen<C>,
    lost: Option<Lost>,
}

/// What was last seen of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<C> {
    /// Nothing: it was not read yet.
    NotYet,
    /// That there is no such object.
    Absent,
    /// What is used of it.
    Present(C),
}

/// That an object cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Since when: when the API server was last heard of.
    pub since: Instant,
    /// Why, by the last error.
    pub error: String,
}

/// What became known of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It was read for the first time.
    First,
    /// It has changed, is new, or is gone.
    Changed,
    /// It was read, and is what it was.
    Same,
    /// It cannot be read.
    Lost,
}

impl<C: Content + PartialEq> Followed<C> {
    pub(crate) fn new(watch: Watch<C>) -> Self {
        Self { watch, seen: Seen::NotYet, lost: None }
    }

    /// Waits for news of the object. Dropping the future loses nothing.
    pub async fn news(&mut self) -> News {
        match self.watch.next().await {
            Ok(told) => {
                self.lost = None;
                let seen = match told {
                    Told::All(objects) => objects.into_iter().next().map_or(Seen::Absent, Seen::from),
                    Told::Is(object) => Seen::from(object),
                    Told::IsGone(_) => Seen::Absent,
                };
                match std::mem::replace(&mut self.seen, seen) {
                    Seen::NotYet => News::First,
                    before if self.seen == before => News::Same,
                    _ => News::Changed,
                }
            }
            Err(error) => {
                self.lost = Some(Lost::of(&self.watch, &error));
                News::Lost
            }
        }
    }

    /// What was last seen.
    #[must_use]
    pub fn seen(&self) -> &Seen<C> {
        &self.seen
    }

    /// Since when the object cannot be read, and why.
    #[must_use]
    pub fn lost(&self) -> Option<&Lost> {
        self.lost.as_ref()
    }
}

impl<C: Content> From<Slim<C>> for Seen<C> {
    fn from(object: Slim<C>) -> Self {
        Self::Present(object.into_content())
    }
}

impl Lost {
    /// That a watch has failed.
    pub(super) fn of<C: Content>(watch: &Watch<C>, error: &ClusterError) -> Self {
        let error = with_causes(error);
        tracing::warn!(error, "the {} cannot be watched; trying again", C::KIND);
        Self { since: watch.heard(), error }
    }
}
