//! Repositories of registries.

use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;

use http::uri::Authority;
use local_registry_core::registry::{Scheme, is_unusual_ipv4};
use local_registry_core::{Digest, ImageReference, Tag};
use serde::{Serialize, Serializer};
use thiserror::Error;

use super::docker_hub::{api_path, is_docker_hub};

/// A repository of a registry, as in `registry.example/team/app`.
///
/// ```
/// use local_registry_oci::Repository;
///
/// let repository = Repository::parse("[fd00::1]:5000/team/app")?;
/// assert_eq!((repository.host(), repository.path()), ("[fd00::1]:5000", "team/app"));
/// assert_eq!(
///     Repository::parse("team/app").unwrap_err().to_string(),
///     "names no registry; start with its host, which has a dot or a port, as in `registry.example/team`"
/// );
/// # Ok::<(), local_registry_oci::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    /// Host and path. Clones share it.
    text: Arc<str>,
    /// How many bytes the host has.
    host: usize,
}

/// Why a text names no registry, or no repository.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(transparent)]
pub struct NameError(#[from] NameErrorKind);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
enum NameErrorKind {
    #[error("names no registry; start with its host, which has a dot or a port, as in `registry.example/team`")]
    NoHost,
    #[error("has a tag or a digest; write the name alone")]
    NotAName,
    #[error(
        "names a host that ends in a number but is not an IPv4 address; write four numbers from 0 to 255 without leading zeros"
    )]
    NotIpv4,
    #[error("{0}")]
    Reference(String),
}

impl Repository {
    /// Parses `host/path`, without a tag or a digest.
    ///
    /// # Errors
    /// A [`NameError`] that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let reference = match ImageReference::parse(text) {
            Ok(reference) => reference,
            Err(error) => return Err(NameErrorKind::Reference(error.to_string()).into()),
        };
        let host = reference.registry().ok_or(NameErrorKind::NoHost)?;
        if reference.tag().is_some() || reference.digest().is_some() {
            return Err(NameErrorKind::NotAName.into());
        }
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        // Such a name leads to the same registry as another one, and nobody sees it.
        if !host.starts_with('[') && is_unusual_ipv4(&name.to_ascii_lowercase()) {
            return Err(NameErrorKind::NotIpv4.into());
        }
        Ok(Self { text: text.into(), host: host.len() })
    }

    /// The registry's host, and port if any.
    #[must_use]
    pub fn host(&self) -> &str {
        self.text.get(..self.host).unwrap_or_default()
    }

    /// The path below the host.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.get(self.host + 1..).unwrap_or_default()
    }

    /// What tells two repositories apart, however they are written: one registry may have several names.
    #[must_use]
    pub fn identity(&self) -> String {
        let (host, path) = (self.host().to_ascii_lowercase(), self.path());
        let authority = host.parse::<Authority>().ok();
        let (name, port) = match &authority {
            Some(authority) => (authority.host(), authority.port_u16()),
            None => (host.as_str(), None),
        };
        // An IPv6 address has many spellings.
        let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok());
        let name = match address.map(|address| (address, address.to_ipv4_mapped())) {
            Some((_, Some(mapped))) => mapped.to_string(),
            Some((address, None)) => format!("[{address}]"),
            None => name.to_owned(),
        };
        let (name, path) = match name.as_str() {
            name if is_docker_hub(name) => ("docker.io", api_path(name, path)),
            // The unspecified address connects to this machine, too.
            "[::1]" | "0.0.0.0" | "[::]" | "localhost.localdomain" | "ip6-localhost" => ("127.0.0.1", path.to_owned()),
            // RFC 6761.
            name if name == "localhost" || name.ends_with(".localhost") => ("127.0.0.1", path.to_owned()),
            name => (name, path.to_owned()),
        };
        // Without a port, a registry is asked by HTTPS, but a loopback address by HTTP.
        let scheme = if name.starts_with("127.") { Scheme::Http } else { Scheme::Https };
        format!("{name}:{}/{path}", port.unwrap_or(scheme.port()))
    }

    /// An image of this repository, by tag.
    #[must_use]
    pub fn tagged(&self, tag: &Tag) -> String {
        format!("{self}:{tag}")
    }

    /// An image of this repository, by digest.
    #[must_use]
    pub fn at(&self, digest: &Digest) -> String {
        format!("{self}@{digest}")
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Repository {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(Repository::parse(text).unwrap().identity(), expected);
    }

    #[test]
    fn one_registry_has_one_identity_however_it_is_written() {
        check("Registry.example/team/app", "registry.example:443/team/app");
        check("registry.example:443/team/app", "registry.example:443/team/app");
        check("docker.io/app", "docker.io:443/library/app");
        check("registry-1.docker.io/library/app", "docker.io:443/library/app");
        check("localhost:5000/app", "127.0.0.1:5000/app");
        check("[::1]/app", "127.0.0.1:80/app");
        check("[fd00::1]/app", "[fd00::1]:443/app");
        check("[fd00::1]:5000/app", "[fd00::1]:5000/app");
        check("[fd00:0:0::0001]:5000/app", "[fd00::1]:5000/app");
        check("[::ffff:a00:1]:5000/app", "10.0.0.1:5000/app");
        check("0.0.0.0:5000/app", "127.0.0.1:5000/app");
        check("a.localhost:5000/app", "127.0.0.1:5000/app");
        check("registry.hub.docker.com/team/app", "docker.io:443/team/app");
    }

    #[test]
    fn an_address_has_one_spelling() {
        for host in
            ["127.1:5000", "2130706433:5000", "0X7f.0.0.1", "registry.010", "127.0.0.01:5000", "0x7F000001:5000"]
        {
            let error = Repository::parse(&format!("{host}/app")).unwrap_err().to_string();
            assert!(error.contains("ends in a number but is not an IPv4 address"), "{host}: {error}");
        }
        assert!(Repository::parse("127.0.0.1:5000/app").is_ok());
    }
}
