//! Which registry a repository belongs to, and where that is.

pub(crate) mod docker_hub;
#[cfg(feature = "registries")]
pub(crate) mod endpoint;
pub(crate) mod repository;
