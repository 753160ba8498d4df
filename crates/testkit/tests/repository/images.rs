//! Where images come from: `deploy/images`, and the values of the chart.

use std::collections::BTreeSet;
use std::path::Path;

use local_registry_testkit::repository::{manifests, read, text};
use serde_json::json;

#[test]
fn every_image_is_named_in_deploy_images_alone() {
    let images = read("deploy/images/kustomization.yaml");
    let names: BTreeSet<_> =
        images["images"].as_array().unwrap().iter().map(|image| image["name"].as_str().unwrap()).collect();
    let mut used = 0;
    for path in manifests(Path::new("deploy")) {
        let content = text(&path);
        for image in content.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("image: ")) {
            assert!(names.contains(image), "{path}: {image}");
            used += 1;
        }
    }
    assert!(used >= 4, "only {used} images");
}

#[test]
fn the_chart_names_the_program_as_deploy_does() {
    let (chart, values) = (read("charts/local-registry/Chart.yaml"), read("charts/local-registry/values.yaml"));
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    let images = read("deploy/images/kustomization.yaml");
    let mut images = images["images"].as_array().unwrap().iter();
    let image = images.find(|image| image["name"] == "local-registry-sync").unwrap();
    let tag = format!("v{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(values["image"], json!({"repository": image["newName"], "tag": "", "digest": ""}));
    assert_eq!(image["newTag"], json!(tag));
}
