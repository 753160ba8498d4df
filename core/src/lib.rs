//! Decides which registry a local image of a Shipwright `Build` or `BuildRun` belongs to.
//!
//! The crate is pure: it does no I/O, and knows neither Kubewarden nor a Kubernetes client. JSON text
//! comes in, a [`Decision`] goes out, and the one thing that has to be looked up (the Build that a
//! BuildRun names) comes through the [`BuildLookup`] trait.
//!
//! The rules are those of the Shipwright proposal *local-registries* (SHIP-0006); the registry's host
//! is what a cluster declares by KEP-1755.

#![forbid(unsafe_code)]

mod build;
mod build_run;
mod decision;
mod edit;
mod fault;
mod fields;
mod host;
mod image;
mod json;
mod local;
mod lookup;
mod output;
mod quote;
mod reader;
mod request;
#[cfg(test)]
#[path = "../tests/seeded/mod.rs"]
mod seeded;
mod settings;
mod skip;
mod warning;

pub use decision::{Decision, decide};
pub use edit::{EditError, Edits};
pub use fault::{Code, Fault, Rejection};
pub use fields::{ImageField, Kind, Role, Version, image_fields};
pub use host::{HostError, RegistryHost};
pub use image::{ImageReference, ReferenceError};
pub use local::Mark;
pub use lookup::{BUILD_API_VERSION, BUILD_FIELDS, BuildLookup, LookupError, is_object_name};
pub use quote::{Excerpt, Quoted};
pub use reader::JsonError;
pub use request::{PayloadError, Request};
pub use settings::{OutputWithoutRegistry, Settings, SettingsError, SettingsWarning, is_help_url};
pub use warning::Warning;
