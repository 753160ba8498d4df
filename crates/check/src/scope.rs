//! Where `check` looks.

use crate::location::Location;

/// Where `check` looks, and from where.
///
/// ```
/// use local_registry_check::{Scope, Location};
///
/// let scope = Scope { location: Location::InCluster, ..Scope::default() };
/// assert_eq!(scope.policy_servers, "kubewarden");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The namespace in which Kubewarden's policy servers run.
    pub policy_servers: String,
    /// The namespace in which the nodes' agents run.
    pub agents: String,
    /// The cluster's DNS domain.
    pub cluster_domain: String,
    /// Where the program runs.
    pub location: Location,
    /// Whether labelled namespaces should have credentials.
    pub credentials: Credentials,
}

/// Whether a program keeps credentials in labelled namespaces, by which their builds push.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Credentials {
    /// None does, as far as `check` was told, so it does not look for any.
    #[default]
    NotKept,
    /// One does.
    Kept,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            policy_servers: "kubewarden".to_owned(),
            agents: "local-registry-nodes".to_owned(),
            cluster_domain: "cluster.local".to_owned(),
            location: Location::OutOfCluster,
            credentials: Credentials::NotKept,
        }
    }
}
