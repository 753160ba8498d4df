//! Kubernetes objects from a folder of YAML files.

use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::GetResource;

/// The objects in the `.yaml` and `.yml` files of a folder. A file may have several documents.
pub struct Folder(Vec<Value>);

impl Folder {
    /// Reads all files of the folder, in the order of their names.
    ///
    /// # Errors
    /// If the folder or a file cannot be read, or a document is not a Kubernetes object.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let unreadable = || format!("{}: the folder of objects cannot be read", path.display());
        let mut files = Vec::new();
        for entry in std::fs::read_dir(path).with_context(unreadable)? {
            let file = entry.with_context(unreadable)?.path();
            if file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                files.push(file);
            }
        }
        files.sort();
        let objects: Vec<Vec<Value>> = files.iter().map(|file| read_file(file)).collect::<Result<_, _>>()?;
        Ok(Self(objects.into_iter().flatten().collect()))
    }

    /// Looks an object up.
    pub(super) fn get(&self, request: &GetResource) -> Option<&Value> {
        let text = |object: &'_ Value, pointer| object.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned);
        self.0.iter().find(|object| {
            text(object, "/apiVersion").as_deref() == Some(&request.api_version)
                && text(object, "/kind").as_deref() == Some(&request.kind)
                && text(object, "/metadata/name").as_deref() == Some(&request.name)
                && text(object, "/metadata/namespace") == request.namespace
        })
    }
}

fn read_file(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&text).with_context(|| format!("{}: not valid YAML", path.display()))?;
    for document in &documents {
        anyhow::ensure!(
            document.pointer("/metadata/name").is_some_and(Value::is_string),
            "{}: has a document without metadata.name; expected Kubernetes objects",
            path.display()
        );
    }
    Ok(documents)
}
