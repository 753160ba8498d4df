//! The registry's host as the nodes' container runtimes see it.

use super::super::checked_text::checked_text;
use super::super::portable::PORTABLE_HOST;
use super::check::{check, parts};
use super::error::{HostError, User};
use super::registry_host::RegistryHost;

/// The host, and port if any, under which the nodes' container runtimes pull: KEP-1755's `hostFromContainerRuntime`.
///
/// ```
/// use local_registry_core::RuntimeHost;
///
/// let host: RuntimeHost = "localhost:5001".parse()?;
/// assert_eq!(host.as_str(), "localhost:5001");
/// assert!(RuntimeHost::parse("docker.io").is_err());
/// # Ok::<(), local_registry_core::registry::HostError>(())
/// ```
///
/// The grammar is that of [`RegistryHost`]. `localhost` and loopback addresses are valid here, also `localhost` without a
/// port: they mean the node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuntimeHost(String);

impl RuntimeHost {
    /// Checks `text` against the grammar above.
    ///
    /// # Errors
    /// A [`HostError`] that says what was found and how to fix it.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        match check(text, User::Runtime) {
            Ok(()) => Ok(Self(text.to_owned())),
            Err(kind) => Err(HostError { text: text.to_owned(), kind }),
        }
    }

    /// The portable name, under which nodes pull in every cluster.
    #[must_use]
    pub fn portable() -> Self {
        Self(PORTABLE_HOST.to_owned())
    }

    /// The host without its port: a domain, an IPv4 address, or an IPv6 address between brackets.
    #[must_use]
    pub fn name(&self) -> &str {
        parts(&self.0).0
    }

    /// The port, if the host has one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        parts(&self.0).1
    }
}

impl From<&RegistryHost> for RuntimeHost {
    /// What is valid for pods is valid for runtimes.
    fn from(host: &RegistryHost) -> Self {
        Self(host.as_str().to_owned())
    }
}

checked_text!(RuntimeHost, HostError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_node_is_valid() {
        for host in
            ["localhost", "localhost:5001", "127.0.0.1:5000", "[::1]:5000", "ip6-localhost:5000", "reg.io", "10.0.0.5"]
        {
            assert_eq!(RuntimeHost::parse(host).map(|host| host.to_string()), Ok(host.to_owned()));
        }
    }

    #[test]
    fn the_rest_of_the_grammar_is_that_of_pods() {
        for host in [
            "",
            "Reg.io",
            "kind-registry",
            "docker.io",
            "0.0.0.0:5000",
            "[::]:5000",
            "169.254.1.1",
            "localhost:0",
            "a/b",
            "..",
            "ip6-localhost",
        ] {
            assert!(RuntimeHost::parse(host).is_err(), "{host}");
        }
    }

    #[test]
    fn errors_speak_of_nodes() {
        for (host, message) in [
            (
                "0.0.0.0:5000",
                "`0.0.0.0:5000` means every address of a machine, and none to connect to; write the host under which nodes reach the registry",
            ),
            (
                "169.254.1.1",
                "`169.254.1.1` is a link-local, multicast or broadcast address, and no registry answers every node there; write the host under which nodes reach the registry",
            ),
        ] {
            assert_eq!(RuntimeHost::parse(host).unwrap_err().to_string(), message);
        }
    }
}
