//! What becomes of a local image in this cluster.

use super::{Host, ImageReference, ReferenceError};

/// What becomes of a local image.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// It becomes this reference, with the cluster's registry in front.
    Inject(String),
    /// It names the cluster's registry already.
    Keep,
    /// It names no registry, as it should, but the cluster has none.
    NoRegistry,
}

/// Why a local image has no [`Resolution`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unresolvable<'a> {
    /// It is not a reference.
    Invalid(ReferenceError),
    /// It names another registry than the cluster's.
    Foreign(ImageReference<'a>),
}

/// Resolves a local image; `host` is the cluster's registry, if it has one.
pub(crate) fn resolve<'a>(text: &'a str, host: Option<&dyn Host>) -> Result<Resolution, Unresolvable<'a>> {
    let reference = ImageReference::parse(text).map_err(Unresolvable::Invalid)?;
    match (reference.registry(), host) {
        (None, Some(host)) => Ok(Resolution::Inject(reference.at(host))),
        (None, None) => Ok(Resolution::NoRegistry),
        (Some(registry), Some(host)) if registry == host.as_ref() => Ok(Resolution::Keep),
        (Some(_), _) => Err(Unresolvable::Foreign(reference)),
    }
}
