//! What a registry has: the requests of the distribution specification.

pub(crate) mod blob;
pub(crate) mod blobs;
#[cfg(feature = "registries")]
pub(crate) mod catalog;
pub(crate) mod hasher;
pub(crate) mod manifests;
#[cfg(feature = "registries")]
pub(crate) mod pages;
#[cfg(feature = "registries")]
pub(crate) mod referrers;
pub(crate) mod registry;
#[cfg(feature = "registries")]
pub(crate) mod tags;
pub(crate) mod uploads;
pub(crate) mod verified;
