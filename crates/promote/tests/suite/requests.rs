//! What is asked of the source, and how often.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::fixture::{Fixture, INDEX, cosign_tag, digest};
use crate::stand_in::{Action, Asked, Kind, StandIn};

/// An index of five platforms, each with a layer of its own.
fn five_platforms(fixture: &Fixture) -> String {
    let children: Vec<Value> = ["amd64", "arm64", "s390x", "ppc64le", "riscv64"]
        .map(|platform| fixture.staging.image("staging/app", None, platform, &[platform.as_bytes()]))
        .to_vec();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children});
    digest(&fixture.staging.manifest("staging/app", Some("v1"), &index))
}

#[test]
fn an_image_of_five_platforms_takes_twenty_requests() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = five_platforms(&fixture);
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.run(&["run", "--confirm"]).ok();
    let asked = fixture.staging.store().asked.len();
    // One look at the image, six manifests, ten blobs, the tags, those of signatures, and the API of referrers.
    assert_eq!(asked, 1 + 6 + 10 + 1 + 1 + 1);
}

#[test]
fn what_was_read_of_the_source_serves_all_targets() {
    let fixture = Fixture::new(Kind { referrers: Some(10), ..Kind::default() }, Kind::default());
    let image = five_platforms(&fixture);
    let targets: Vec<StandIn> = (0..4).map(|_| StandIn::start(Kind::default())).collect();
    let names: Vec<String> = targets.iter().map(|target| format!(", {{name: \"{}/prod\"}}", target.address)).collect();
    let registries =
        format!("registries: [{{name: \"{}/staging\", src: true}}{}]", fixture.staging.address, names.concat());
    fixture.write("manifests/team/promoter-manifest.yaml", &registries);
    fixture.promote(&[("app", &image, &["v1"])]);
    assert_eq!(fixture.run(&["plan"]).ok().lines().last(), Some("4 copy"));
    assert_eq!(fixture.staging.store().asked.len(), 1);
    fixture.staging.forget_requests();
    assert_eq!(fixture.run(&["run", "--confirm"]).ok().lines().last(), Some("4 copied"));
    assert!(targets.iter().all(|target| target.store().tags.len() == 1));
    for (method, part, expected) in [
        ("GET", "/manifests/sha256:", 6),
        ("HEAD", "/manifests/sha256:", 1),
        ("GET", "/tags/", 1),
        // One of them is to learn that there is this API.
        ("GET", "/referrers/", 7),
    ] {
        assert_eq!(fixture.staging.count(method, part), expected, "{method} {part}");
    }
}

#[test]
fn a_registry_whose_list_of_tags_hides_signatures_or_is_not_whole_is_asked_for_each() {
    // What it answers, if the signature of the image has this tag. That of a platform is never listed.
    let answers: [fn(&str) -> Action; 5] = [
        |_| Action::Answer(200, vec![], r#"{"name":"staging/app","tags":["v1"]}"#.to_owned()),
        |_| Action::Answer(200, vec![], r#"{"name":"staging/app","tags":null}"#.to_owned()),
        |tag| {
            let next = vec![("link", "</next>; rel=\"next\"".to_owned())];
            Action::Answer(200, next, format!(r#"{{"tags":["{tag}"]}}"#))
        },
        |tag| Action::Answer(403, vec![], format!(r#"{{"tags":["{tag}"]}}"#)),
        |_| Action::Answer(200, vec![], "<html>sign in</html>".to_owned()),
    ];
    for answer in answers {
        let listed = Arc::new(Mutex::new(String::new()));
        let said = Arc::clone(&listed);
        let hook = move |asked: &Asked, _| {
            if asked.path.ends_with("/tags/list") { answer(&said.lock().unwrap()) } else { Action::Serve }
        };
        let fixture = Fixture::new(Kind::hooked(hook), Kind::default());
        let image = five_platforms(&fixture);
        *listed.lock().unwrap() = cosign_tag(&image, ".sig");
        let child = {
            let store = fixture.staging.store();
            store.manifests.keys().map(|(_, found)| found.clone()).find(|found| *found != image).unwrap()
        };
        for signed in [&image, &child] {
            fixture.staging.sign("staging/app", signed, &["a signature"]);
        }
        fixture.promote(&[("app", &image, &["v1"])]);
        fixture.run(&["run", "--confirm"]).ok();
        for signed in [&image, &child] {
            let key = ("prod/app".to_owned(), cosign_tag(signed, ".sig"));
            assert!(fixture.production.store().tags.contains_key(&key));
        }
    }
}
