//! The one client of registries, by the HTTP API of the OCI distribution specification.
//!
//! A [`Registry`] sends its requests by a [`Transport`] in layers: each of them wraps the one below, and does one thing.
//! `Retry` sends again, `Authorized` signs in, `LeftAlone` waits while the registry wants that, `Limited` keeps its limits, and
//! `Answers` reads what comes back.
//! At the bottom is HTTP by reqwest, or whatever a program brings. Nothing here knows what is promoted, or checked.
//!
//! ```
//! use local_registry_oci::{Repository, digest_of};
//!
//! let repository = Repository::parse("registry.example/team/app")?;
//! assert_eq!((repository.host(), repository.path()), ("registry.example", "team/app"));
//! assert_eq!(repository.tagged(&"v1".parse()?), "registry.example/team/app:v1");
//! let digest = digest_of(b"a manifest");
//! assert_eq!(repository.at(&digest), format!("registry.example/team/app@{digest}"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! `registries`, which is on by default: [`Registries`], HTTP by reqwest, signing in, and referrers. Without it, none of
//! their dependencies are built.

#![forbid(unsafe_code)]

mod access;
mod allowance;
mod answers;
#[cfg(feature = "registries")]
mod authorization;
mod backoff;
mod blob;
mod blobs;
mod challenge;
#[cfg(feature = "registries")]
mod credential;
#[cfg(feature = "registries")]
mod credentials;
mod docker_hub;
#[cfg(feature = "registries")]
mod endpoint;
mod error;
mod hasher;
mod health;
#[cfg(feature = "registries")]
mod helper;
#[cfg(feature = "registries")]
mod layouts;
mod left_alone;
mod limits;
mod manifests;
#[cfg(feature = "registries")]
mod movement;
#[cfg(feature = "registries")]
mod network;
#[cfg(feature = "registries")]
mod pages;
mod rate;
#[cfg(feature = "registries")]
mod referrers;
mod refusal;
#[cfg(feature = "registries")]
mod registries;
mod registry;
mod repository;
mod request;
mod response;
mod retry;
#[cfg(test)]
mod scripted;
mod secrets;
#[cfg(feature = "registries")]
mod tags;
mod transport;
mod url;
mod verified;

// All registries.
#[cfg(feature = "registries")]
pub use self::credentials::Credentials;
pub use self::limits::Limits;
#[cfg(feature = "registries")]
pub use self::registries::{Connection, Registries};

// One of them, and what it has.
pub use self::blob::Blob;
pub use self::error::{CopyError, RegistryError};
pub use self::hasher::digest_of;
pub use self::manifests::{RawManifest, Reference};
pub use self::registry::Registry;
pub use self::repository::{NameError, Repository};

// How it is asked.
pub use self::challenge::{Challenge, ChallengeError};
pub use self::request::Request;
pub use self::response::Response;
pub use self::transport::Transport;
