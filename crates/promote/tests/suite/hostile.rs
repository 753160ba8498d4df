//! Registries, images and pull requests that mean harm.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::fixture::{Answer, Fixture, INDEX, PROGRAM, cosign_tag as tag, digest};
use crate::stand_in::{Action, Asked, Kind, SignIn, StandIn};

#[test]
fn a_signature_with_other_annotations_is_another_one() {
    // cosign keeps the signature beside the layer's digest, and the layer is the same for all signatures.
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    let good = fixture.staging.sign("staging/app", &image, &["good"]);
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.run(&["run", "--confirm"]).ok();
    fixture.staging.sign("staging/app", &image, &["forged"]);
    // A new tag of the image is set all the same.
    fixture.promote(&[("app", &image, &["v1", "v2"])]);
    let output = fixture.run(&["run", "--confirm", "--late-signatures"]).ok();
    assert!(output.contains("nothing is overwritten") && output.ends_with("1 there, 1 tagged\n"), "{output}");
    assert_eq!(fixture.production.store().tags[&("prod/app".to_owned(), tag(&image, ".sig"))], good);
}

#[test]
fn a_repository_without_the_api_says_nothing_about_others() {
    let hook = |asked: &Asked, _| {
        let is_refused = asked.path.contains("/aaa/referrers/");
        if is_refused { Action::Answer(404, vec![], String::new()) } else { Action::Serve }
    };
    let fixture = Fixture::new(Kind { referrers: Some(10), ..Kind::hooked(hook) }, Kind::default());
    let first = fixture.staging.index("staging/aaa", "v1", "aaa");
    let second = fixture.staging.index("staging/bbb", "v1", "bbb");
    let subject = fixture.staging.describe("staging/bbb", &second);
    let signature = digest(&fixture.staging.referrer("staging/bbb", &subject, "a/signature"));
    fixture.promote(&[("aaa", &first, &["v1"]), ("bbb", &second, &["v1"])]);
    fixture.run(&["run", "--confirm", "--at-once", "1"]).ok();
    assert!(fixture.production.store().manifests.contains_key(&("prod/bbb".to_owned(), signature)));
}

#[test]
fn reading_and_signing_in_do_not_wait_for_each_other() {
    // One registry that does not mount, tokens for each step, and a place for one request.
    let hook = |asked: &Asked, _| {
        let is_mount = asked.query.starts_with("mount=");
        if is_mount { Action::Answer(403, vec![], String::new()) } else { Action::Serve }
    };
    let fixture = Fixture::new(Kind { sign_in: SignIn::Token, ..Kind::hooked(hook) }, Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote_within_staging();
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.sign_in();
    fixture.run(&["run", "--confirm", "--at-once", "1"]).ok();
    assert!(fixture.staging.store().tags.contains_key(&("prod/app".to_owned(), "v1".to_owned())));
}

#[test]
fn pages_of_referrers_come_to_an_end() {
    for (padding, most) in [(1 << 20, 20), (0, 4 * 129)] {
        let hook = move |asked: &Asked, before| {
            if !asked.path.contains("/referrers/") {
                return Action::Serve;
            }
            let body = format!(r#"{{"schemaVersion":2,"manifests":[],"padding":"{}"}}"#, " ".repeat(padding));
            Action::Answer(200, vec![("link", format!("<{}?page={before}>; rel=\"next\"", asked.path))], body)
        };
        let fixture = Fixture::new(Kind { referrers: Some(10), ..Kind::hooked(hook) }, Kind::default());
        let image = fixture.staging.index("staging/app", "v1", "app");
        fixture.promote(&[("app", &image, &["v1"])]);
        let output = fixture.run(&["run", "--confirm"]).ok();
        assert!(
            output.contains("; left out: ") && output.contains("the answer has more than the 131072 bytes"),
            "{output}"
        );
        let asked = fixture.staging.count("GET", "/referrers/");
        assert!(asked <= most, "{asked}");
    }
}

#[test]
fn a_manifest_that_is_reached_in_many_ways_is_copied_once() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let index = |children: &[Value], at: usize| {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children, "at": at});
        fixture.staging.manifest("staging/app", Some("v1"), &index)
    };
    let mut level = vec![fixture.staging.image("staging/app", None, "amd64", &[b"leaf"])];
    for _ in 0..3 {
        level = (0..10).map(|at| index(&level, at)).collect();
    }
    let top = digest(&index(&level, 10));
    fixture.promote(&[("app", &top, &["v1"])]);
    fixture.run(&["run", "--confirm"]).ok();
    assert_eq!(fixture.production.count("PUT", "/manifests/sha256:"), 32);
    let asked = fixture.staging.store().asked.len() + fixture.production.store().asked.len();
    assert!(asked < 32 * 12, "{asked} requests");
}

#[test]
fn a_push_that_is_led_elsewhere_has_failed() {
    let elsewhere = StandIn::start(Kind::default());
    let address = elsewhere.address;
    let production = Kind::hooked(move |asked: &Asked, _| {
        if asked.method == "PUT" && asked.path.ends_with("/manifests/v1") {
            return Action::Answer(302, vec![("location", format!("http://{address}/login"))], String::new());
        }
        Action::Serve
    });
    let fixture = Fixture::new(Kind::default(), production);
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote(&[("app", &image, &["v1"])]);
    let output = fixture.run(&["run", "--confirm"]).failed();
    assert!(output.contains("answered 302 Found"), "{output}");
    assert_eq!(elsewhere.store().asked.len(), 0);
}

#[test]
fn another_digest_than_the_one_that_was_asked_for_is_no_answer() {
    let other = format!("sha256:{}", "3".repeat(64));
    let production = Kind::hooked(move |asked: &Asked, _| {
        if asked.method == "HEAD" && asked.path.contains("/manifests/sha256:") {
            return Action::Answer(200, vec![("docker-content-digest", other.clone())], String::new());
        }
        Action::Serve
    });
    let fixture = Fixture::new(Kind::default(), production);
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote(&[("app", &image, &[])]);
    let output = fixture.run(&["plan"]).failed();
    assert!(output.contains("the registry is broken, or not to be trusted"), "{output}");
}

#[test]
fn an_identity_token_goes_to_no_other_host_and_is_not_shown() {
    let elsewhere = StandIn::start(Kind::default());
    let address = elsewhere.address;
    for echoes in [false, true] {
        let hook = move |asked: &Asked, _| match asked.path.as_str() {
            "/token" if echoes => {
                let words = r#"{"errors":[{"code":"DENIED","message":"an-identity-token is not valid"}]}"#;
                Action::Answer(400, vec![], words.to_owned())
            }
            "/token" => Action::Answer(307, vec![("location", format!("http://{address}/steal"))], String::new()),
            _ => Action::Serve,
        };
        let fixture = Fixture::new(Kind { sign_in: SignIn::Token, ..Kind::hooked(hook) }, Kind::default());
        let image = fixture.staging.index("staging/app", "v1", "app");
        fixture.promote(&[("app", &image, &["v1"])]);
        let host = fixture.staging.address.to_string();
        let auths = json!({"auths": {host: {"identitytoken": "an-identity-token"}}});
        fixture.write("config.json", &auths.to_string());
        let output = fixture.run(&["run", "--confirm"]).failed();
        assert!(!output.contains("an-identity-token"), "{output}");
        let expected = if echoes { "(`DENIED: [hidden] is not valid`)" } else { "answered 307 Temporary Redirect" };
        assert!(output.contains(expected), "{output}");
    }
    assert_eq!(elsewhere.store().asked.len(), 0);
}

#[test]
fn links_and_strange_names_do_no_harm() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = format!("sha256:{}", "a".repeat(64));
    fixture.promote(&[("app", &image, &["v1"])]);
    let check = || {
        let mut command = Command::new(PROGRAM);
        Answer::from_output(
            command.arg("check").current_dir(fixture.folder.path()).stdin(Stdio::null()).output().unwrap(),
        )
    };
    check().ok();
    for (target, name) in [(".", "again"), ("/etc/hostname", "a.yaml"), ("nowhere", "b.yml"), ("/dev/zero", "c.yaml")] {
        let link = fixture.folder.path().join("images/team").join(name);
        std::os::unix::fs::symlink(target, &link).unwrap();
        let found = check().failed();
        assert!(found.contains(&format!("images/team/{name}: cannot be read: ")), "{found}");
        std::fs::remove_file(link).unwrap();
    }
    fixture.write("manifests/x\n::error::\u{1b}[2J/promoter-manifest.yaml", "");
    let found = check().failed();
    assert_eq!(found.lines().count(), 1);
    assert!(found.starts_with("manifests/x\\n::error::\\u{1b}[2J: is no name for a project"), "{found}");
}

#[test]
fn one_registry_by_two_names_is_one_target_and_tags_of_signatures_are_reserved() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let [first, second] = ["a", "b"].map(|digit| format!("sha256:{}", digit.repeat(64)));
    let project = |name: &str, target: &str, image: &str| {
        let registries = format!("registries: [{{name: {name}.example, src: true}}, {{name: \"{target}\"}}]");
        fixture.write(&format!("manifests/{name}/promoter-manifest.yaml"), &registries);
        fixture.write(&format!("images/{name}/images.yaml"), &format!("- name: app\n  dmap: {{\"{image}\": [v1]}}\n"));
    };
    fixture.promote(&[("app", &first, &[&tag(&first, ".sig")])]);
    assert!(fixture.run(&["check"]).failed().contains("is one of signatures"));
    fixture.promote(&[("app", &first, &["v1"])]);
    for (one, other) in [
        ("registry.example/team", "REGISTRY.example/team"),
        ("registry.example/team", "registry.example:443/team"),
        ("docker.io/team", "index.docker.io/team"),
        ("docker.io", "docker.io/library"),
        ("localhost:5000", "127.0.0.1:5000"),
    ] {
        project("one", one, &first);
        project("two", other, &second);
        let found = fixture.run(&["check"]).failed();
        assert!(found.contains("name it once"), "{other}: {found}");
    }
}
