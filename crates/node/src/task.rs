//! What the agent is started for.

use std::path::PathBuf;

use super::route::AddressRule;
use super::runtime::Runtime;
use local_registry_declaration::AllowedHosts;

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

/// Where the files of a node are. All but `root` are paths as the node sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Where this program sees the node's root directory.
    pub root: PathBuf,
    /// containerd's directory of registries.
    pub certs: PathBuf,
    /// containerd's configuration.
    pub containerd_config: PathBuf,
    /// CRI-O's directory of drop-ins.
    pub registries: PathBuf,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            root: "/".into(),
            certs: "/etc/containerd/certs.d".into(),
            containerd_config: "/etc/containerd/config.toml".into(),
            registries: "/etc/containers/registries.conf.d".into(),
        }
    }
}
