//! Repositories of registries.

use std::fmt;

use http::uri::Authority;
use local_registry_core::registry::Scheme;
use local_registry_core::{Digest, ImageReference, Tag};
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::docker_hub::{api_path, is_docker_hub};

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
    host: String,
    path: String,
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
        Ok(Self { host: host.to_owned(), path: reference.path().to_owned() })
    }

    /// The registry's host, and port if any.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path below the host.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What tells two repositories apart, however they are written: one registry may have several names.
    #[must_use]
    pub fn identity(&self) -> String {
        let host = self.host.to_ascii_lowercase();
        let authority = host.parse::<Authority>().ok();
        let (name, port) = match &authority {
            Some(authority) => (authority.host(), authority.port_u16()),
            None => (host.as_str(), None),
        };
        let (name, path) = match name {
            name if is_docker_hub(name) => ("docker.io", api_path(name, &self.path)),
            "localhost" | "[::1]" => ("127.0.0.1", self.path.clone()),
            name => (name, self.path.clone()),
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
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl Serialize for Repository {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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
    }
}
