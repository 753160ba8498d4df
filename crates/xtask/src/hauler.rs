//! What Hauler carries to a cluster without a network: the chart, and the images and the module that it names.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::error::Error;
use crate::files;

/// Where the chart names an image or a module.
const IMAGES: [&str; 4] = ["image", "policy.module", "promote.image", "registry.image"];

/// Hauler's manifest for the chart in this folder, as a release has it in `charts` of this registry.
pub(crate) fn manifest(root: &Path, chart: &Path, registry: &str) -> Result<String, Error> {
    let path = chart.join("values.yaml");
    let values: Value = files::yaml(root, &path)?;
    let mut images = String::new();
    for key in IMAGES {
        let image = key.split('.').fold(&values, |values, key| &values[key]);
        let [Some(repository), Some(digest)] = ["repository", "digest"].map(|key| image[key].as_str()) else {
            return Err(files::content(path, format!("{key}: has no repository with a digest; write both")));
        };
        let _ = writeln!(images, "    - name: {repository}@{digest}");
    }
    let version = env!("CARGO_PKG_VERSION");
    Ok(format!(
        "\
# For a cluster without a network: `hauler store sync --filename` takes this.
apiVersion: content.hauler.cattle.io/v1
kind: Images
metadata:
  name: local-registry
spec:
  images:
{images}---
apiVersion: content.hauler.cattle.io/v1
kind: Charts
metadata:
  name: local-registry
spec:
  charts:
    - name: local-registry
      repoURL: oci://{registry}/charts
      version: {version}
"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_and_all_that_it_names_is_carried() {
        let root = tempfile::tempdir().unwrap();
        let image = |name: &str| format!("{{repository: registry.example/{name}, tag: v1, digest: sha256:{name}}}");
        let values = format!(
            "image: {}\npolicy: {{module: {}}}\npromote: {{image: {}}}\nregistry: {{image: {}}}\n",
            image("a"),
            image("b"),
            image("c"),
            image("d"),
        );
        files::write(root.path(), "chart/values.yaml", values).unwrap();
        let manifest = manifest(root.path(), Path::new("chart"), "registry.example/group").unwrap();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&manifest).unwrap();
        let names: Vec<&str> = documents[0]["spec"]["images"]
            .as_array()
            .unwrap()
            .iter()
            .map(|image| image["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["a", "b", "c", "d"].map(|name| format!("registry.example/{name}@sha256:{name}")));
        assert_eq!(
            documents[1]["spec"]["charts"][0],
            serde_json::json!({
                "name": "local-registry",
                "repoURL": "oci://registry.example/group/charts",
                "version": env!("CARGO_PKG_VERSION"),
            })
        );
    }

    /// A part of the chart that has an image of its own must not stay behind.
    #[test]
    fn every_image_of_the_chart_is_known() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let values: Value = files::yaml(&root, "charts/local-registry/values.yaml").unwrap();
        let mut found = Vec::new();
        images(&values, "", &mut found);
        assert_eq!(found, IMAGES);
    }

    fn images(values: &Value, key: &str, found: &mut Vec<String>) {
        for (name, value) in values.as_object().into_iter().flatten() {
            let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            if value.get("repository").is_some() {
                found.push(key.clone());
            }
            images(value, &key, found);
        }
        found.sort();
    }
}
