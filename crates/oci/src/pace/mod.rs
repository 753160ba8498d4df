//! How fast, how often and for how long a registry is asked.

pub(crate) mod backoff;
pub(crate) mod health;
pub(crate) mod left_alone;
pub(crate) mod limits;
#[cfg(feature = "registries")]
pub(crate) mod movement;
pub(crate) mod rate;
pub(crate) mod retry;
