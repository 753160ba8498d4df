//! Registries that misbehave.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::fixture::{Answer, Fixture, digest};
use crate::stand_in::{Action, Asked, Kind, StandIn};

/// Does this the first time that something is asked for, and what it should from then on.
fn first(action: Action) -> impl Fn(&Asked, usize) -> Action + Send + Sync {
    let known = Mutex::new(BTreeSet::new());
    move |asked, _| {
        // The name of an upload is another one each time.
        let path = asked.path.split_inclusive("/uploads/").next().unwrap();
        if known.lock().unwrap().insert(format!("{} {path}", asked.method)) { action.clone() } else { Action::Serve }
    }
}

/// A promotion of one index between these registries.
fn promoted(staging: Kind, production: Kind) -> (Fixture, Answer) {
    let fixture = Fixture::new(staging, production);
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote(&[("app", &image, &["v1"])]);
    let answer = fixture.run(&["run", "--confirm", "--retries", "5"]);
    (fixture, answer)
}

#[track_caller]
fn check_arrives(staging: Kind, production: Kind) {
    let (fixture, answer) = promoted(staging, production);
    assert_eq!(answer.ok().lines().last(), Some("1 copied"));
    assert_eq!(fixture.production.store().tags.len(), 1);
    assert_eq!(fixture.production.store().manifests.len(), 3);
}

#[track_caller]
fn check_fails(staging: Kind, production: Kind, reason: &str) -> Fixture {
    let fixture = Fixture::new(staging, production);
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote(&[("app", &image, &["v1"])]);
    let output = fixture.run(&["run", "--confirm", "--retries", "1"]).failed();
    assert!(output.lines().next().unwrap().contains(reason), "{output}");
    assert!(fixture.production.store().tags.is_empty());
    fixture
}

#[test]
fn requests_that_are_refused_for_now_are_sent_again() {
    let busy = || Action::Answer(503, vec![], "<html>busy</html>".to_owned());
    check_arrives(Kind::hooked(first(busy())), Kind::hooked(first(busy())));
    let timeout = Action::Answer(408, vec![], String::new());
    check_arrives(Kind::hooked(first(timeout.clone())), Kind::hooked(first(timeout)));
}

#[test]
fn a_registry_that_wants_to_be_left_alone_is_left_alone() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&times);
    let production = Kind::hooked(move |asked, _| {
        if asked.method != "HEAD" || !asked.path.ends_with("/manifests/v1") {
            return Action::Serve;
        }
        let mut times = seen.lock().unwrap();
        times.push(std::time::Instant::now());
        if times.len() == 1 {
            return Action::Answer(429, vec![("retry-after", "2".to_owned())], String::new());
        }
        Action::Serve
    });
    check_arrives(Kind::default(), production);
    let times = times.lock().unwrap();
    assert!(times[1].duration_since(times[0]).as_secs_f32() >= 2.0);
}

#[test]
fn connections_that_are_closed_are_made_again() {
    check_arrives(Kind::hooked(first(Action::Close)), Kind::hooked(first(Action::Close)));
}

#[test]
fn bodies_that_are_cut_off_are_read_again() {
    check_arrives(Kind::hooked(first(Action::CutOff)), Kind::default());
    let cut = |asked: &Asked, _| if asked.path.contains("/blobs/") { Action::CutOff } else { Action::Serve };
    let fixture = check_fails(Kind::hooked(cut), Kind::default(), "/blobs/sha256:");
    assert!(fixture.production.store().blobs.is_empty());
}

#[test]
fn an_answer_that_is_lost_on_its_way_back_does_no_harm() {
    let forget = first(Action::Forget(502));
    let lost = move |asked: &Asked, before| if asked.method == "HEAD" { Action::Serve } else { forget(asked, before) };
    check_arrives(Kind::default(), Kind::hooked(lost));
}

#[test]
fn bytes_with_another_digest_are_never_pushed() {
    let lies = |part: &'static str| {
        Kind::hooked(
            move |asked: &Asked, _| {
                if asked.method == "GET" && asked.path.contains(part) { Action::Lie } else { Action::Serve }
            },
        )
    };
    let broken = "the registry is broken, or not to be trusted";
    let fixture = check_fails(lies("/manifests/"), Kind::default(), "and sha256:");
    assert!(fixture.production.store().manifests.is_empty());
    // A blob of the right length, but with another digest, does not arrive whole.
    let fixture = check_fails(lies("/blobs/"), Kind::default(), broken);
    assert!(fixture.production.store().blobs.is_empty());
    // What the target says of what it took.
    let other = format!("sha256:{}", "2".repeat(64));
    let production = Kind::hooked(move |asked: &Asked, _| {
        if asked.method == "PUT" && asked.path.contains("/manifests/") {
            return Action::Answer(201, vec![("docker-content-digest", other.clone())], String::new());
        }
        Action::Serve
    });
    check_fails(Kind::default(), production, broken);
}

#[test]
fn a_registry_without_the_header_of_digests_is_read() {
    let without = || Kind::hooked(|_, _| Action::Without("docker-content-digest"));
    check_arrives(without(), without());
}

#[test]
fn a_registry_that_does_not_say_where_to_upload_is_an_error() {
    check_fails(
        Kind::default(),
        Kind::hooked(|_, _| Action::Without("location")),
        "answered without `Location`, so there is nowhere to upload to",
    );
}

#[test]
fn an_upload_is_never_led_to_where_it_is_no_url() {
    let production = Kind::hooked(|asked: &Asked, _| {
        if asked.method == "POST" {
            return Action::Answer(
                202,
                vec![("location", "ftp://elsewhere.example/x?token=s3cret".to_owned())],
                String::new(),
            );
        }
        Action::Serve
    });
    let fixture = check_fails(Kind::default(), production, "the header `Location` is `ftp://elsewhere.example/x`");
    assert!(fixture.production.store().blobs.is_empty());
}

#[test]
fn blobs_may_be_elsewhere_and_credentials_do_not_follow() {
    let elsewhere = Arc::new(StandIn::start(Kind::default()));
    let address = elsewhere.address;
    let staging = Kind {
        sign_in: crate::stand_in::SignIn::Basic,
        ..Kind::hooked(move |asked: &Asked, _| {
            if asked.method == "GET" && asked.path.contains("/blobs/") && asked.authorization.is_some() {
                let location = format!("http://{address}{}", asked.path);
                return Action::Answer(307, vec![("location", location)], String::new());
            }
            Action::Serve
        })
    };
    let fixture = Fixture::new(staging, Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    elsewhere.store().blobs = fixture.staging.store().blobs.clone();
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.sign_in();
    fixture.run(&["run", "--confirm"]).ok();
    let asked = elsewhere.store().asked.clone();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|asked| asked.authorization.is_none()), "{asked:?}");
}

#[test]
fn answers_that_lead_in_circles_end() {
    let staging = Kind::hooked(|asked: &Asked, _| {
        if asked.path.contains("/blobs/") {
            return Action::Answer(302, vec![("location", asked.path.clone())], String::new());
        }
        Action::Serve
    });
    check_fails(staging, Kind::default(), "the answer leads elsewhere too often");
}

#[test]
fn a_registry_that_is_away_is_unreachable_and_the_others_go_on() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    fixture.write(
        "manifests/team/promoter-manifest.yaml",
        &format!(
            "registries: [{{name: \"{}/staging\", src: true}}, {{name: \"{nowhere}/x\"}}, {{name: \"{}/prod\"}}]",
            fixture.staging.address, fixture.production.address
        ),
    );
    fixture.promote(&[("app", &image, &["v1"])]);
    let output = fixture.run(&["run", "--confirm", "--retries", "1"]).failed();
    let expected = format!("unreachable  {nowhere}/x/app:v1");
    assert!(output.contains(&expected) && output.contains("Connection refused"), "{output}");
    assert!(output.contains("1 copied"), "{output}");
}

#[test]
fn no_more_requests_than_allowed_are_sent() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let images: Vec<String> =
        (0..20).map(|at| digest(&fixture.staging.image(&format!("staging/a{at}"), None, "amd64", &[]))).collect();
    let names: Vec<String> = (0..20).map(|at| format!("a{at}")).collect();
    let entries: Vec<(&str, &str, &[&str])> =
        names.iter().zip(&images).map(|(name, image)| (name.as_str(), image.as_str(), ["v1"].as_slice())).collect();
    fixture.promote(&entries);
    let start = std::time::Instant::now();
    fixture.run(&["plan", "--per-second", "40"]).ok();
    // Twenty tags and twenty digests at the target: the first request does not wait.
    assert!(start.elapsed().as_secs_f32() >= 39.0 / 40.0, "{:?}", start.elapsed());
}

#[test]
fn large_answers_are_not_read_to_their_end() {
    let fixture = check_fails(
        Kind::hooked(|asked: &Asked, _| {
            if asked.method == "GET" && asked.path.contains("/manifests/") {
                return Action::Answer(200, vec![], " ".repeat(5 << 20));
            }
            Action::Serve
        }),
        Kind::default(),
        "the answer has more than the 4194304 bytes that it may have",
    );
    assert!(fixture.production.store().manifests.is_empty());
}

#[test]
fn what_a_registry_says_does_not_reach_the_terminal_as_it_is() {
    let words = r#"{"errors":[{"code":"DENIED","message":"no\u001b[31m red\nlines"}]}"#;
    let production = Kind::hooked(move |asked: &Asked, _| {
        if asked.method == "POST" { Action::Answer(403, vec![], words.to_owned()) } else { Action::Serve }
    });
    let fixture = check_fails(
        Kind::default(),
        production,
        r"answered 403 Forbidden (`DENIED: no\u{1b}[31m red`); these credentials may not do that",
    );
    // A refusal is not asked again: at most once for each blob.
    assert!(fixture.production.count("POST", "/blobs/uploads/") <= 5);
}
