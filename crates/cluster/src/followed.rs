//! An object that is followed, and what was last seen of it.

use local_registry_core::with_causes;
use tokio::time::Instant;

use super::object_watch::ObjectWatch;
use super::slim::Content;

/// An object that is followed, and what was last seen of it. That still counts while the object cannot be read.
pub struct Followed<C: Content> {
    watch: ObjectWatch<C>,
    /// Outer: whether the object was ever listed. Inner: whether it exists.
    seen: Option<Option<C>>,
    lost: Option<Lost>,
}

/// That an object cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Since when.
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

impl<C: Content + Default + PartialEq> Followed<C> {
    pub(super) fn new(watch: ObjectWatch<C>) -> Self {
        Self { watch, seen: None, lost: None }
    }

    /// Waits for news of the object. Dropping the future loses nothing.
    pub async fn news(&mut self) -> News {
        match self.watch.next().await {
            Ok(content) => {
                self.lost = None;
                let before = self.seen.replace(content);
                match before {
                    None => News::First,
                    Some(_) if self.seen == before => News::Same,
                    Some(_) => News::Changed,
                }
            }
            Err(error) => {
                let error = with_causes(&error);
                tracing::warn!(error, "the {} cannot be watched; trying again", C::KIND);
                let since = self.lost.take().map_or_else(Instant::now, |lost| lost.since);
                self.lost = Some(Lost { since, error });
                News::Lost
            }
        }
    }

    /// What was last seen: nothing before the object was read, and then what is used of it, or that there is no such object.
    #[must_use]
    pub fn seen(&self) -> Option<Option<&C>> {
        self.seen.as_ref().map(Option::as_ref)
    }

    /// Since when the object cannot be read, and why.
    #[must_use]
    pub fn lost(&self) -> Option<&Lost> {
        self.lost.as_ref()
    }
}
