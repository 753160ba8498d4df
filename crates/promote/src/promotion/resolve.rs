//! What a tag of the staging registry names.

use local_registry_core::{Digest, Tag};
use local_registry_oci::Repository;
use local_registry_oci::{Reference, Registries, RegistryError};

/// The digest that a tag names; `None` if there is no such tag.
///
/// # Errors
/// A [`RegistryError`] if the registry does not say.
pub async fn resolve(
    registries: &Registries,
    repository: &Repository,
    tag: &Tag,
) -> Result<Option<Digest>, RegistryError> {
    registries.registry(repository)?.manifest_digest(repository, Reference::Tag(tag)).await
}

/// Whether a repository has an image.
///
/// # Errors
/// A [`RegistryError`] if the registry does not say.
pub async fn has(registries: &Registries, repository: &Repository, digest: &Digest) -> Result<bool, RegistryError> {
    Ok(registries.registry(repository)?.manifest_digest(repository, Reference::Digest(digest)).await?.is_some())
}
