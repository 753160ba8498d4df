//! Objects that are alike and are followed, and what was last seen of each.

use std::collections::BTreeMap;

use kube::Resource;

use crate::follow::followed::{Lost, News};
use crate::follow::slim::{Content, Slim};
use crate::follow::watch::{Told, Watch};

/// Objects that are alike and are followed, and what was last seen of each. That still counts while they cannot be read.
pub struct FollowedAll<C: Content> {
    watch: Watch<C>,
    seen: Option<BTreeMap<Place, C>>,
    lost: Option<Lost>,
}

/// Where an object is: its namespace, if it has one, and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The namespace.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl<C: Content + PartialEq> FollowedAll<C> {
    pub(crate) fn new(watch: Watch<C>) -> Self {
        Self { watch, seen: None, lost: None }
    }

    /// Waits for news of the objects. Dropping the future loses nothing.
    pub async fn news(&mut self) -> News {
        let told = match self.watch.next().await {
            Ok(told) => told,
            Err(error) => {
                self.lost = Some(Lost::of(&self.watch, &error));
                return News::Lost;
            }
        };
        self.lost = None;
        let has_changed = match told {
            Told::All(objects) => {
                let all = objects.into_iter().map(|object| (Place::of(&object), object.into_content())).collect();
                match self.seen.replace(all) {
                    None => return News::First,
                    before => before != self.seen,
                }
            }
            Told::Is(object) => {
                let place = Place::of(&object);
                let content = object.into_content();
                let seen = self.seen.get_or_insert_default();
                seen.get(&place) != Some(&content) && {
                    seen.insert(place, content);
                    true
                }
            }
            Told::IsGone(object) => self.seen.get_or_insert_default().remove(&Place::of(&object)).is_some(),
        };
        if has_changed { News::Changed } else { News::Same }
    }

    /// What was last seen of each; `None` if they were not read yet.
    #[must_use]
    pub fn seen(&self) -> Option<&BTreeMap<Place, C>> {
        self.seen.as_ref()
    }

    /// Since when the objects cannot be read, and why.
    #[must_use]
    pub fn lost(&self) -> Option<&Lost> {
        self.lost.as_ref()
    }
}

impl Place {
    fn of<C: Content>(object: &Slim<C>) -> Self {
        let metadata = object.meta();
        Self { namespace: metadata.namespace.clone(), name: metadata.name.clone().unwrap_or_default() }
    }
}
