//! Registries that hold everything up: they drip, hang, are away, or want to be left alone.
//!
//! What is shown is an order: others are done before anything of the bad registry has failed.

use std::process::Stdio;
use std::sync::{Mutex, mpsc};

use crate::fixture::{Fixture, digest};
use crate::stand_in::{Action, Asked, Kind, StandIn};

/// How many images the bad registry has.
const MANY: usize = 40;
/// The layer that all images have.
const BASE: &[u8] = b"the base of all";

/// A production registry that says which tags it got.
fn watched() -> (Kind, mpsc::Receiver<String>) {
    let (send, receive) = mpsc::channel();
    let send = Mutex::new(send);
    let kind = Kind::hooked(move |asked: &Asked, _| {
        let tag = asked.path.rsplit('/').next().unwrap();
        if asked.method == "PUT" && tag.starts_with('v') {
            send.lock().unwrap().send(tag.to_owned()).unwrap();
        }
        Action::Serve
    });
    (kind, receive)
}

/// Adds a project, which comes before the other one, and has many images.
fn add_project(fixture: &Fixture, source: &StandIn, target: &str) {
    let entries: Vec<String> = (0..MANY)
        .map(|at| {
            let layer = format!("layer {at}").repeat(20);
            let image = source.image("bad/app", None, &format!("arch{at}"), &[layer.as_bytes(), BASE]);
            format!("    \"{}\": [\"bad{at}\"]\n", digest(&image))
        })
        .collect();
    let registries = format!("registries: [{{name: \"{}/bad\", src: true}}, {{name: \"{target}/p\"}}]", source.address);
    fixture.write("manifests/aaa/promoter-manifest.yaml", &registries);
    fixture.write("images/aaa/images.yaml", &format!("- name: app\n  dmap:\n{}", entries.concat()));
}

/// What the program has printed when production has its tags. It is stopped then.
fn printed(fixture: &Fixture, at_once: &str, tags: &mpsc::Receiver<String>, count: usize) -> String {
    let mut command = fixture.command(&["run", "--confirm", "--at-once", at_once]);
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    (0..count).for_each(|_| drop(tags.recv().unwrap()));
    process.kill().unwrap();
    String::from_utf8(process.wait_with_output().unwrap().stdout).unwrap()
}

/// An image of a good registry arrives although another project's source does this.
#[track_caller]
fn check_source(bad: fn(&Asked) -> Action) {
    for at_once in ["2", "16"] {
        let (production, tags) = watched();
        let fixture = Fixture::new(Kind::default(), production);
        let source = StandIn::start(Kind::hooked(move |asked, _| bad(asked)));
        add_project(&fixture, &source, &fixture.production.address.to_string());
        let image = digest(&fixture.staging.image("staging/app", None, "amd64", &[BASE, b"ours"]));
        fixture.promote(&[("app", &image, &["v1"])]);
        let printed = printed(&fixture, at_once, &tags, 1);
        assert!(printed.lines().all(|line| line.starts_with("copied ")), "with {at_once} at once: {printed}");
        assert!(!source.store().asked.is_empty());
    }
}

#[test]
fn a_source_that_drips_only_keeps_its_own_blobs() {
    check_source(|asked| {
        let is_blob = asked.method == "GET" && asked.path.contains("/blobs/");
        if is_blob { Action::Drip } else { Action::Serve }
    });
}

#[test]
fn a_blob_that_another_source_drips_is_not_waited_for() {
    let (production, tags) = watched();
    let (drips, wait) = mpsc::channel();
    let (drips, wait) = (Mutex::new(drips), Mutex::new(wait));
    let base = format!("/blobs/{}", local_registry_oci::digest_of(BASE));
    let source = StandIn::start(Kind::hooked(move |asked, _| {
        if asked.method == "GET" && asked.path.ends_with(&base) {
            drips.lock().unwrap().send(()).unwrap();
            return Action::Drip;
        }
        Action::Serve
    }));
    // The good one only answers once the other one has begun to drip.
    let has_begun = Mutex::new(false);
    let staging = Kind::hooked(move |asked: &Asked, _| {
        let mut has_begun = has_begun.lock().unwrap();
        if asked.method == "GET" && asked.path.contains("/manifests/") && !*has_begun {
            wait.lock().unwrap().recv().unwrap();
            *has_begun = true;
        }
        Action::Serve
    });
    let fixture = Fixture::new(staging, production);
    add_project(&fixture, &source, &fixture.production.address.to_string());
    let image = digest(&fixture.staging.image("staging/app", None, "amd64", &[BASE]));
    fixture.promote(&[("app", &image, &["v1"])]);
    let printed = printed(&fixture, "16", &tags, 1);
    assert!(printed.lines().all(|line| line.starts_with("copied ")), "{printed}");
}

#[test]
fn a_source_that_drips_documents_only_keeps_its_own() {
    check_source(|asked| if asked.method == "GET" { Action::Drip } else { Action::Serve });
}

#[test]
fn a_source_that_hangs_only_keeps_its_own_places() {
    check_source(|_| Action::Hang);
}

#[test]
fn a_source_that_wants_to_be_left_alone_only_delays_its_own_images() {
    check_source(|_| Action::Answer(429, vec![("retry-after", "300".to_owned())], String::new()));
}

#[test]
fn a_target_that_hangs_does_not_delay_the_others() {
    let (production, tags) = watched();
    let fixture = Fixture::new(Kind::default(), production);
    let hanging = StandIn::start(Kind::hooked(|_, _| Action::Hang));
    let registries = format!(
        "registries: [{{name: \"{}/staging\", src: true}}, {{name: \"{}/x\"}}, {{name: \"{}/prod\"}}]",
        fixture.staging.address, hanging.address, fixture.production.address
    );
    fixture.write("manifests/team/promoter-manifest.yaml", &registries);
    let images: Vec<String> = (0..MANY)
        .map(|at| digest(&fixture.staging.image("staging/app", None, &format!("arch{at}"), &[BASE])))
        .collect();
    let names: Vec<String> = (0..MANY).map(|at| format!("v{at}")).collect();
    let dmap: Vec<String> =
        images.iter().zip(&names).map(|(image, name)| format!("    \"{image}\": [\"{name}\"]\n")).collect();
    fixture.write("images/team/images.yaml", &format!("- name: app\n  dmap:\n{}", dmap.concat()));
    let printed = printed(&fixture, "16", &tags, MANY);
    assert!(printed.lines().all(|line| line.starts_with("copied ")), "{printed}");
}

#[test]
fn a_registry_that_is_away_is_given_up_once_for_all_images() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let away = Kind::hooked(|_, _| Action::Answer(503, vec![], String::new()));
    let source = StandIn::start(Kind::default());
    let away = StandIn::start(away);
    add_project(&fixture, &source, &away.address.to_string());
    fixture.promote(&[("app", &fixture.staging.index("staging/app", "v1", "app"), &["v1"])]);
    let output = fixture.run(&["plan", "--retries", "1", "--project", "aaa"]).failed();
    let given_up =
        "not asked any more, since 8 requests in a row failed; the last time: answered 503 Service Unavailable";
    assert_eq!(output.lines().filter(|line| line.starts_with("unreachable ")).count(), MANY);
    // Sixteen are under way when it is given up, and seven more have begun in the places of the first that failed.
    assert!(output.lines().filter(|line| line.ends_with(given_up)).count() >= MANY - 16, "{output}");
    assert!(away.store().asked.len() <= 2 * 16 + 7, "{}", away.store().asked.len());
}

#[test]
fn plans_are_in_the_order_of_the_edges_although_a_registry_is_slower() {
    let fixture = Fixture::new(Kind::default(), Kind::default());
    let first = Mutex::new(0);
    let slow = StandIn::start(Kind::hooked(move |_, _| {
        // It is asked again a moment later.
        *first.lock().unwrap() += 1;
        if *first.lock().unwrap() == 1 { Action::Close } else { Action::Serve }
    }));
    let source = StandIn::start(Kind::default());
    add_project(&fixture, &source, &slow.address.to_string());
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote(&[("app", &image, &["v1"])]);
    let output = fixture.run(&["plan"]).ok();
    let projects: Vec<bool> = output.lines().map(|line| line.contains("/bad/app")).collect();
    let mut expected = vec![true; MANY];
    expected.extend([false, false]);
    assert_eq!(projects, expected, "{output}");
}
