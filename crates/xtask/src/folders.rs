//! The folders of `deploy/` that a release renders.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::error::Error;
use crate::files;

/// Where the manifests are.
pub(crate) const DEPLOY: &str = "deploy";
/// The component that says where images come from.
pub(crate) const IMAGES: &str = "images";
/// The file that makes a folder a kustomization.
pub(crate) const KUSTOMIZATION: &str = "kustomization.yaml";

#[derive(Deserialize)]
struct Kustomization {
    kind: String,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    components: Vec<String>,
}

/// The folders that are rendered, by their paths in `deploy/`: each kustomization that includes the component `images`,
/// itself or by what it includes. The others are components, or parts of others that run no program, such as
/// `sync-rights`.
pub(crate) fn rendered(root: &Path) -> Result<Vec<String>, Error> {
    let deploy = root.join(DEPLOY);
    let mut folders = Vec::new();
    for folder in kustomizations(&deploy, Path::new(""))? {
        if read(&deploy, &folder)?.kind == "Kustomization" && includes_images(&deploy, &folder)? {
            folders.push(if folder == Path::new("") { ".".to_owned() } else { folder.display().to_string() });
        }
    }
    Ok(folders)
}

/// The folder itself and all below it that have a kustomization, in order.
fn kustomizations(deploy: &Path, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |cause| Error::File { path: Path::new(DEPLOY).join(folder), cause };
    let mut found = Vec::new();
    if deploy.join(folder).join(KUSTOMIZATION).exists() {
        found.push(folder.to_owned());
    }
    for entry in fs::read_dir(deploy.join(folder)).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() {
            found.extend(kustomizations(deploy, &folder.join(entry.file_name()))?);
        }
    }
    found.sort();
    Ok(found)
}

fn includes_images(deploy: &Path, folder: &Path) -> Result<bool, Error> {
    let mut seen = BTreeSet::new();
    let mut next = vec![folder.to_owned()];
    while let Some(folder) = next.pop() {
        if folder == Path::new(IMAGES) {
            return Ok(true);
        }
        if !seen.insert(folder.clone()) {
            continue;
        }
        let Kustomization { resources, components, .. } = read(deploy, &folder)?;
        let included = resources.iter().chain(&components).map(|path| joined(&folder, path));
        next.extend(included.filter(|path| deploy.join(path).is_dir()));
    }
    Ok(false)
}

/// A path that is written in a folder's kustomization, without `..`.
fn joined(folder: &Path, path: &str) -> PathBuf {
    let mut joined = folder.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => drop(joined.pop()),
            Component::CurDir => {}
            other => joined.push(other),
        }
    }
    joined
}

fn read(deploy: &Path, folder: &Path) -> Result<Kustomization, Error> {
    files::yaml(deploy, folder.join(KUSTOMIZATION))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_includes_the_images_is_rendered_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let add = |folder: &str, kind: &str, included: &str| {
            let text = format!("kind: {kind}\n{included}\n");
            files::write(root.path(), Path::new(DEPLOY).join(folder).join(KUSTOMIZATION), text).unwrap();
        };
        add("", "Kustomization", "resources: [sync]");
        add("images", "Component", "");
        add("rights", "Kustomization", "resources: [rights.yaml]");
        add("promote", "Kustomization", "components: [../images]");
        add("monitoring/sync", "Kustomization", "components: [../../images]");
        add("promote/part", "Component", "components: [../../images]");
        add("sync", "Kustomization", "resources: [../rights, deployment.yaml]\ncomponents: [../images]");
        files::write(root.path(), "deploy/no-kustomization/pod.yaml", "").unwrap();
        assert_eq!(rendered(root.path()).unwrap(), [".", "monitoring/sync", "promote", "sync"]);
    }

    #[test]
    fn this_repository_renders_everything_but_the_guard_and_the_rights_of_the_sync_job() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let deploy = root.join(DEPLOY);
        let (mut all, rendered) = (kustomizations(&deploy, Path::new("")).unwrap(), rendered(&root).unwrap());
        all.retain(|folder| read(&deploy, folder).unwrap().kind == "Kustomization");
        all.retain(|folder| !rendered.contains(&folder.display().to_string()));
        assert_eq!(all, ["", "guard", "sync-rights"].map(PathBuf::from));
        assert_eq!(rendered.first().map(String::as_str), Some("."));
    }
}
