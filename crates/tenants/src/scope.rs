//! What a client asks for: scopes, as the specification of distribution's token authentication writes them.

use std::collections::BTreeSet;
use std::fmt;

use local_registry_core::ImageReference;
use local_registry_core::registry::PORTABLE_HOST;

/// What may be done with a repository, or with the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Read manifests, tags and blobs.
    Pull,
    /// Write them.
    Push,
    /// Delete them.
    Delete,
    /// Read the names of all repositories.
    List,
}

impl Action {
    const OF_REPOSITORIES: [Self; 3] = [Self::Pull, Self::Push, Self::Delete];

    /// Its name, which is also RBAC's verb.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
            Self::List => "list",
        }
    }
}

/// What of a registry a scope is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A repository.
    Repository(RepositoryName),
    /// The list of all repositories.
    Catalog,
}

/// The name of a repository without its registry, such as `team/app`.
///
/// ```
/// use local_registry_tenants::RepositoryName;
///
/// let name = RepositoryName::parse("team/app/web").unwrap();
/// assert_eq!((name.namespace(), name.rest()), (Some("team"), "app/web"));
/// assert_eq!(RepositoryName::parse("app").unwrap().namespace(), None);
/// assert!(RepositoryName::parse("team/../other/app").is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RepositoryName(String);

impl RepositoryName {
    /// The name, if a registry can have a repository of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Behind a registry, the whole text is a path: `reg.io/app` is one, too.
        let reference = format!("{PORTABLE_HOST}/{text}");
        let is_name = ImageReference::parse(&reference).is_ok_and(|reference| reference.path() == text);
        is_name.then(|| Self(text.to_owned()))
    }

    /// The namespace whose repository it is: what is before the first slash. A name without a slash belongs to none.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.0.split_once('/').map(|(namespace, _)| namespace)
    }

    /// The name within that namespace.
    #[must_use]
    pub fn rest(&self) -> &str {
        self.0.split_once('/').map_or(self.0.as_str(), |(_, rest)| rest)
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One target and what is to be done with it, such as `repository:team/app:pull,push`.
///
/// ```
/// use local_registry_tenants::{Action, Scope};
///
/// let scope = Scope::parse("repository:team/app:pull,push,fly").unwrap();
/// assert_eq!(scope.actions().collect::<Vec<_>>(), [Action::Pull, Action::Push]);
/// // What is not known can be given to nobody, so it is left out.
/// assert_eq!(Scope::parse("plugin:team/app:pull"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    target: Target,
    actions: BTreeSet<Action>,
}

impl Scope {
    /// Parses `type:name:action,action…`. What is not known is left out, as the specification says: `None` for an unknown type, for
    /// one with a class, such as `repository(plugin)`, for a name that no repository can have, and where no known action is left.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        let target = match kind {
            "repository" => Target::Repository(RepositoryName::parse(name)?),
            "registry" if name == "catalog" => Target::Catalog,
            _ => return None,
        };
        let actions: BTreeSet<_> = actions.split(',').flat_map(|action| target.actions(action)).copied().collect();
        (!actions.is_empty()).then_some(Self { target, actions })
    }

    /// Adds what another scope asks for about the same target.
    pub(crate) fn add(&mut self, other: &Self) {
        self.actions.extend(other.actions());
    }

    /// The same target, with those of the actions that are granted; `None` if none is.
    pub(crate) fn granted(&self, granted: impl Fn(Action) -> bool) -> Option<Self> {
        let actions: BTreeSet<_> = self.actions().filter(|action| granted(*action)).collect();
        (!actions.is_empty()).then(|| Self { target: self.target.clone(), actions })
    }

    /// What it is about.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What is to be done.
    pub fn actions(&self) -> impl Iterator<Item = Action> {
        self.actions.iter().copied()
    }
}

impl Target {
    /// The actions that a word means. The catalog is asked for by `*`, and so is everything about a repository.
    fn actions(&self, word: &str) -> &'static [Action] {
        match (self, word) {
            (Self::Repository(_), "pull") => &[Action::Pull],
            (Self::Repository(_), "push") => &[Action::Push],
            (Self::Repository(_), "delete") => &[Action::Delete],
            (Self::Repository(_), "*") => &Action::OF_REPOSITORIES,
            (Self::Catalog, "*") => &[Action::List],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, &[Action])>) {
        let found = Scope::parse(text).map(|scope| {
            let name = match scope.target() {
                Target::Repository(name) => name.to_string(),
                Target::Catalog => "the catalog".to_owned(),
            };
            (name, scope.actions().collect::<Vec<_>>())
        });
        assert_eq!(found, expected.map(|(name, actions)| (name.to_owned(), actions.to_vec())), "{text}");
    }

    #[test]
    fn scopes_of_repositories() {
        use Action::{Delete, Pull, Push};
        check("repository:team/app:pull", Some(("team/app", &[Pull])));
        check("repository:team/app:push,pull,push", Some(("team/app", &[Pull, Push])));
        check("repository:app:delete", Some(("app", &[Delete])));
        check("repository:team/a/b_c/d-e.f:*", Some(("team/a/b_c/d-e.f", &[Pull, Push, Delete])));
        check("repository:reg.io/app:pull", Some(("reg.io/app", &[Pull])));
        check("repository:localhost/app:pull", Some(("localhost/app", &[Pull])));
        check(
            &format!("repository:team/{}:pull", "a".repeat(250)),
            Some((&format!("team/{}", "a".repeat(250)), &[Pull])),
        );
    }

    #[test]
    fn the_catalog() {
        check("registry:catalog:*", Some(("the catalog", &[Action::List])));
        check("registry:catalog:list", None);
        check("registry:catalog:pull", None);
        check("registry:other:*", None);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        for text in [
            "",
            ":",
            "::",
            "repository",
            "repository:team/app",
            "repository:team/app:",
            "repository:team/app:fly",
            "repository:team/app:Pull",
            "repository:team/app: pull",
            "repository:team/app:list",
            "repository(plugin):team/app:pull",
            "Repository:team/app:pull",
            "plugin:team/app:pull",
            "repository::pull",
            "repository:/team/app:pull",
            "repository:team/app/:pull",
            "repository:team//app:pull",
            "repository:team/../other/app:push",
            "repository:..:push",
            "repository:team/app@sha256:pull",
            "repository:team/app:v1:pull",
            "repository:Team/app:pull",
            "repository:team/a__ b:pull",
            "repository:team/äpp:pull",
            "repository:team/app\0:pull",
            "repository:team%2Fapp:pull",
            "repository:registry:5000/team/app:pull",
            "repository:[::1]/app:pull",
            "repository:*:*",
            "repository:team/*:push",
        ] {
            check(text, None);
        }
        check(&format!("repository:team/{}:pull", "a".repeat(251)), None);
    }
}
