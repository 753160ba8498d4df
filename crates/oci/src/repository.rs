//! Registries, repositories in them, and how manifests write both.

use std::fmt;

use local_registry_core::ImageReference;
use serde::{Serialize, Serializer};
use thiserror::Error;

use super::{Digest, Tag};

/// A registry, or a folder of one, as in `registry.example/team`.
///
/// ```text
/// registry = host [ "/" path ]
/// ```
///
/// The grammar of host and path is that of
/// [`ImageReference`](https://docs.rs/local-registry-core): both parsers of the ecosystem read them alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryName(String);

/// A repository of a registry, as in `registry.example/team/app`.
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

/// A path that is valid below any host.
const ANY_PATH: &str = "any";

impl RegistryName {
    /// Checks `text` against the grammar above.
    ///
    /// # Errors
    /// A [`NameError`] that says what is wrong and how to fix it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let probe = format!("{text}/{ANY_PATH}");
        Repository::parse(&probe).map(|_| Self(text.to_owned()))
    }

    /// The repository of an image of this registry.
    ///
    /// # Errors
    /// A [`NameError`] if the image has no valid name.
    pub fn repository(&self, image: &str) -> Result<Repository, NameError> {
        Repository::parse(&format!("{}/{image}", self.0))
    }

    /// The name as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegistryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
        let path = reference.remainder();
        if path.contains([':', '@']) {
            return Err(NameErrorKind::NotAName.into());
        }
        Ok(Self { host: host.to_owned(), path: path.to_owned() })
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
    pub(crate) fn identity(&self) -> String {
        let host = self.host.to_ascii_lowercase();
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port.trim_start_matches('0')),
            _ => (host.as_str(), ""),
        };
        let (name, path) = match name {
            "docker.io" | "index.docker.io" | "registry-1.docker.io" if !self.path.contains('/') => {
                ("docker.io", format!("library/{}", self.path))
            }
            "index.docker.io" | "registry-1.docker.io" => ("docker.io", self.path.clone()),
            "localhost" | "[::1]" => ("127.0.0.1", self.path.clone()),
            name => (name, self.path.clone()),
        };
        // Without a port, a registry is asked by HTTPS, but a loopback address by HTTP.
        let default = if name.starts_with("127.") { "80" } else { "443" };
        let port = if port.is_empty() { default } else { port };
        format!("{name}:{port}/{path}")
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
    fn check(name: &str, image: &str, expected: Result<(&str, &str), &str>) {
        let found = RegistryName::parse(name).and_then(|name| name.repository(image));
        let found = found.as_ref().map(|found| (found.host(), found.path())).map_err(ToString::to_string);
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn repositories_are_below_a_host() {
        check("gcr.io/k8s-staging-jobset", "charts/jobset", Ok(("gcr.io", "k8s-staging-jobset/charts/jobset")));
        check("localhost:5000", "app", Ok(("localhost:5000", "app")));
        check("registry.example", "team/app", Ok(("registry.example", "team/app")));
        check("docker.io/team", "app", Ok(("docker.io", "team/app")));
        let no_host =
            "names no registry; start with its host, which has a dot or a port, as in `registry.example/team`";
        check("staging", "app", Err(no_host));
        check("team/staging", "app", Err(no_host));
        check("", "app", Err("has an empty path component at character 1"));
        check("reg.io/", "app", Err("has an empty path component at character 8"));
        check("https://reg.io", "app", Err("starts with a scheme; leave out `https://`"));
        check("reg.io", "app:v1", Err("has a tag or a digest; write the name alone"));
        check("reg.io", "App", Err("has the upper-case letter `A` at character 8; a path is lower case"));
        check(
            "reg.io",
            "../app",
            Err("has a misplaced `..` at character 8; `.`, `_`, `__` and dashes stand between letters or digits"),
        );
    }
}
