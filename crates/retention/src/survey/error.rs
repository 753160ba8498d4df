//! Why a repository cannot be decided about.

use local_registry_core::Digest;
use local_registry_oci::RegistryError;
use thiserror::Error;

use super::document::DocumentError;

/// Why nothing of a repository is deleted.
#[derive(Debug, Error)]
pub(crate) enum SurveyError {
    #[error("{0}")]
    Registry(#[from] RegistryError),
    #[error("{reference}: {error}")]
    Document { reference: String, error: DocumentError },
    #[error("the index {0} leads to more manifests than anybody reads; expected at most {1}")]
    TooMany(Digest, usize),
    #[error("the tag `{0}` is gone since it was looked at; run it again")]
    Gone(String),
}
