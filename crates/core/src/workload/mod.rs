//! Pods and Knative revisions: which of their containers run local images, and what becomes of each image.
//!
//! An annotation names the containers. Deployments, Jobs and the like are not looked at: their pods are, as they are
//! created.

mod annotated;
mod container;
mod fields;
mod mask;
mod messages;
mod names;
mod subject;

pub(crate) use self::annotated::decide;
pub use self::fields::CONTAINERS_ANNOTATION;
pub(crate) use self::mask::{ANNOTATIONS, METADATA, SPEC};
