//! Why an image is not promoted.

use thiserror::Error;

use super::parts::PartsError;
use local_registry_core::{Digest, Tag};
use local_registry_oci::RegistryError;
use local_registry_oci::Repository;

/// Why an image is not promoted.
#[derive(Debug, Error)]
pub(super) enum PromotionError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
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
}
