//! What a registry's refusals mean.

use http::StatusCode;
use local_registry_oci::RegistryError;

/// The refusal of a registry that deletes nothing at all.
pub(crate) fn is_off(error: &RegistryError) -> bool {
    error.status() == Some(StatusCode::METHOD_NOT_ALLOWED)
}

/// Whether a registry cannot delete a tag without its image.
pub(crate) fn is_unable_to_untag(error: &RegistryError) -> bool {
    let is_one =
        |status| matches!(status, StatusCode::METHOD_NOT_ALLOWED | StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND);
    error.status().is_some_and(is_one)
}

/// An error of a registry, with the right that is missing if one is.
pub(crate) fn with_right(error: &RegistryError, right: &str) -> String {
    match error.status() {
        Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => format!(
            "{error}; where the rights of the cluster count, it needs the right `{right}` on repositories.registry.local-registry-hosting"
        ),
        _ => error.to_string(),
    }
}
