//! The container runtimes, and the file that each reads about a registry.

use std::path::PathBuf;

pub use super::containerd::directory;
pub use super::name::Name;
use super::paths::Paths;
pub use super::target::Target;
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
    pub(super) fn file(self, name: &Name, paths: &Paths) -> PathBuf {
        match self {
            Self::Containerd => paths.certs.join(containerd::directory(name.as_str())).join(containerd::HOSTS),
            Self::CriO => paths.registries.join(cri_o::file_name(name.as_str())),
        }
    }
}

/// The text of the runtime's file: where a name leads.
#[must_use]
pub fn contents(runtime: Runtime, name: &Name, target: Target<'_>) -> String {
    match runtime {
        Runtime::Containerd => containerd::hosts_toml(name, target),
        Runtime::CriO => cri_o::drop_in(name, target),
    }
}
