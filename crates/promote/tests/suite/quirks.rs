//! What registries do that the specification does not say.

use crate::fixture::{Fixture, digest};
use crate::stand_in::{Action, Asked, Kind, SignIn};

/// Promotes an index between registries of these kinds.
#[track_caller]
fn promoted(staging: Kind, production: Kind) -> Fixture {
    let fixture = Fixture::new(staging, production);
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.sign_in();
    assert_eq!(fixture.run(&["run", "--confirm"]).ok().lines().last(), Some("1 copied"));
    fixture
}

#[test]
fn whoever_may_only_pull_is_not_told_that_a_repository_is_not_there_yet() {
    let fixture = promoted(Kind::default(), Kind { sign_in: SignIn::Creator, ..Kind::default() });
    // What was learned once is not tried out again: one refusal without a token, and one with that to pull.
    let store = fixture.production.store();
    let reads = store.asked.iter().filter(|asked| asked.path.contains("/manifests/") && asked.method == "HEAD");
    let to_pull = reads.filter(|asked| asked.authorization.as_deref() == Some("Bearer repository:prod/app:pull"));
    assert_eq!(to_pull.count(), 1);
}

#[test]
fn a_source_is_never_asked_for_the_rights_to_push() {
    let fixture = promoted(Kind { sign_in: SignIn::Token, ..Kind::default() }, Kind::default());
    let image = format!("sha256:{}", "a".repeat(64));
    fixture.promote(&[("gone", &image, &["v1"])]);
    fixture.run(&["run", "--confirm"]).failed();
    assert!(fixture.staging.store().asked.iter().all(|asked| !asked.query.contains("push")));
}

#[test]
fn a_registry_says_in_its_own_way_that_it_has_no_api_of_referrers() {
    let html = || vec![("content-type", "text/html; charset=utf-8".to_owned())];
    for (status, headers, body) in [
        (400, vec![], "{}"),
        (401, vec![("www-authenticate", "Basic realm=\"x\"".to_owned())], ""),
        (403, vec![], "<html>"),
        (406, vec![], "Not Acceptable"),
        (500, vec![], ""),
        (501, vec![], ""),
        (200, html(), "<!doctype html><title>Sign in</title>"),
        (200, vec![], "{}"),
        (204, vec![], ""),
    ] {
        let answer = Action::Answer(status, headers, body.to_owned());
        let hook =
            move |asked: &Asked, _| if asked.path.contains("/referrers/") { answer.clone() } else { Action::Serve };
        let fixture = Fixture::new(Kind::hooked(hook.clone()), Kind::hooked(hook));
        let image = fixture.staging.image("staging/app", Some("v1"), "amd64", &[b"layer"]);
        // Attached by the tag schema.
        let attached = fixture.staging.referrer("staging/app", &image, "application/vnd.example.sbom");
        let index = serde_json::json!({
            "schemaVersion": 2, "mediaType": crate::fixture::INDEX, "manifests": [attached.clone()]
        });
        let tag = digest(&image).replace(':', "-");
        fixture.staging.manifest("staging/app", Some(&tag), &index);
        fixture.promote(&[("app", &digest(&image), &["v1"])]);
        let output = fixture.run(&["run", "--confirm", "--retries", "1"]).ok();
        assert_eq!(output.lines().last(), Some("1 copied"), "{status}: {output}");
        let attached = ("prod/app".to_owned(), digest(&attached));
        assert!(fixture.production.store().manifests.contains_key(&attached), "{status}");
        assert!(fixture.production.store().tags.contains_key(&("prod/app".to_owned(), tag)), "{status}");
    }
}

#[test]
fn referrers_are_not_forgotten_because_a_registry_is_busy() {
    for status in [429, 502, 503, 504] {
        let busy = Kind::hooked(move |asked: &Asked, _| {
            if asked.path.contains("/referrers/") {
                Action::Answer(status, vec![], String::new())
            } else {
                Action::Serve
            }
        });
        let fixture = Fixture::new(busy, Kind::default());
        let image = fixture.staging.index("staging/app", "v1", "app");
        fixture.promote(&[("app", &image, &["v1"])]);
        let output = fixture.run(&["run", "--confirm", "--retries", "0"]).failed();
        assert!(output.contains(&format!("answered {status}")), "{output}");
        assert!(fixture.production.store().tags.is_empty());
    }
}

#[test]
fn what_one_manifest_is_answered_says_nothing_about_the_registry() {
    for (status, body, is_outage) in [(400, "", false), (403, "", false), (500, "", true), (200, "<html>", false)] {
        // All others are listed as they should.
        let staging = Kind::hooked(move |asked: &Asked, _| {
            let is_other = asked.path.ends_with(&"0".repeat(64));
            if asked.path.contains("/referrers/") && !is_other {
                return Action::Answer(status, vec![], body.to_owned());
            }
            Action::Serve
        });
        let fixture = Fixture::new(Kind { referrers: Some(10), ..staging }, Kind::default());
        let image = fixture.staging.index("staging/app", "v1", "app");
        fixture.promote(&[("app", &image, &["v1"])]);
        let answer = fixture.run(&["run", "--confirm", "--retries", "0"]);
        // It never goes without a word.
        assert!(answer.stdout.contains("/referrers/sha256:"), "{answer:?}");
        assert_eq!(answer.stdout.contains("; left out: GET "), !is_outage, "{answer:?}");
        assert_eq!(fixture.production.store().tags.is_empty(), is_outage, "{answer:?}");
    }
}

#[test]
fn a_registry_without_head_is_read() {
    let headless =
        || {
            Kind::hooked(|asked: &Asked, _| {
                if asked.method == "HEAD" { Action::Answer(405, vec![], String::new()) } else { Action::Serve }
            })
        };
    let fixture = promoted(headless(), headless());
    assert_eq!(fixture.run(&["plan"]).ok(), "1 there\n");
}

#[test]
fn what_a_registry_says_is_shown_whatever_its_form() {
    for (body, expected) in [
        (r#"{"errors":[{"code":"DENIED","message":"not you"}]}"#, "answered 400 Bad Request (`DENIED: not you`)"),
        (r#"{"message":"quota reached"}"#, "answered 400 Bad Request (`quota reached`)"),
        (r#"{"error":"repository is archived"}"#, "answered 400 Bad Request (`repository is archived`)"),
        ("tag v1 is immutable\nmore", "answered 400 Bad Request (`tag v1 is immutable`)"),
        ("<html><body>no</body></html>", "answered 400 Bad Request\n"),
    ] {
        let kind = Kind::hooked(move |asked: &Asked, _| {
            if asked.method == "PUT" { Action::Answer(400, vec![], body.to_owned()) } else { Action::Serve }
        });
        let fixture = Fixture::new(Kind::default(), kind);
        let image = fixture.staging.index("staging/app", "v1", "app");
        fixture.promote(&[("app", &image, &["v1"])]);
        let output = fixture.run(&["run", "--confirm"]).failed();
        assert!(output.contains(expected), "{output}");
    }
}

#[test]
fn the_old_format_is_told_by_its_type() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    // Signed: its digest is that of what is signed.
    let image = format!("sha256:{}", "a".repeat(64));
    let signed = ("application/vnd.docker.distribution.manifest.v1+prettyjws".to_owned(), "{}".into());
    fixture.staging.store().manifests.insert(("staging/app".to_owned(), image.clone()), signed);
    fixture.promote(&[("app", &image, &["v1"])]);
    let output = fixture.run(&["run", "--confirm"]).failed();
    assert!(output.contains("the manifest has the old format schema 1"), "{output}");
}

#[test]
fn a_project_gets_nothing_of_another_one_that_its_source_lacks() {
    let fixture = Fixture::new(Kind { referrers: Some(10), ..Kind::default() }, Kind::default());
    let theirs = fixture.staging.image("staging/app", Some("v1"), "amd64", &[b"a layer of somebody else"]);
    fixture.promote(&[("app", &digest(&theirs), &["v1"])]);
    let (staging, production) = (fixture.staging.address, fixture.production.address);
    fixture.write(
        "manifests/zzz/promoter-manifest.yaml",
        &format!("registries: [{{name: \"{staging}/zzz\", src: true}}, {{name: \"{production}/zzz\"}}]"),
    );
    let own = fixture.staging.image("zzz/app", Some("v1"), "amd64", &[b"own"]);
    fixture.write("images/zzz/images.yaml", &format!("- name: app\n  dmap: {{\"{}\": [v1]}}\n", digest(&own)));
    // Something about the own image names a layer that only the other project has.
    let bytes = b"a layer of somebody else";
    let layer = serde_json::json!({
        "mediaType": "a/b", "digest": local_registry_oci::digest_of(bytes), "size": bytes.len()
    });
    let config = fixture.staging.blob("zzz/app", "application/vnd.oci.empty.v1+json", b"{}");
    let thief = serde_json::json!({
        "schemaVersion": 2, "mediaType": crate::fixture::IMAGE, "artifactType": "a/b", "config": config,
        "layers": [layer], "subject": own
    });
    fixture.staging.manifest("zzz/app", None, &thief);
    // First the layer is there, so that it could be taken from there.
    fixture.run(&["run", "--confirm", "--at-once", "1"]).ok();
    let key = ("zzz/app".to_owned(), local_registry_oci::digest_of(bytes).to_string());
    assert!(!fixture.production.store().blobs.contains_key(&key));
}

#[test]
fn a_wrong_password_for_one_repository_stops_no_other() {
    let refuses = Kind::hooked(|asked: &Asked, _| {
        let challenge = vec![("www-authenticate", "Basic realm=\"x\"".to_owned())];
        if asked.path.contains("/bad") { Action::Answer(401, challenge, String::new()) } else { Action::Serve }
    });
    let fixture = Fixture::new(Kind::default(), refuses);
    let names: Vec<String> = (0..40).map(|at| format!("{}{at}", if at < 30 { "bad" } else { "good" })).collect();
    let image = |name: &String| digest(&fixture.staging.image(&format!("staging/{name}"), Some("v1"), name, &[b"x"]));
    let images: Vec<String> = names.iter().map(image).collect();
    let entries: Vec<(&str, &str, &[&str])> =
        names.iter().zip(&images).map(|(name, image)| (name.as_str(), image.as_str(), ["v1"].as_slice())).collect();
    fixture.promote(&entries);
    let output = fixture.run(&["run", "--confirm"]).failed();
    assert!(output.lines().last().unwrap().contains("10 copied"), "{output}");
    assert!(!output.contains("not asked any more"), "{output}");
}

#[test]
fn what_one_manifest_lacks_says_nothing_about_the_api() {
    // The API is there, and says of one image that it does not know it.
    let staging = Kind::hooked(|asked: &Asked, _| {
        if asked.path.contains("/staging/app/referrers/") && !asked.path.ends_with(&"0".repeat(64)) {
            let words = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"gone"}]}"#;
            return Action::Answer(404, vec![], words.to_owned());
        }
        Action::Serve
    });
    let fixture = Fixture::new(Kind { referrers: Some(10), ..staging }, Kind::default());
    let image = fixture.staging.image("staging/app", Some("v1"), "amd64", &[b"layer"]);
    fixture.promote(&[("app", &digest(&image), &["v1"])]);
    let output = fixture.run(&["run", "--confirm"]).ok();
    assert!(output.contains("; left out: GET ") && output.contains("MANIFEST_UNKNOWN"), "{output}");
}
