//! The manifests of a release: the presets of the chart, rendered, with everything in them named by digest.

use std::path::Path;

use local_registry_core::Digest;
use serde_json::Value;

use crate::error::Error;
use crate::files;
use crate::hauler;
use crate::metadata;
use crate::presets;
use crate::release::{Digests, POLICY, PROMOTE, Release, SYNC};
use crate::rendered::Rendered;

/// The rendered manifests.
const MANIFESTS: &str = "target/manifests";

/// The digests that a caller gives in place of those that are released.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) module: Option<String>,
    pub(crate) sync: Option<String>,
    pub(crate) promote: Option<String>,
}

impl Given {
    /// The digests of all artefacts. The error names each that is missing or none.
    pub(crate) fn digests(&self, release: &Release) -> Result<Digests, Error> {
        let module = chosen("MODULE_DIGEST", self.module.as_deref(), release, POLICY);
        let sync = chosen("IMAGE_DIGEST", self.sync.as_deref(), release, SYNC);
        let promote = chosen("PROMOTE_DIGEST", self.promote.as_deref(), release, PROMOTE);
        match (module, sync, promote) {
            (Ok(module), Ok(sync), Ok(promote)) => Ok(Digests { module, sync, promote }),
            (module, sync, promote) => {
                Err(Error::Several([module, sync, promote].into_iter().filter_map(Result::err).collect()))
            }
        }
    }
}

fn chosen(variable: &'static str, given: Option<&str>, release: &Release, name: &str) -> Result<Digest, Error> {
    match given {
        Some(given) => given.parse().map_err(|cause| Error::Digest { variable, given: given.to_owned(), cause }),
        None => release.digest(name).map_err(|cause| Error::NoDigest { variable, cause: Box::new(cause) }),
    }
}

/// Renders all presets into `target/manifests`, and leaves the chart of the release in `target/chart`. A preset has a file of what is
/// installed, and another one of the pod of `check`, if it has that. One more file is for Hauler.
pub(crate) fn render(root: &Path, helm: &Path, digests: &Digests) -> Result<(), Error> {
    files::remove(root, Path::new(MANIFESTS))?;
    let chart = presets::pin(root, digests)?;
    let mut faults = Vec::new();
    for preset in presets::all(root)? {
        let rendered = preset.render(root, helm, &chart)?;
        let Rendered { installed, check } =
            Rendered::of(&rendered).map_err(|problem| files::content(preset.path(), problem))?;
        faults.extend(save(root, &preset.name, &installed)?);
        if let Some(check) = check {
            faults.extend(save(root, &format!("{}-check", preset.name), &check)?);
        }
    }
    let carried = hauler::manifest(root, &chart, &metadata::registry(root)?)?;
    files::write(root, Path::new(MANIFESTS).join("local-registry-hauler.yaml"), carried)?;
    if faults.is_empty() { Ok(()) } else { Err(Error::Several(faults)) }
}

/// Writes a manifest, and returns what in it is named by a tag.
fn save(root: &Path, name: &str, manifest: &str) -> Result<Vec<Error>, Error> {
    let path = Path::new(MANIFESTS).join(format!("local-registry-{name}.yaml"));
    files::write(root, &path, manifest)?;
    let tagged = tagged(manifest).map_err(|problem| files::content(&path, problem))?.into_iter();
    let fault =
        |image| files::content(&path, format!("`{image}` is not named by digest; name it so in the chart's values"));
    Ok(tagged.map(fault).collect())
}

/// The images and modules that are named by a tag. Somebody may push to a tag later.
fn tagged(manifest: &str) -> Result<Vec<String>, String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifest).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for document in &documents {
        find_tagged(document, &mut found);
    }
    Ok(found)
}

fn find_tagged(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(text) if ["image", "module"].contains(&key.as_str()) && !text.contains("@sha256:") => {
                        found.push(text.to_owned());
                    }
                    _ => find_tagged(value, found),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                find_tagged(item, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing_released() -> Release {
        Release::read(tempfile::tempdir().unwrap().path()).unwrap()
    }

    #[test]
    fn a_digest_that_is_none_is_reported_with_its_variable_and_all_of_them_together() {
        let given =
            Given { module: Some(String::new()), sync: Some("v1".to_owned()), promote: Some("sha256:".to_owned()) };
        let expected = [("MODULE_DIGEST", ""), ("IMAGE_DIGEST", "v1"), ("PROMOTE_DIGEST", "sha256:")].map(
            |(variable, given)| {
                format!(
                    "make manifests: {variable}: `{given}` is not a digest; write `sha256:` and 64 hexadecimal digits in \
                     lower case"
                )
            },
        );
        let error = given.digests(&nothing_released()).err().unwrap();
        assert_eq!(error.to_string(), expected.join("\n"));
    }

    #[test]
    fn a_digest_that_is_missing_is_reported_with_the_command_that_adds_it() {
        let digest = Some(format!("sha256:{}", "a".repeat(64)));
        let given = Given { module: digest.clone(), sync: None, promote: digest };
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            given.digests(&nothing_released()).err().unwrap().to_string(),
            format!(
                "make manifests: IMAGE_DIGEST: release/images/local-registry/images.yaml: no digest of \
                 `local-registry-sync:v{version}`; add it with `local-registry-promote --root release add \
                 local-registry-sync:v{version}`, or set IMAGE_DIGEST"
            )
        );
    }

    #[test]
    fn what_is_named_by_a_tag_is_found_in_every_document() {
        let manifest =
            "spec:\n  module: registry://a/b:v1\n---\nspec:\n  containers:\n  - image: a@sha256:0\n  - image: b:v1\n";
        assert_eq!(tagged(manifest).unwrap(), ["registry://a/b:v1", "b:v1"]);
    }
}
