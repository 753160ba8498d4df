//! Rights, as the cluster's RBAC has them: on a virtual resource, whose objects are the registry's repositories.

use std::fmt;

use local_registry_cluster::reviews;

use crate::scope::{Action, Scope, Target};

/// The API group of [`RESOURCE`].
pub const GROUP: &str = "registry.local-registry-hosting";
/// The resource that rights are about. No object of it exists.
pub const RESOURCE: &str = "repositories";

/// One action on one target: what a SubjectAccessReview is about.
///
/// Prints as `kubectl auth can-i` takes it.
///
/// ```
/// use local_registry_tenants::{Right, Scope};
///
/// let scope = Scope::parse("repository:team/app/web:push").unwrap();
/// let rights: Vec<String> = Right::of(&scope).map(|right| right.to_string()).collect();
/// assert_eq!(rights, ["push repositories.registry.local-registry-hosting/app/web --namespace team"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right<'a> {
    target: &'a Target,
    action: Action,
}

impl<'a> Right<'a> {
    /// The rights that a scope asks for.
    pub fn of(scope: &'a Scope) -> impl Iterator<Item = Self> {
        scope.actions().map(|action| Self { target: scope.target(), action })
    }

    /// What is to be done.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// The namespace that it is about. What belongs to none is for those who have the right in the whole cluster.
    #[must_use]
    pub fn namespace(&self) -> Option<&'a str> {
        match self.target {
            Target::Repository(name) => name.namespace(),
            Target::Catalog => None,
        }
    }

    /// The repository, within that namespace; `None` for the list of all.
    fn name(&self) -> Option<&'a str> {
        match self.target {
            Target::Repository(name) => Some(name.rest()),
            Target::Catalog => None,
        }
    }

    /// The question that a SubjectAccessReview asks.
    pub(crate) fn question(&self) -> reviews::Right<'a> {
        let verb = self.action.verb();
        reviews::Right { group: GROUP, resource: RESOURCE, verb, namespace: self.namespace(), name: self.name() }
    }
}

impl fmt::Display for Right<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {RESOURCE}.{GROUP}", self.action.verb())?;
        if let Some(name) = self.name() {
            write!(f, "/{name}")?;
        }
        match self.namespace() {
            Some(namespace) => write!(f, " --namespace {namespace}"),
            None => f.write_str(" --all-namespaces"),
        }
    }
}
