//! Where `check` looks.

use super::vantage::Vantage;

/// Where `check` looks, and from where.
///
/// ```
/// use local_registry_check::{Scope, Vantage};
///
/// let scope = Scope { vantage: Vantage::Inside, ..Scope::default() };
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
    pub vantage: Vantage,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            policy_servers: "kubewarden".to_owned(),
            agents: "local-registry-nodes".to_owned(),
            cluster_domain: "cluster.local".to_owned(),
            vantage: Vantage::Outside,
        }
    }
}
