//! Signing in: what a registry asks for, and where credentials are kept.

#[cfg(feature = "registries")]
pub(crate) mod authorization;
pub(crate) mod challenge;
#[cfg(feature = "registries")]
pub(crate) mod credential;
#[cfg(feature = "registries")]
pub(crate) mod credentials;
#[cfg(feature = "registries")]
pub(crate) mod helper;
