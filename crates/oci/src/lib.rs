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

mod content;
mod exchange;
#[cfg(feature = "registries")]
mod layouts;
mod names;
#[cfg(feature = "registries")]
mod network;
mod pace;
#[cfg(feature = "registries")]
mod registries;
#[cfg(test)]
mod scripted;
mod sign_in;

// All registries.
pub use self::pace::limits::Limits;
#[cfg(feature = "registries")]
pub use self::registries::{Connection, Registries};
#[cfg(feature = "registries")]
pub use self::sign_in::credentials::Credentials;

// One of them, and what it has.
pub use self::content::blob::Blob;
pub use self::content::hasher::digest_of;
pub use self::content::manifests::{RawManifest, Reference};
pub use self::content::registry::Registry;
pub use self::exchange::error::{CopyError, RegistryError};
pub use self::names::repository::{NameError, Repository};

// How it is asked.
pub use self::exchange::request::Request;
pub use self::exchange::response::Response;
pub use self::exchange::transport::Transport;
pub use self::sign_in::challenge::{Challenge, ChallengeError};
