//! Decides which registry a local image of a Shipwright `Build` or `BuildRun`, of a pod or of a Knative `Revision` belongs to.
//!
//! A [`Request`] comes in as JSON text, and a [`Decision`] goes out: [`decide`] shows both. The crate performs no I/O
//! and knows neither Kubewarden nor a Kubernetes client. The one thing that has to be looked up, the Build that a
//! BuildRun names, comes through the [`BuildLookup`](shipwright::BuildLookup) trait.
//!
//! The rules are those of the Shipwright proposal *local-registries* (SHIP-0006); the registry's host is what a cluster
//! declares by KEP-1755.
//!
//! Each public module lists what belongs together; what is used most is here at the top as well:
//!
//! - [`admission`]: a request, the settings that it is decided by, and the decision.
//! - [`registry`]: hosts, references, tags and digests.
//! - [`shipwright`] and [`workload`]: where objects keep images, and how they mark them as local.
//! - [`text`]: values of others in messages, and errors with their causes.
//!
//! ```
//! use local_registry_core::{ImageReference, RegistryHost};
//!
//! let host = RegistryHost::parse("kind-registry:5000")?;
//! assert_eq!(ImageReference::parse("team/app:v1")?.at(&host), "kind-registry:5000/team/app:v1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod admission;
mod decide;
mod json;
mod message;
pub mod registry;
pub mod shipwright;
mod subject;
pub mod text;
pub mod workload;

pub use admission::{Decision, Request, Settings};
pub use decide::decide;
#[cfg(fuzzing)]
pub use json::compare_with_serde_json;
pub use registry::{Digest, ImageReference, RegistryHost, RuntimeHost, Tag};
pub use text::Quoted;
