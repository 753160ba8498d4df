//! Folders in the place of registries: to where no network leads.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::fixture::{Fixture, INDEX, digest};
use crate::stand_in::{Action, Asked, Kind};

/// The layout of a repository.
fn layout(fixture: &Fixture, host: &str, path: &str) -> PathBuf {
    fixture.folder.path().join("carried").join(host.replace(':', "_")).join(path)
}

fn listed(layout: &std::path::Path) -> Vec<Value> {
    let index: Value = serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
    index["manifests"].as_array().unwrap().clone()
}

/// From here on, images go from the staging registry to this host, which nobody can reach.
fn promote_to(fixture: &Fixture, production: &str) {
    let text =
        format!("registries:\n- name: {}/staging\n  src: true\n- name: {production}/prod\n", fixture.staging.address);
    fixture.write("manifests/team/promoter-manifest.yaml", &text);
}

/// From here on, what was the target is the source of another target.
fn carry(fixture: &Fixture, production: &str) {
    let text =
        format!("registries:\n- name: {production}/prod\n  src: true\n- name: {}/inside\n", fixture.production.address);
    fixture.write("manifests/team/promoter-manifest.yaml", &text);
}

#[test]
fn images_are_carried_in_a_folder() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let production = "registry.example:5000";
    promote_to(&fixture, production);
    let (app, chart) =
        (fixture.staging.index("staging/app", "v1", "app"), fixture.staging.index("staging/chart", "1", "c"));
    let described = fixture.staging.describe("staging/app", &app);
    let attached = fixture.staging.referrer("staging/app", &described, "application/vnd.example.sbom");
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [attached]});
    fixture.staging.manifest("staging/app", Some(&app.replace(':', "-")), &index);
    fixture.promote(&[("app", &app, &["v1", "v1.0"]), ("chart", &chart, &[])]);

    // Out: nothing is asked of the target.
    let out = ["--to-layouts", "carried"];
    assert_eq!(fixture.run(&[&["plan"][..], &out].concat()).ok().lines().last(), Some("3 copy"));
    assert_eq!(fixture.run(&[&["run", "--confirm"][..], &out].concat()).ok().lines().last(), Some("3 copied"));
    assert_eq!(fixture.run(&[&["verify"][..], &out].concat()).ok(), "3 there\n");
    let folder = layout(&fixture, production, "prod/app");
    assert_eq!(std::fs::read_to_string(folder.join("oci-layout")).unwrap(), r#"{"imageLayoutVersion":"1.0.0"}"#);
    // What is listed are the tags, and no part of what is listed.
    let mut tags: Vec<Value> =
        listed(&folder).iter().map(|one| one["annotations"]["org.opencontainers.image.ref.name"].clone()).collect();
    tags.sort_by_key(ToString::to_string);
    assert_eq!(tags, [json!(app.replace(':', "-")), json!("v1"), json!("v1.0")]);
    let chart_folder = layout(&fixture, production, "prod/chart");
    let untagged = listed(&chart_folder);
    assert_eq!((untagged.len(), &untagged[0]["digest"], untagged[0].get("annotations")), (1, &json!(chart), None));
    // No file is left behind.
    let left = |folder: &std::path::Path| {
        std::fs::read_dir(folder)
            .unwrap()
            .filter(|file| file.as_ref().unwrap().file_name().as_encoded_bytes()[0] == b'.')
            .count()
    };
    assert_eq!(left(&folder) + left(&chart_folder), 0);
    // Once more, nothing is to do.
    let before = listed(&folder);
    fixture.staging.forget_requests();
    assert_eq!(fixture.run(&[&["run", "--confirm"][..], &out].concat()).ok(), "3 there\n");
    assert_eq!(fixture.staging.count("GET", "/blobs/"), 0);
    assert_eq!(listed(&folder), before);

    // In: nothing is asked of the source.
    carry(&fixture, production);
    let come = ["--from-layouts", "carried"];
    assert_eq!(fixture.run(&[&["run", "--confirm"][..], &come].concat()).ok().lines().last(), Some("3 copied"));
    assert_eq!(fixture.run(&[&["verify"][..], &come].concat()).ok(), "3 there\n");
    for (path, manifest) in &fixture.staging.store().manifests {
        let inside = (path.0.replace("staging/", "inside/"), path.1.clone());
        assert_eq!(fixture.production.store().manifests.get(&inside), Some(manifest));
    }
    for (path, blob) in &fixture.staging.store().blobs {
        let inside = (path.0.replace("staging/", "inside/"), path.1.clone());
        assert_eq!(fixture.production.store().blobs.get(&inside), Some(blob));
    }
}

#[test]
fn what_a_folder_lacks_or_fakes_is_not_promoted() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let production = "registry.example";
    promote_to(&fixture, production);
    let image = fixture.staging.image("staging/app", Some("v1"), "amd64", &[b"a layer of some length"]);
    fixture.promote(&[("app", &digest(&image), &["v1"])]);
    fixture.run(&["run", "--confirm", "--to-layouts", "carried"]).ok();
    carry(&fixture, production);
    let folder = layout(&fixture, production, "prod/app");
    let come = |expected: &str| {
        let output = fixture.run(&["run", "--confirm", "--retries", "1", "--from-layouts", "carried"]).failed();
        assert!(output.contains(expected), "{output}");
        assert!(fixture.production.store().tags.is_empty());
    };
    let layer = local_registry_oci::digest_of(b"a layer of some length");
    let blob = folder.join("blobs/sha256").join(layer.hex());
    let manifest = folder.join("blobs/sha256").join(digest(&image).trim_start_matches("sha256:"));
    let whole = std::fs::read(&blob).unwrap();
    std::fs::write(&blob, b"b layer of some length").unwrap();
    come("the answer has the digest ");
    std::fs::write(&blob, b"a layer").unwrap();
    come("the answer has 7 bytes, and 22 were announced");
    std::fs::remove_file(&blob).unwrap();
    come("answered 404 Not Found");
    std::os::unix::fs::symlink("/dev/zero", &blob).unwrap();
    come("is not a file");
    std::fs::remove_file(&blob).unwrap();
    std::fs::write(&blob, whole).unwrap();
    let before = std::fs::read(&manifest).unwrap();
    std::fs::write(&manifest, b"{}").unwrap();
    come("missing  ");
    std::fs::write(&manifest, before).unwrap();
    let index = folder.join("index.json");
    let before = std::fs::read(&index).unwrap();
    std::fs::write(&index, "{\"manifests\": 1}").unwrap();
    come("index.json: is not an index of images");
    std::fs::write(&index, before).unwrap();
    assert_eq!(fixture.run(&["run", "--confirm", "--from-layouts", "carried"]).ok().lines().last(), Some("1 copied"));

    for (arguments, expected) in [
        (&["plan", "--from-layouts", "none"][..], "error: --from-layouts none: there is no such folder\n"),
        (&["plan", "--from-layouts", "a", "--to-layouts", "b"], "cannot be used with '--to-layouts <FOLDER>'"),
    ] {
        let answer = fixture.run(arguments);
        assert!(answer.stderr.contains(expected), "{answer:?}");
        assert_eq!(answer.code, Some(2));
    }
    fixture.promote_within_staging();
    let answer = fixture.run(&["plan", "--to-layouts", "carried"]);
    assert!(answer.stderr.contains("is the host of a source and of a target"), "{answer:?}");
}

#[test]
fn what_is_broken_in_the_folder_is_written_anew_and_what_cannot_be_written_fails() {
    let fixture = Fixture::new(Kind { referrers: Some(10), ..Kind::default() }, Kind::default());
    promote_to(&fixture, "registry.example");
    let image = fixture.staging.image("staging/app", Some("v1"), "amd64", &[b"a layer of some length"]);
    let attached = fixture.staging.referrer("staging/app", &image, "application/vnd.example.sbom");
    fixture.promote(&[("app", &digest(&image), &["v1"])]);
    let folder = layout(&fixture, "registry.example", "prod/app");
    let blobs = folder.join("blobs/sha256");
    // A copy that was cut off.
    std::fs::create_dir_all(&blobs).unwrap();
    let layer = local_registry_oci::digest_of(b"a layer of some length");
    std::fs::write(blobs.join(layer.hex()), b"a lay").unwrap();
    std::fs::write(blobs.join(digest(&image).trim_start_matches("sha256:")), b"{").unwrap();
    fixture.run(&["run", "--confirm", "--to-layouts", "carried"]).ok();
    assert_eq!(std::fs::read(blobs.join(layer.hex())).unwrap(), b"a layer of some length");
    assert_eq!(fixture.run(&["verify", "--to-layouts", "carried"]).ok(), "1 there\n");
    // An attachment that cannot be written is no refusal of it.
    std::fs::remove_dir_all(&folder).unwrap();
    let name = digest(&attached);
    std::fs::create_dir_all(blobs.join(name.trim_start_matches("sha256:")).join("in the way")).unwrap();
    let output = fixture.run(&["run", "--confirm", "--retries", "0", "--to-layouts", "carried"]).failed();
    assert!(output.contains("answered 507 Insufficient Storage"), "{output}");
    assert!(listed(&folder).iter().all(|one| one.get("annotations").is_none()), "no tag is there");
}

#[test]
fn a_blob_that_does_not_come_whole_leaves_nothing_in_the_folder() {
    let lying =
        Kind::hooked(
            |asked: &Asked, _| {
                if asked.method == "GET" && asked.path.contains("/blobs/") { Action::Lie } else { Action::Serve }
            },
        );
    let fixture = Fixture::new(lying, Kind::default());
    promote_to(&fixture, "registry.example");
    let image = fixture.staging.image("staging/app", Some("v1"), "amd64", &[b"a layer of some length"]);
    fixture.promote(&[("app", &digest(&image), &["v1"])]);
    fixture.run(&["run", "--confirm", "--retries", "1", "--to-layouts", "carried"]).failed();
    let folder = layout(&fixture, "registry.example", "prod/app");
    assert_eq!(listed(&folder), Vec::<Value>::new());
    assert_eq!(std::fs::read_dir(folder.join("blobs/sha256")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 3, "index.json, oci-layout, blobs");
}
