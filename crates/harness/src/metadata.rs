//! The part of a policy's metadata that grants it access to the cluster.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;
use wasm_encoder::{CustomSection, Section};
use wasmparser::{Parser, Payload};

/// The custom section into which `kwctl annotate` writes the metadata, as JSON.
const SECTION: &str = "io.kubewarden.metadata";

/// Where the metadata is if the module was not annotated, from the module's folder.
const FILE: &str = "policy-metadata/metadata.yml";

/// A kind that a policy may read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextAwareResource {
    /// `group/version`, or `v1` for the core group.
    pub api_version: String,
    /// The kind.
    pub kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    context_aware_resources: Vec<ContextAwareResource>,
}

/// Reads the `contextAwareResources` of a policy's `metadata.yml`.
///
/// # Errors
/// If the file cannot be read or is not metadata.
pub fn context_aware_resources(path: &Path) -> anyhow::Result<Vec<ContextAwareResource>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{}: the policy's metadata cannot be read", path.display()))?;
    let metadata: Metadata = serde_saphyr::from_str(&text)
        .with_context(|| format!("{}: not the metadata of a Kubewarden policy", path.display()))?;
    Ok(metadata.context_aware_resources)
}

/// Reads the `contextAwareResources` of a module: those that it was annotated with, else those of
/// `policy-metadata/metadata.yml` beside it. A module with neither may read nothing.
///
/// # Errors
/// If there is metadata and it cannot be read.
pub fn context_aware_resources_of(module: &Path) -> anyhow::Result<Vec<ContextAwareResource>> {
    // If the module cannot be read, loading it reports that.
    let bytes = std::fs::read(module).unwrap_or_default();
    if let Some(section) = custom_section(&bytes) {
        let metadata: Metadata = serde_json::from_slice(section)
            .with_context(|| format!("{}: the metadata in the module cannot be read", module.display()))?;
        return Ok(metadata.context_aware_resources);
    }
    let file = module.with_file_name(FILE);
    if file.is_file() { context_aware_resources(&file) } else { Ok(Vec::new()) }
}

/// Annotates a module as `kwctl annotate` does: with a custom section after all others.
#[must_use]
pub fn annotated(mut module: Vec<u8>, metadata: &Value) -> Vec<u8> {
    CustomSection { name: SECTION.into(), data: metadata.to_string().into_bytes().into() }.append_to(&mut module);
    module
}

fn custom_section(module: &[u8]) -> Option<&[u8]> {
    Parser::new(0).parse_all(module).map_while(Result::ok).find_map(|payload| match payload {
        Payload::CustomSection(section) if section.name() == SECTION => Some(section.data()),
        _ => None,
    })
}
