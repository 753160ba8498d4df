//! The policy's metadata.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::error::Error;
use crate::{files, release};

const METADATA: &str = "policy-metadata/metadata.yml";

#[derive(Deserialize)]
struct Metadata {
    annotations: BTreeMap<String, String>,
}

/// The text of an annotation.
pub(crate) fn annotation(root: &Path, name: &str) -> Result<String, Error> {
    let mut metadata: Metadata = files::yaml(root, METADATA)?;
    metadata
        .annotations
        .remove(name)
        .ok_or_else(|| files::content(METADATA, format!("annotations: `{name}` is missing; add it")))
}

/// The registry that takes what is released, with the folder in it.
pub(crate) fn registry(root: &Path) -> Result<String, Error> {
    let name = "io.kubewarden.policy.ociUrl";
    let url = annotation(root, name)?;
    let end = format!("/{}", release::POLICY);
    url.strip_suffix(&end)
        .map(str::to_owned)
        .ok_or_else(|| files::content(METADATA, format!("annotations: {name}: `{url}` does not end in `{end}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(url: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let text = format!("rules: []\nannotations:\n  # The module.\n  io.kubewarden.policy.ociUrl: {url}\n");
        files::write(root.path(), METADATA, text).unwrap();
        root
    }

    #[test]
    fn the_registry_is_where_the_policy_is() {
        let root = repository("registry.example/group/local-registry-policy");
        assert_eq!(registry(root.path()).unwrap(), "registry.example/group");
    }

    #[test]
    fn a_policy_of_another_name_is_reported() {
        let root = repository("registry.example/policy");
        assert_eq!(
            registry(root.path()).unwrap_err().to_string(),
            "policy-metadata/metadata.yml: annotations: io.kubewarden.policy.ociUrl: `registry.example/policy` does not \
             end in `/local-registry-policy`"
        );
    }

    #[test]
    fn an_annotation_that_is_missing_is_reported() {
        let root = repository("registry.example/policy");
        assert_eq!(
            annotation(root.path(), "io.kubewarden.policy.source").unwrap_err().to_string(),
            "policy-metadata/metadata.yml: annotations: `io.kubewarden.policy.source` is missing; add it"
        );
    }
}
