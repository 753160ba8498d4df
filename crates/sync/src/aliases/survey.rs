//! What was last seen of the namespaces and of their aliases.

use std::collections::{BTreeMap, BTreeSet};

use local_registry_cluster::aliases::{Alias, AliasLabel};
use local_registry_cluster::follow::{FollowedAll, Place};
use local_registry_cluster::namespaces::{Asking, LabelledNamespace};

use super::plan::{Step, plan};

/// What was last seen of the namespaces that have the label, and of the Services that have the name of the alias.
#[derive(Debug)]
pub struct Survey<'a> {
    labelled: BTreeSet<&'a str>,
    /// Those with another value of the label, which is likely a typo: its value.
    mislabelled: BTreeMap<&'a str, &'a str>,
    /// The Service of each namespace that has one.
    aliases: BTreeMap<&'a str, &'a Alias>,
}

impl<'a> Survey<'a> {
    /// What was seen; `None` if not everything was read yet. What is being deleted takes no alias, so it does not count.
    #[must_use]
    pub fn of(
        namespaces: &'a FollowedAll<LabelledNamespace<AliasLabel>>,
        aliases: &'a FollowedAll<Alias>,
    ) -> Option<Self> {
        let Asking { labelled, mislabelled, .. } = Asking::of(namespaces)?;
        let in_namespace = |(place, alias): (&'a Place, &'a Alias)| Some((place.namespace.as_deref()?, alias));
        let aliases = aliases.seen()?.iter().filter_map(in_namespace).collect();
        Some(Self { labelled, mislabelled, aliases })
    }

    /// The namespaces whose label has another value than `true`, and that value. They get no alias.
    #[must_use]
    pub fn mislabelled(&self) -> &BTreeMap<&'a str, &'a str> {
        &self.mislabelled
    }

    /// What is to be done in each namespace that has the label, or an alias of ours, where aliases lead to this name.
    #[must_use]
    pub fn steps(&self, target: Option<&str>) -> BTreeMap<&'a str, Step> {
        plan(target, &self.labelled, &self.aliases)
    }
}
