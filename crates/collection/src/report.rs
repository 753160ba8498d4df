//! What became of the registry and of the collection.

use std::fmt;

use local_registry_core::text::printable;
use serde::Serialize;

/// What became of the registry of a namespace.
///
/// ```
/// use local_registry_collection::{CollectionReport, CollectionResult};
///
/// let result = CollectionResult::Collected { ended: vec!["registry-garbage-collection-29412345: complete".to_owned()] };
/// let report = CollectionReport { namespace: "local-registry".to_owned(), result };
/// assert_eq!(
///     report.to_string(),
///     "registry of local-registry: takes writes again, after registry-garbage-collection-29412345: complete"
/// );
/// assert!(report.succeeded());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CollectionReport {
    /// The namespace.
    pub namespace: String,
    /// What became of it.
    #[serde(flatten)]
    pub result: CollectionResult,
}

/// What became of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum CollectionResult {
    /// It has taken no writes while garbage was collected, and takes them again.
    Collected {
        /// The Jobs, each with how it has ended.
        ended: Vec<String>,
    },
    /// No Job has begun to collect, and nothing was changed.
    Nothing,
    /// It was left as it is.
    Failed {
        /// Why.
        error: String,
    },
}

impl CollectionReport {
    /// Whether the registry is as it was before. Whether the collection succeeded is for its own Job to say.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        !matches!(self.result, CollectionResult::Failed { .. })
    }
}

impl fmt::Display for CollectionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&format!("registry of {}: {}", self.namespace, self.result)))
    }
}

impl fmt::Display for CollectionResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collected { ended } if ended.is_empty() => f.write_str("takes writes again"),
            Self::Collected { ended } => write!(f, "takes writes again, after {}", ended.join("; ")),
            Self::Nothing => {
                f.write_str("nothing was changed, since no garbage collection has begun; is its CronJob suspended?")
            }
            Self::Failed { error } => write!(f, "failed: {error}"),
        }
    }
}
