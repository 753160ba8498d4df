//! The manifests of a release: the folders of `deploy/` and the presets of the chart, rendered, with everything in them named by
//! digest.

use std::path::{Path, PathBuf};
use std::process::Command;

use local_registry_core::Digest;
use serde_json::Value;

use crate::error::Error;
use crate::files;
use crate::folders::{self, DEPLOY, IMAGES, KUSTOMIZATION};
use crate::images::{self, Digests};
use crate::presets;
use crate::programs::{self, Programs};
use crate::release::{POLICY, PROMOTE, Release, SYNC};

/// The rendered manifests.
const MANIFESTS: &str = "target/manifests";
/// The copy of `deploy/` that they are rendered from.
const COPY: &str = "target/manifests.deploy";

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

/// Renders all folders and presets into `target/manifests`, a file for each, and leaves the chart of the release in `target/chart`.
pub(crate) fn render(root: &Path, programs: &Programs, digests: &Digests) -> Result<(), Error> {
    files::remove(root, Path::new(MANIFESTS))?;
    files::remove(root, Path::new(COPY))?;
    files::copy(root, Path::new(DEPLOY), Path::new(COPY))?;
    let images = Path::new(IMAGES).join(KUSTOMIZATION);
    let mut component: Value = files::yaml(root, Path::new(DEPLOY).join(&images))?;
    images::pin(&mut component, digests).map_err(|problem| files::content(Path::new(DEPLOY).join(&images), problem))?;
    // JSON is YAML. Nobody reads the comments of this copy.
    files::write(root, Path::new(COPY).join(&images), component.to_string())?;
    let mut faults = Vec::new();
    for folder in folders::rendered(root)? {
        let manifest = kustomize(root, &programs.kubectl, &folder)?;
        faults.extend(save(root, &folder, &manifest, "deploy/images")?);
    }
    let chart = presets::pin(root, digests)?;
    for preset in presets::names(root)? {
        let manifest = presets::render(root, &programs.helm, &chart, &preset)?;
        faults.extend(save(root, &preset, &manifest, "the chart's values")?);
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Several(faults)) }
}

/// Writes a manifest, and returns what in it is named by a tag. `source` says where images are named.
fn save(root: &Path, name: &str, manifest: &str, source: &str) -> Result<Vec<Error>, Error> {
    let path = Path::new(MANIFESTS).join(file_name(name));
    files::write(root, &path, manifest)?;
    let tagged = tagged(manifest).map_err(|problem| files::content(&path, problem))?.into_iter();
    let fault = |image| files::content(&path, format!("`{image}` is not named by digest; name it so in {source}"));
    Ok(tagged.map(fault).collect())
}

/// `local-registry-monitoring-sync.yaml` for `monitoring/sync`, and `local-registry.yaml` for `deploy/` itself.
fn file_name(folder: &str) -> PathBuf {
    let name = if folder == "." {
        "local-registry".to_owned()
    } else {
        format!("local-registry-{}", folder.replace('/', "-"))
    };
    PathBuf::from(name + ".yaml")
}

fn kustomize(root: &Path, kubectl: &Path, folder: &str) -> Result<String, Error> {
    let mut command = Command::new(kubectl);
    command.arg("kustomize").arg(Path::new(COPY).join(folder));
    programs::rendered(root, &mut command, "KUBECTL", format!("{DEPLOY}/{folder}"))
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
    fn a_file_is_named_after_its_folder() {
        let names = [".", "sync", "monitoring/sync"].map(file_name);
        let expected = ["local-registry.yaml", "local-registry-sync.yaml", "local-registry-monitoring-sync.yaml"];
        assert_eq!(names, expected.map(PathBuf::from));
    }

    #[test]
    fn what_is_named_by_a_tag_is_found_in_every_document() {
        let manifest =
            "spec:\n  module: registry://a/b:v1\n---\nspec:\n  containers:\n  - image: a@sha256:0\n  - image: b:v1\n";
        assert_eq!(tagged(manifest).unwrap(), ["registry://a/b:v1", "b:v1"]);
    }

    #[test]
    fn a_program_that_is_not_there_is_reported() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(
            kustomize(root.path(), Path::new("no-kubectl"), "sync").unwrap_err().to_string(),
            "make manifests: KUBECTL: `no-kubectl` cannot be started: No such file or directory (os error 2); install it, \
             or name it in KUBECTL"
        );
    }
}
