//! The program is killed at any point, and run again.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use crate::fixture::{Fixture, digest};
use crate::stand_in::{Action, Asked, Kind};

type Victim = Arc<Mutex<Option<u32>>>;

/// The registry of a program that is killed at the requests with these numbers. They are answered or not, in turn.
fn deadly(victim: &Victim, at: impl Fn(usize) -> bool + Send + Sync + 'static) -> Kind {
    let victim = Arc::clone(victim);
    Kind::hooked(move |_: &Asked, before| {
        if !at(before + 1) {
            return Action::Serve;
        }
        if let Some(process) = victim.lock().unwrap().take() {
            assert!(
                std::process::Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap().success()
            );
            return if before % 2 == 1 { Action::Close } else { Action::Serve };
        }
        Action::Serve
    })
}

fn seed(fixture: &Fixture) {
    let image = fixture.staging.index("staging/app", "v1", "app");
    let subject = fixture.staging.describe("staging/app", &image);
    fixture.staging.referrer("staging/app", &subject, "application/sbom");
    fixture.staging.sign("staging/app", &image, &["a signature"]);
    let other = digest(&fixture.staging.image("staging/other", None, "amd64", &[b"the base of all"]));
    fixture.promote(&[("app", &image, &["v1", "v2"]), ("other", &other, &[])]);
}

/// Runs the program until it is killed, and returns whether it was.
fn run_to_its_death(fixture: &Fixture, victim: &Victim) -> bool {
    let mut command = fixture.command(&["run", "--confirm", "--at-once", "1"]);
    let mut slot = victim.lock().unwrap();
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    *slot = Some(process.id());
    drop(slot);
    let code = process.wait().unwrap().code();
    let was_killed = victim.lock().unwrap().take().is_none();
    assert_eq!(code, if was_killed { None } else { Some(0) });
    was_killed
}

#[test]
fn a_promotion_that_is_killed_again_and_again_goes_on_and_ends_the_same() {
    let undisturbed = Fixture::new(Kind::default(), Kind::default());
    seed(&undisturbed);
    undisturbed.run(&["run", "--confirm"]).ok();
    let expected = undisturbed.production.contents();
    for distance in [9, 11, 17, 23] {
        let victim: Victim = Arc::default();
        let fixture = Fixture::new(Kind::default(), deadly(&victim, move |number| number.is_multiple_of(distance)));
        seed(&fixture);
        let kills = (0..8).take_while(|_| run_to_its_death(&fixture, &victim)).count();
        assert!(kills > 1, "{kills} kills, one at each {distance} requests");
        fixture.run(&["run", "--confirm"]).ok();
        assert_eq!(fixture.production.contents(), expected, "killed at each {distance} requests");
    }
}

#[test]
fn a_promotion_that_is_killed_at_any_request_goes_on_and_ends_the_same() {
    let undisturbed = Fixture::new(Kind { referrers: Some(10), ..Kind::default() }, Kind::default());
    seed(&undisturbed);
    undisturbed.run(&["run", "--confirm"]).ok();
    let expected = undisturbed.production.contents();
    let requests = undisturbed.production.store().asked.len();
    assert!(requests > 30, "{requests}");
    for at in 1..=requests {
        let victim: Victim = Arc::default();
        let fixture =
            Fixture::new(Kind { referrers: Some(10), ..Kind::default() }, deadly(&victim, move |number| number >= at));
        seed(&fixture);
        run_to_its_death(&fixture, &victim);
        // Whatever is visible is whole.
        let sent = fixture.production.store().blobs.len();
        fixture.production.forget_requests();
        fixture.run(&["run", "--confirm"]).ok();
        assert_eq!(fixture.production.contents(), expected, "at request {at}");
        let uploads = fixture.production.count("PUT", "/blobs/uploads/");
        assert!(uploads + sent <= fixture.production.store().blobs.len(), "at request {at}: {uploads} and {sent}");
        let plan = fixture.run(&["plan"]).ok();
        assert_eq!(plan.lines().last(), Some("3 there"), "at request {at}");
    }
}
