//! Why an image is not promoted, or what is attached to it.

use thiserror::Error;

use super::parts::PartsError;
use local_registry_core::{Digest, Tag};
use local_registry_oci::{CopyError, RegistryError, Repository};

/// A side of a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Target,
}

/// Why an image is not promoted.
#[derive(Debug, Error)]
pub(crate) enum PromotionError {
    #[error(transparent)]
    Source(RegistryError),
    #[error(transparent)]
    Target(RegistryError),
    #[error(transparent)]
    Parts(#[from] PartsError),
    #[error("{digest}, a part of it, is missing at {repository}; push the whole image there")]
    Incomplete { digest: Digest, repository: Repository },
    #[error("{digest} is deeper than {deepest} levels in it")]
    TooDeep { digest: Digest, deepest: usize },
    #[error("the manifests of {digest} have more than {largest} bytes together")]
    TooLarge { digest: Digest, largest: usize },
    #[error("there is already {found} at {image}, and a tag must not move")]
    Moves { image: String, found: Digest },
    #[error(
        "{tag} at {target} is {found}, with signatures that {wanted} of the staging registry does not have; nothing is overwritten, so merge them by hand"
    )]
    Signatures { tag: Tag, target: Repository, found: Digest, wanted: Digest },
    #[error("after the push, {image} is not there")]
    NotThere { image: String },
    #[error("after the push, {image} is {found}; somebody has moved it, or the registry has another name")]
    Moved { image: String, found: Digest },
    #[error("{}", .0.join("; "))]
    Refused(Vec<String>),
    /// Something that is attached cannot be promoted.
    #[error("{0}")]
    Unfit(String),
}

impl PromotionError {
    /// An error of a registry on that side.
    pub(crate) fn of(side: Side, error: RegistryError) -> Self {
        match side {
            Side::Source => Self::Source(error),
            Side::Target => Self::Target(error),
        }
    }

    /// Whether it is only about what is attached to an image. That is left out then, and the image goes. If a registry fails,
    /// nothing is known of what is attached, and the next run tries again.
    pub(crate) fn is_about_what_is_attached(&self) -> bool {
        match self {
            Self::Source(error) => !error.is_outage(),
            // A target may refuse what it does not know.
            Self::Target(error) => error.is_refusal(),
            Self::Parts(_)
            | Self::Incomplete { .. }
            | Self::TooDeep { .. }
            | Self::TooLarge { .. }
            | Self::Signatures { .. }
            | Self::Unfit(_) => true,
            Self::Moves { .. } | Self::NotThere { .. } | Self::Moved { .. } | Self::Refused(_) => false,
        }
    }
}

impl From<CopyError> for PromotionError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Source(error) => Self::Source(error),
            CopyError::Target(error) => Self::Target(error),
        }
    }
}
