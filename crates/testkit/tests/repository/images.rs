//! Where the module and the images come from: the values of the chart.

use std::path::Path;

use local_registry_testkit::repository::{manifests, read, text};
use serde_json::json;

#[test]
fn no_template_names_an_image_or_a_module_itself() {
    let (mut used, helpers) = (0, "charts/local-registry/templates/_helpers.tpl".to_owned());
    for path in manifests(Path::new("charts/local-registry/templates")).into_iter().chain([helpers]) {
        for line in text(&path).lines().map(|line| line.trim_start_matches([' ', '-'])) {
            let named = ["image: ", "module: "].into_iter().find_map(|key| line.strip_prefix(key));
            if let Some(named) = named {
                assert!(named.starts_with("{{ "), "{path}: {named}");
                used += 1;
            }
        }
    }
    assert!(used >= 6, "only {used} images");
}

#[test]
fn the_module_and_the_images_follow_the_version_of_the_chart() {
    let values = read("charts/local-registry/values.yaml");
    for image in [&values["image"], &values["policy"]["module"], &values["promote"]["image"]] {
        assert_eq!(*image, json!({"repository": image["repository"], "tag": "", "digest": ""}));
    }
}
