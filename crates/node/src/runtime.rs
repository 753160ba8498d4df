//! The container runtimes, and the file that each reads about a registry.

use std::path::PathBuf;

use local_registry_core::RuntimeHost;

use super::task::Paths;
use super::{containerd, cri_o};
use local_registry_core::registry::RegistryUrl;

/// The first words of every file of ours. The whole first line is the mark of ownership, and the rest of it says what the
/// file is about: a copy of a file under another name is not ours.
const MARKER: &str = "# local-registry-sync node";

/// The first line of a file about a name.
pub(super) fn first_line(name: &str) -> String {
    format!("{MARKER}: {name}")
}

/// The name that a file is about, by its first line.
pub(super) fn name_of(text: &str) -> Option<&str> {
    text.lines().next()?.strip_prefix(MARKER)?.strip_prefix(": ")
}

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

/// The first lines of a file about a name.
pub(super) fn header(name: &RuntimeHost) -> String {
    format!(
        "{}\n# The agent writes this file again wherever it differs. It leaves a file alone whose first line is another.\n",
        first_line(name.as_str())
    )
}
