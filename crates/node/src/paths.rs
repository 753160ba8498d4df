//! Where the files of a node are.

use std::path::PathBuf;

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
