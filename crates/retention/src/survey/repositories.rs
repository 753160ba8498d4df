//! Which repositories are looked at.

use std::collections::BTreeSet;

use local_registry_core::text::matches_wildcard;
use local_registry_oci::{Registry, RegistryError};

/// Which repositories are looked at, by patterns in which `*` stands for any characters, `/` too.
///
/// ```
/// use local_registry_retention::Selection;
///
/// let selection = Selection { only: vec!["team/*".to_owned()], except: vec!["team/base".to_owned()] };
/// assert!(selection.has("team/app/web") && !selection.has("team/base") && !selection.has("other/app"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only those that match one of these; all, if there are none.
    pub only: Vec<String>,
    /// None that matches one of these.
    pub except: Vec<String>,
}

/// No name has it, so that `*` stands for everything.
const BARRIER: char = '\n';

impl Selection {
    /// Whether a repository is looked at.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        let matches = |patterns: &[String]| patterns.iter().any(|pattern| matches_wildcard(pattern, path, BARRIER));
        (self.only.is_empty() || matches(&self.only)) && !matches(&self.except)
    }

    /// The repositories of a registry that are looked at. Whoever names all of them does not need the right to list them.
    pub(crate) async fn of(&self, registry: &Registry) -> Result<BTreeSet<String>, RegistryError> {
        let is_named = !self.only.is_empty() && self.only.iter().all(|pattern| !pattern.contains('*'));
        let all = if is_named { self.only.clone() } else { registry.catalog().await? };
        Ok(all.into_iter().filter(|path| self.has(path)).collect())
    }
}
