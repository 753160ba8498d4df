//! What a policy says about itself: the part of its metadata that grants it access to the cluster.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// A kind that a policy may read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextAwareResource {
    /// `group/version`, or `v1` for the core group.
    pub api_version: String,
    /// The kind.
    pub kind: String,
}

/// Reads the `contextAwareResources` of a policy's `metadata.yml`.
///
/// # Errors
/// Where the file cannot be read or is no metadata.
pub fn context_aware_resources(path: &Path) -> anyhow::Result<Vec<ContextAwareResource>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        #[serde(default)]
        context_aware_resources: Vec<ContextAwareResource>,
    }
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{}: the policy's metadata cannot be read", path.display()))?;
    let metadata: Metadata = serde_saphyr::from_str(&text)
        .with_context(|| format!("{}: not the metadata of a Kubewarden policy", path.display()))?;
    Ok(metadata.context_aware_resources)
}
