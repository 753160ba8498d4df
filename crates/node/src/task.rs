//! What the agent is started for.

use std::path::PathBuf;

use local_registry_declaration::AllowedHosts;

use super::paths::Paths;
use super::route::AddressRule;
use super::runtime::Runtime;

/// What the agent does on its node.
#[derive(Debug, Clone)]
pub struct NodeTask {
    /// The node's name, if it is known. Events are published about this Node.
    pub node: Option<String>,
    /// The node's container runtime.
    pub runtime: Runtime,
    /// Where the files are.
    pub paths: Paths,
    /// Where declared names lead, by the operator's word.
    pub addresses: Vec<AddressRule>,
    /// The cluster's DNS domain.
    pub cluster_domain: String,
    /// The file with the certificate authority of the registry, as this program sees it.
    pub ca: Option<PathBuf>,
    /// Whether files are only compared.
    pub dry_run: bool,
    /// The names that a cluster may declare.
    pub allowed: AllowedHosts,
}

impl Default for NodeTask {
    fn default() -> Self {
        Self {
            node: None,
            runtime: Runtime::default(),
            paths: Paths::default(),
            addresses: Vec::new(),
            cluster_domain: "cluster.local".to_owned(),
            ca: None,
            dry_run: false,
            allowed: AllowedHosts::default(),
        }
    }
}
