//! The release of this project, as its workflow does it: staged artefacts, a manifest of their digests, a promotion, and the
//! manifests for a cluster that name what was promoted.

use std::path::Path;
use std::process::Command;

use e2e::{LocalRegistry, Make, ok, read_image, skopeo, write_layout};
use local_registry_testkit::repository::root;
use serde_json::json;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const ARTEFACTS: [&str; 3] = ["local-registry-policy", "local-registry-promote", "local-registry-sync"];
/// Helm pushes it with the version as its tag.
const CHART: &str = "charts/local-registry";

/// A copy of the repository's files, as a clone has them.
fn clone(folder: &Path) {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --target-directory \"$0\"",
    ]);
    command.arg(folder).current_dir(root());
    let _ = ok(command);
}

fn make(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("make");
    command.args(["--silent", "--no-print-directory"]).args(arguments).current_dir(folder);
    ok(command)
}

#[test]
fn what_is_released_is_what_was_staged_and_is_named_by_digest() {
    let registry = LocalRegistry::start(Make::Distribution);
    let folder = tempfile::tempdir().unwrap();
    clone(folder.path());
    make(folder.path(), &["publisher", &format!("REGISTRY={}", registry.host)]);
    let images = folder.path().join("release/images/local-registry/images.yaml");
    assert!(!images.exists(), "a release of this version is there already; set the next version first");
    for artefact in ARTEFACTS {
        let layout = folder.path().join("layouts").join(artefact);
        let _ = write_layout(&layout, |blob| {
            json!({
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": blob("application/vnd.oci.empty.v1+json", b"{}"),
                "layers": [blob("text/plain", artefact.as_bytes())]
            })
        });
        let staged = format!("docker://{}/staging/{artefact}:v{VERSION}", registry.host);
        skopeo(&format!("oci:{}", layout.display()), &staged);
    }

    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("local-registry-promote");
    let promote = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(["--root", "release"]).args(arguments).current_dir(folder.path());
        ok(command)
    };
    let staged = ARTEFACTS.map(|artefact| format!("{artefact}:v{VERSION}"));
    promote(&[&["add"], staged.each_ref().map(String::as_str).as_slice()].concat());
    let helm = std::env::var("HELM").expect("HELM: not set; `make e2e-promote` sets it");
    make(folder.path(), &["manifests", &format!("HELM={helm}")]);
    // The chart names the others by their digests, so it is staged after them.
    let helm = |arguments: &[&str]| {
        let mut command = Command::new(&helm);
        for kind in ["CACHE", "CONFIG", "DATA"] {
            command.env(format!("HELM_{kind}_HOME"), folder.path().join("helm"));
        }
        command.args(arguments).arg("--plain-http").current_dir(folder.path());
        ok(command)
    };
    let package = format!("target/chart/local-registry-{VERSION}.tgz");
    helm(&["push", &package, &format!("oci://{}/staging/charts", registry.host)]);
    promote(&["add", &format!("{CHART}:{VERSION}")]);
    assert_eq!(promote(&["check"]), "valid: 1 project, 4 images, 4 digests, 4 edges\n");
    assert!(promote(&["run", "--confirm"]).ends_with("4 copied\n"));
    assert_eq!(promote(&["verify"]), "4 there\n");
    let listed = make(folder.path(), &["released"]);
    assert_eq!(listed.lines().count(), 4, "{listed}");

    let released = format!("oci://{}/{CHART}", registry.host);
    let values = helm(&["show", "values", &released, "--version", VERSION]);
    let packaged = std::fs::read_to_string(folder.path().join("target/chart/local-registry/values.yaml")).unwrap();
    assert_eq!(values.trim(), packaged.trim());
    let rendered = folder.path().join("target/manifests");
    let all: Vec<String> = std::fs::read_dir(&rendered)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let all = all.concat();
    for artefact in ARTEFACTS {
        let start = format!("{}/{artefact}@sha256:", registry.host);
        let found = all
            .split(['\n', ' ', '"'])
            .map(|word| word.trim_start_matches("registry://"))
            .find(|word| word.starts_with(&start));
        let image = found.unwrap_or_else(|| panic!("{artefact} is not in the manifests"));
        assert!(read_image(image).into_values().any(|bytes| bytes == artefact.as_bytes()), "{image}");
    }
}
