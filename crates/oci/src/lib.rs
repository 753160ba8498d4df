//! Registries, by the HTTP API of the OCI distribution specification: the one place that speaks HTTP.
//!
//! Ours, and not a library's: see ARCHITECTURE.md. Nothing here knows what is promoted.

mod authorization;
mod blobs;
mod client;
mod credentials;
mod endpoint;
mod error;
mod hasher;
mod manifests;
mod referrers;
mod repository;
mod secrets;
mod transport;
mod verified;

pub use self::blobs::Blob;
pub use self::client::Registry;
pub use self::client::{Connection, Registries};
pub use self::credentials::Credentials;
pub use self::error::RegistryError;
pub use self::hasher::{Hasher, digest_of};
pub use self::manifests::{RawManifest, Reference};
pub use self::repository::{NameError, Repository};
pub use self::transport::Limits;
