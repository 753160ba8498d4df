//! A local image that a field names: what becomes of it in this cluster, or what is wrong with it.

use crate::json::Node;
use crate::message::{Code, Fault, FieldPath, Quoted, See};
use crate::registry::{Host, ImageReference, ReferenceError, Resolution, Unresolvable, resolve};

/// What is wrong with a local image, in the words that users read. `undo` says how its author makes it not local.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageProblem<'a> {
    #[error("found {found}; expected a reference without a registry, as in `team/app:v1`; write one or {undo}")]
    NoImage { found: &'static str, undo: String },
    #[error("{} {error}; write a reference without a registry, as in `team/app:v1`, or {undo}", Quoted(.text))]
    Reference { text: &'a str, error: ReferenceError, undo: String },
    #[error(
        "{} names the registry {}, and a local image must not name one; write {} or {undo}",
        Quoted(.reference.as_ref()), Quoted(.reference.registry().unwrap_or_default()), Quoted(.reference.remainder())
    )]
    ForeignRegistry { reference: ImageReference<'a>, undo: String },
    #[error(
        "{} is local, but this cluster declares no local registry{whose}; ask its operator to declare one, or name a registry and {undo}{}",
        Quoted(.text), See(*.help)
    )]
    NoRegistry {
        text: &'a str,
        /// Whom the registry is missing for, if it may be there for others.
        whose: &'static str,
        undo: String,
        help: Option<&'a str>,
    },
}

impl ImageProblem<'_> {
    /// The fault of the field that has this problem.
    #[cold]
    pub(crate) fn at(&self, path: impl Into<FieldPath>) -> Fault {
        Fault::new(path, Code::BadRequest, self)
    }
}

/// Resolves the local image that a field has as its value. `host` is the cluster's registry, if it has one.
pub(crate) fn resolve_image<'n>(
    value: Option<&'n Node<'_>>,
    host: Option<&dyn Host>,
    undo: impl Fn() -> String,
) -> Result<Resolution, ImageProblem<'n>> {
    match value {
        Some(Node::String(text)) => resolve(text, host).map_err(|reason| match reason {
            Unresolvable::Invalid(error) => ImageProblem::Reference { text, error, undo: undo() },
            Unresolvable::Foreign(reference) => ImageProblem::ForeignRegistry { reference, undo: undo() },
        }),
        other => Err(ImageProblem::NoImage { found: other.map_or("nothing", Node::type_name), undo: undo() }),
    }
}
