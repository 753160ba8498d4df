//! Runs the built policy in the engine that the policy server uses: waPC on Wasmtime, a fresh instance
//! for every request from one compiled module.
//!
//! A development tool. With a cluster one uses Kubewarden's own `kwctl` and policy server.

pub mod bench;
mod cluster;
pub mod diff;
mod host;
mod metadata;
mod objects;
mod policy;
mod port;
pub mod review;
pub mod serve;

pub use cluster::Cluster;
pub use host::{GetResource, Host, Lookup, Objects};
pub use metadata::{ContextAwareResource, annotated, context_aware_resources, context_aware_resources_of};
pub use objects::Folder;
pub use policy::{LoadError, Policy, PolicyError, SettingsVerdict, Verdict};
pub use port::free_port;
