//! What somebody attaches to an image in staging that does not belong to it, or cannot be promoted. The image goes.

use serde_json::{Value, json};

use crate::fixture::{Fixture, IMAGE, INDEX, cosign_tag, digest, lines};
use crate::stand_in::{Action, Asked, Kind, StandIn};

const REPOSITORY: &str = "staging/app";

fn with_api() -> Kind {
    Kind { referrers: Some(100), ..Kind::default() }
}

/// A manifest about an image, with these fields instead.
fn about(staging: &StandIn, image: &Value, fields: &Value) -> Value {
    let config = staging.blob(REPOSITORY, "application/vnd.oci.empty.v1+json", b"{}");
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "artifactType": "an/example", "config": config, "layers": [],
        "subject": image
    });
    for (key, value) in fields.as_object().unwrap() {
        manifest[key] = value.clone();
    }
    staging.manifest(REPOSITORY, None, &manifest)
}

/// Something that is attached to an image, and the reason that is reported.
type Broken = (&'static str, fn(&StandIn, &Value));

const BROKEN: [Broken; 9] = [
    ("answered 404 Not Found", |staging, image| {
        let config = json!({"mediaType": "a/b", "digest": format!("sha256:{}", "0".repeat(64)), "size": 2});
        about(staging, image, &json!({"config": config}));
    }),
    ("the answer has 7 bytes, and 999 were announced", |staging, image| {
        let mut layer = staging.blob(REPOSITORY, "a/b", b"7 bytes");
        layer["size"] = json!(999);
        about(staging, image, &json!({"layers": [layer]}));
    }),
    ("says that it is something else (media type `application/x`)", |staging, image| {
        about(staging, image, &json!({"mediaType": "application/x"}));
    }),
    ("which must not be distributed", |staging, image| {
        let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar";
        let layer = json!({"mediaType": foreign, "digest": format!("sha256:{}", "1".repeat(64)), "size": 2});
        about(staging, image, &json!({"layers": [layer]}));
    }),
    ("which is not a SHA-256 digest", |staging, image| {
        let layer = json!({"mediaType": "a/b", "digest": format!("sha512:{}", "0".repeat(128)), "size": 2});
        about(staging, image, &json!({"layers": [layer]}));
    }),
    ("has a part of the image as its own part", |staging, image| {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [image], "subject": image});
        staging.manifest(REPOSITORY, None, &index);
    }),
    ("is both an image and an index", |staging, image| {
        about(staging, image, &json!({"manifests": []}));
    }),
    ("there are more than 1048576 bytes of manifests", |staging, image| {
        about(staging, image, &json!({"annotations": {"long": "x".repeat(1 << 20)}}));
    }),
    ("there are more than 1073741824 bytes of blobs", |staging, image| {
        let layer = json!({"mediaType": "a/b", "digest": format!("sha256:{}", "2".repeat(64)), "size": 2_u64 << 30});
        about(staging, image, &json!({"layers": [layer]}));
    }),
];

fn signed_image(fixture: &Fixture) -> (String, Value) {
    let image = fixture.staging.image(REPOSITORY, None, "amd64", &[b"ours"]);
    fixture.promote(&[("app", &digest(&image), &["v1"])]);
    (digest(&image), image)
}

fn has(registry: &StandIn, digest: &str) -> bool {
    registry.store().manifests.contains_key(&("prod/app".to_owned(), digest.to_owned()))
}

#[test]
fn what_is_broken_is_left_out_and_the_image_goes_with_the_rest() {
    for (reason, attach) in BROKEN {
        for is_late in [false, true] {
            let fixture = Fixture::new(with_api(), with_api());
            let (image, description) = signed_image(&fixture);
            if is_late {
                fixture.run(&["run", "--confirm"]).ok();
            }
            let before = fixture.staging.store().manifests.len();
            attach(&fixture.staging, &description);
            let broken = fixture.staging.store().manifests.len() - before;
            let good = digest(&fixture.staging.referrer(REPOSITORY, &description, "a/signature"));
            let output = fixture.run(&["run", "--confirm", "--late-signatures"]).ok();
            let line = output.lines().next().unwrap();
            assert!(line.contains("; left out: ") && line.contains(reason), "{reason}: {line}");
            assert!(has(&fixture.production, &image) && has(&fixture.production, &good), "{reason}");
            assert_eq!((broken, fixture.production.store().manifests.len()), (1, 2), "{reason}");
            // What would not be copied is not missing.
            let output = fixture.run(&["verify"]).ok();
            assert!(output.starts_with("there ") && output.contains(reason), "{reason}: {output}");
        }
    }
}

#[test]
fn what_is_left_out_is_a_list_in_json() {
    let fixture = Fixture::new(with_api(), with_api());
    let (_, description) = signed_image(&fixture);
    let strange = digest(&about(&fixture.staging, &description, &json!({"mediaType": "application/x"})));
    let output = fixture.run(&["run", "--confirm", "--output", "json"]).ok();
    let expected = format!(
        "the manifest {strange} is neither an image, nor an index, nor an artifact, or says that it is something else (media type `application/x`)"
    );
    assert_eq!(lines(&output)[0]["left_out"], json!([expected]));
}

#[test]
fn there_are_limits_of_number_and_depth() {
    let fixture = Fixture::new(with_api(), with_api());
    let (_, description) = signed_image(&fixture);
    for at in 0..66 {
        fixture.staging.referrer(REPOSITORY, &description, &format!("kind/{at}"));
    }
    let output = fixture.run(&["run", "--confirm"]).ok();
    assert!(output.contains("; left out: all but 64 referrers, signatures among them perhaps\n"), "{output}");
    assert_eq!(fixture.production.store().manifests.len(), 1 + 64);

    let fixture = Fixture::new(with_api(), with_api());
    let (_, mut last) = signed_image(&fixture);
    let mut chain = Vec::new();
    for at in 0..6 {
        last = fixture.staging.referrer(REPOSITORY, &last, &format!("kind/{at}"));
        chain.push(digest(&last));
    }
    let output = fixture.run(&["run", "--confirm"]).ok();
    let expected = format!("; left out: what is attached to {}, which is 4 levels away from the image\n", chain[3]);
    assert!(output.contains(&expected), "{output}");
    let arrived: Vec<bool> = chain.iter().map(|one| has(&fixture.production, one)).collect();
    assert_eq!(arrived, [true, true, true, true, false, false]);
    assert!(fixture.run(&["verify"]).ok().contains(&expected));
}

#[test]
fn a_registry_that_fails_is_no_reason_to_leave_anything_out() {
    let fails = |part: &'static str, method: &'static str| Kind {
        referrers: Some(10),
        ..Kind::hooked(move |asked: &Asked, _| {
            let fails = asked.method == method && asked.path.contains(part);
            if fails { Action::Answer(503, vec![], String::new()) } else { Action::Serve }
        })
    };
    for (staging, production) in [
        (fails("/referrers/", "GET"), with_api()),
        (fails(".sig", "HEAD"), with_api()),
        (with_api(), fails("/referrers/", "GET")),
        (with_api(), fails(".sig", "HEAD")),
    ] {
        let fixture = Fixture::new(staging, production);
        let (image, description) = signed_image(&fixture);
        fixture.staging.referrer(REPOSITORY, &description, "a/signature");
        fixture.staging.sign(REPOSITORY, &image, &["a signature"]);
        let output = fixture.run(&["run", "--confirm", "--retries", "1"]).failed();
        assert!(output.starts_with("failed ") && output.contains("answered 503"), "{output}");
        assert!(!has(&fixture.production, &image));
        assert!(!fixture.production.store().tags.contains_key(&("prod/app".to_owned(), "v1".to_owned())));
    }
}

#[test]
fn a_tag_that_is_no_list_of_referrers_lists_nothing() {
    type List = fn(&StandIn, &Value) -> Value;
    let lists: [(List, &str); 3] = [
        (|staging, _| staging.image(REPOSITORY, None, "amd64", &[b"somebody's"]), ""),
        // GitLab answers with the manifest of that digest.
        (|_, image| image.clone(), ""),
        (
            |staging, image| {
                let referrer = staging.referrer(REPOSITORY, image, "a/signature");
                let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [referrer], "layers": []});
                staging.manifest(REPOSITORY, None, &index)
            },
            "is both an image and an index",
        ),
    ];
    for (list, reason) in lists {
        let fixture = Fixture::new(Kind::default(), Kind::default());
        let (image, description) = signed_image(&fixture);
        let named = digest(&list(&fixture.staging, &description));
        fixture.staging.store().tags.insert((REPOSITORY.to_owned(), cosign_tag(&image, "")), named);
        let output = fixture.run(&["run", "--confirm"]).ok();
        assert_eq!(output.contains("left out"), !reason.is_empty(), "{output}");
        assert!(output.contains(reason), "{output}");
        assert_eq!(fixture.production.store().manifests.len(), 1);
        assert_eq!(fixture.production.store().tags.len(), 1);
    }
}

#[test]
fn a_registry_that_answers_with_the_image_itself_lists_nothing() {
    // GitLab reads the tag of the list as the digest.
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index(REPOSITORY, "v1", "app");
    fixture.staging.store().tags.insert((REPOSITORY.to_owned(), cosign_tag(&image, "")), image.clone());
    fixture.promote(&[("app", &image, &["v1"])]);
    let output = fixture.run(&["run", "--confirm"]).ok();
    assert!(!output.contains("left out"), "{output}");
}

#[test]
fn verify_looks_whether_a_target_without_the_api_lists_its_referrers() {
    let fixture = Fixture::new(with_api(), Kind::default());
    let (image, description) = signed_image(&fixture);
    let referrer = digest(&fixture.staging.referrer(REPOSITORY, &description, "a/signature"));
    fixture.run(&["run", "--confirm"]).ok();
    assert_eq!(fixture.run(&["verify"]).ok(), "1 there\n");
    fixture.production.store().tags.remove(&("prod/app".to_owned(), cosign_tag(&image, "")));
    let output = fixture.run(&["verify"]).failed();
    assert!(output.starts_with("unsigned ") && output.contains(&referrer), "{output}");
    fixture.run(&["run", "--confirm", "--late-signatures"]).ok();
    assert_eq!(fixture.run(&["verify"]).ok(), "1 there\n");
}

#[test]
fn a_list_of_referrers_is_never_an_image_to_anybody() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let (image, description) = signed_image(&fixture);
    let mut referrer = fixture.staging.referrer(REPOSITORY, &description, "a/signature");
    referrer["platform"] = json!({"os": "linux", "architecture": "amd64"});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [referrer]});
    fixture.staging.manifest(REPOSITORY, Some(&cosign_tag(&image, "")), &index);
    fixture.run(&["run", "--confirm"]).ok();
    let store = fixture.production.store();
    let listed = &store.tags[&("prod/app".to_owned(), cosign_tag(&image, ""))];
    let (_, bytes) = &store.manifests[&("prod/app".to_owned(), listed.clone())];
    let listed: Value = serde_json::from_slice(bytes).unwrap();
    assert_eq!(listed["manifests"][0]["digest"], referrer["digest"]);
    assert_eq!(listed["manifests"][0].get("platform"), None);
}
