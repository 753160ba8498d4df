//! What may have cosign's tags in production.

use serde_json::{Value, json};

use crate::fixture::{ENVELOPE, Fixture, IMAGE, INDEX, SIGNED_TEXT, cosign_tag, digest, signed_text};
use crate::stand_in::{Kind, StandIn};

const REPOSITORY: &str = "staging/app";
const OTHER: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

/// Puts something at one of cosign's tags of an image.
type Junk = fn(&StandIn, &str);

fn manifest(staging: &StandIn, tag: &str, layers: &[Value]) {
    let config = staging.blob(REPOSITORY, "application/vnd.oci.image.config.v1+json", b"{}");
    let manifest = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": layers});
    staging.manifest(REPOSITORY, Some(tag), &manifest);
}

const JUNK: [(&str, &str, Junk); 14] = [
    (".sig", "has a layer of the type `application/vnd.oci.image.layer.v1.tar`", |staging, image| {
        staging.image(REPOSITORY, Some(&cosign_tag(image, ".sig")), "evil", &[b"#!/bin/sh"]);
    }),
    (".sig", "is an index, which cosign does not write", |staging, image| {
        let child = staging.image(REPOSITORY, None, "evil", &[b"#!/bin/sh"]);
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]});
        staging.manifest(REPOSITORY, Some(&cosign_tag(image, ".sig")), &index);
    }),
    (".sig", "has a layer of the type `application/vnd.dev.cosign", |staging, image| {
        let layer = staging.blob(REPOSITORY, SIGNED_TEXT, signed_text(image).as_bytes());
        manifest(staging, &cosign_tag(image, ".sig"), &[layer]);
    }),
    (".sig", "is not about the image", |staging, image| {
        staging.cosign(REPOSITORY, &cosign_tag(image, ".sig"), SIGNED_TEXT, &[(&signed_text(OTHER), "signature")]);
    }),
    (".sig", "is not about the image", |staging, image| {
        let texts = [(&*signed_text(image), "a"), ("#!/bin/sh", "b")];
        staging.cosign(REPOSITORY, &cosign_tag(image, ".sig"), SIGNED_TEXT, &texts);
    }),
    (".sig", "has more than 65536 bytes", |staging, image| {
        let long = format!("{}{}", signed_text(image), " ".repeat(64 << 10));
        staging.cosign(REPOSITORY, &cosign_tag(image, ".sig"), SIGNED_TEXT, &[(&long, "signature")]);
    }),
    (".sig", "has 65 layers, and cosign writes 1 to 64", |staging, image| {
        let text = signed_text(image);
        let layers: Vec<(&str, &str)> = vec![(&text, "signature"); 65];
        staging.cosign(REPOSITORY, &cosign_tag(image, ".sig"), SIGNED_TEXT, &layers);
    }),
    (".sig", "has 0 layers", |staging, image| manifest(staging, &cosign_tag(image, ".sig"), &[])),
    (".att", "is not about the image", |staging, image| drop(staging.attest(REPOSITORY, image, OTHER))),
    (".att", "has a layer of the type", |staging, image| {
        staging.cosign(REPOSITORY, &cosign_tag(image, ".att"), SIGNED_TEXT, &[(&signed_text(image), "signature")]);
    }),
    (".att", "is not about the image", |staging, image| {
        staging.cosign(REPOSITORY, &cosign_tag(image, ".att"), ENVELOPE, &[("{}", "")]);
    }),
    (".att", "has attestations of 80000064 bytes, and 33554432 are the most", |staging, image| {
        let mut layer = staging.blob(REPOSITORY, ENVELOPE, b"{}");
        layer["annotations"] = json!({"dev.cosignproject.cosign/signature": ""});
        let layers: Vec<Value> = (0..8)
            .map(|at| {
                let mut layer = layer.clone();
                layer["size"] = json!(10_000_008);
                layer["digest"] = json!(format!("sha256:{at:064}"));
                layer
            })
            .collect();
        manifest(staging, &cosign_tag(image, ".att"), &layers);
    }),
    (".sbom", "has a layer of the type", |staging, image| {
        staging.image(REPOSITORY, Some(&cosign_tag(image, ".sbom")), "evil", &[b"#!/bin/sh"]);
    }),
    (".sbom", "has 2 layers, and cosign writes 1 to 1", |staging, image| {
        staging.cosign(REPOSITORY, &cosign_tag(image, ".sbom"), "text/spdx", &[("a", ""), ("b", "")]);
    }),
];

fn fixture() -> (Fixture, String) {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = digest(&fixture.staging.image(REPOSITORY, None, "amd64", &[b"ours"]));
    fixture.promote(&[("app", &image, &["v1"])]);
    (fixture, image)
}

#[test]
fn junk_at_a_tag_of_cosign_never_becomes_a_tag_of_production() {
    for (end, reason, put) in JUNK {
        for is_late in [false, true] {
            let (fixture, image) = fixture();
            if is_late {
                fixture.run(&["run", "--confirm"]).ok();
            }
            put(&fixture.staging, &image);
            let output = fixture.run(&["run", "--confirm", "--late-signatures"]).ok();
            let line = output.lines().next().unwrap();
            let expected = format!("; left out: {}: ", cosign_tag(&image, end));
            assert!(line.contains(&expected) && line.contains(reason), "{reason}: {line}");
            let tags: Vec<String> = fixture.production.store().tags.keys().map(|(_, tag)| tag.clone()).collect();
            assert_eq!(tags, ["v1"], "{reason}");
            let output = fixture.run(&["verify"]).ok();
            assert!(output.starts_with("there ") && output.contains(reason), "{reason}: {output}");
        }
    }
}

#[test]
fn junk_that_production_has_is_replaced_by_what_cosign_writes() {
    let (fixture, image) = fixture();
    let tag = cosign_tag(&image, ".sig");
    fixture.run(&["run", "--confirm"]).ok();
    fixture.production.image("prod/app", Some(&tag), "evil", &[b"#!/bin/sh"]);
    let good = fixture.staging.sign(REPOSITORY, &image, &["a signature"]);
    assert!(fixture.run(&["verify"]).failed().contains("unsigned"));
    assert_eq!(fixture.run(&["run", "--confirm", "--late-signatures"]).ok(), "1 there\n");
    assert_eq!(fixture.production.store().tags[&("prod/app".to_owned(), tag)], good);
    assert_eq!(fixture.run(&["verify"]).ok(), "1 there\n");
}

#[test]
fn an_attestation_may_be_about_several_images_and_be_long() {
    let (fixture, image) = fixture();
    let subjects: Vec<Value> = [OTHER, &*image]
        .map(|subject| json!({"digest": {"sha256": subject.strip_prefix("sha256:").unwrap()}}))
        .to_vec();
    let statement = json!({"subject": subjects, "predicate": "x".repeat(3 << 20)}).to_string();
    let payload = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, statement);
    let envelope = json!({"payload": payload}).to_string();
    fixture.staging.cosign(REPOSITORY, &cosign_tag(&image, ".att"), ENVELOPE, &[(&envelope, "")]);
    assert_eq!(fixture.run(&["run", "--confirm"]).ok().lines().last(), Some("1 copied"));
    assert_eq!(fixture.production.store().tags.len(), 2);
}
