//! The container runtimes, and the file that each reads about a registry.

use std::path::PathBuf;

use local_registry_core::RuntimeHost;
use local_registry_core::registry::RegistryUrl;

pub use super::containerd::directory;
use super::paths::Paths;
use super::{containerd, cri_o};

/// A container runtime.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Runtime {
    /// containerd, which reads a `hosts.toml` for each registry.
    #[default]
    Containerd,
    /// CRI-O, which reads drop-ins of `registries.conf`.
    CriO,
}

impl Runtime {
    /// The runtime's file for a name, as the node sees it.
    pub(super) fn file(self, name: &RuntimeHost, paths: &Paths) -> PathBuf {
        match self {
            Self::Containerd => paths.certs.join(containerd::directory(name.as_str())).join(containerd::HOSTS),
            Self::CriO => paths.registries.join(cri_o::file_name(name)),
        }
    }
}

/// The text of the runtime's file: where a name leads. `has_ca`: whether the file `ca.crt` lies beside it.
#[must_use]
pub fn contents(runtime: Runtime, name: &RuntimeHost, url: &RegistryUrl, has_ca: bool) -> String {
    match runtime {
        Runtime::Containerd => containerd::hosts_toml(name, url, has_ca),
        Runtime::CriO => cri_o::drop_in(name, url),
    }
}
