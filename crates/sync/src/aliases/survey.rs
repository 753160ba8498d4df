//! What was last seen of the namespaces and of their aliases.

use std::collections::{BTreeMap, BTreeSet};

use local_registry_cluster::aliases::{Alias, NamespaceStatus};
use local_registry_cluster::follow::{FollowedAll, Place};

use super::plan::{Step, plan};

/// What was last seen of the namespaces that have the label, and of the Services that have the name of the alias.
#[derive(Debug)]
pub struct Survey<'a> {
    labelled: BTreeSet<&'a str>,
    /// The Service of each namespace that has one.
    aliases: BTreeMap<&'a str, &'a Alias>,
}

impl<'a> Survey<'a> {
    /// What was seen; `None` if not everything was read yet. What is being deleted takes no alias, so it does not count.
    #[must_use]
    pub fn of(namespaces: &'a FollowedAll<NamespaceStatus>, aliases: &'a FollowedAll<Alias>) -> Option<Self> {
        let is_alive =
            |(place, status): (&'a Place, &NamespaceStatus)| (!status.is_terminating()).then_some(place.name.as_str());
        let in_namespace = |(place, alias): (&'a Place, &'a Alias)| Some((place.namespace.as_deref()?, alias));
        Some(Self {
            labelled: namespaces.seen()?.iter().filter_map(is_alive).collect(),
            aliases: aliases.seen()?.iter().filter_map(in_namespace).collect(),
        })
    }

    /// What is to be done in each namespace that has the label, or an alias of ours, where aliases lead to this name.
    #[must_use]
    pub fn steps(&self, target: Option<&str>) -> BTreeMap<&'a str, Step<'a>> {
        plan(target, &self.labelled, &self.aliases)
    }
}
