//! Why a run ends before its end.

use thiserror::Error;

use crate::names::reading::NamesError;

/// Why nothing, or nothing more, is deleted.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct PruneError(#[from] pub(crate) Fault);

#[derive(Debug, Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Names(NamesError),
    #[error("the registry does not say which repositories it has: {0}")]
    Catalog(String),
    #[error(
        "the registry deletes nothing: {0}; turn it on: `registry.delete: true` in the values of the chart, or \
         `storage.delete.enabled` in the registry's configuration"
    )]
    Off(String),
    #[error(
        "{0}: the registry has deleted the image together with its tag `{1}`; nothing more is deleted; push the image again, and \
         report this with the name of the registry's program"
    )]
    Lost(String, String),
}
