//! The parts of `local-registry-sync` that perform no I/O: what a cluster declares about its local
//! registry, and what that means for the policy's settings.

#![forbid(unsafe_code)]

mod config_map;
mod plan;

pub use config_map::{Declaration, Declared, KEY_PREFIX, NAME, NAMESPACE, Unusable, read};
pub use plan::{MANAGER, Plan, PolicyError, Settings, plan};
