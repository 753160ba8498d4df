//! Decides which registry a local image of a Shipwright `Build` or `BuildRun`, of a pod or of a Knative `Revision` belongs to.
//!
//! A [`Request`] comes in as JSON text, and a [`Decision`] goes out: [`decide`] shows both. The crate performs no I/O
//! and knows neither Kubewarden nor a Kubernetes client. The one thing that has to be looked up, the Build that a
//! BuildRun names, comes through the [`BuildLookup`] trait.
//!
//! The rules are those of the Shipwright proposal *local-registries* (SHIP-0006); the registry's host is what a cluster
//! declares by KEP-1755.

#![forbid(unsafe_code)]

mod admission;
mod decide;
mod json;
mod message;
mod registry;
mod shipwright;
mod text;
mod workload;

pub use admission::{
    Decision, OutputWithoutRegistry, PayloadError, Request, Settings, SettingsError, SettingsWarning, is_help_url,
};
pub use decide::decide;
#[cfg(fuzzing)]
pub use json::compare_with_serde_json;
pub use json::{EditError, Edits, JsonError};
pub use message::{Code, Excerpt, Fault, Quoted, Rejection, Warning};
pub use registry::{
    Digest, DigestError, Host, HostError, ImageReference, ReferenceError, RegistryHost, RegistryUrl, RuntimeHost,
    Scheme, Tag, TagError,
};
pub use shipwright::{
    BUILD_API_VERSION, BUILD_FIELDS, BuildLookup, ImageField, Kind, LookupError, Mark, Role, Version, image_fields,
    is_object_name,
};
pub use text::{hex, printable, root_cause, with_causes};
pub use workload::CONTAINERS_ANNOTATION;
