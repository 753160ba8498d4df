//! Repositories of registries.

use std::fmt;

use local_registry_core::{Digest, ImageReference, Tag};
use serde::{Serialize, Serializer};
use thiserror::Error;

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
