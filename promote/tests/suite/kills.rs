//! The program is killed at any point, and run again.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use crate::fixture::{Fixture, digest};
use crate::stand_in::{Action, Asked, Kind};

type Victim = Arc<Mutex<Option<u32>>>;

/// The registry of a program that is killed at the request with this number. It is answered before or after, in turn.
fn deadly(victim: &Victim, at: usize) -> Kind {
    let victim = Arc::clone(victim);
    Kind::hooked(move |_: &Asked, before| {
        if before + 1 < at {
            return Action::Serve;
        }
        if let Some(process) = victim.lock().unwrap().take() {
            assert!(
                std::process::Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap().success()
            );
            return if at.is_multiple_of(2) { Action::Close } else { Action::Serve };
        }
        Action::Serve
    })
}

fn seed(fixture: &Fixture) {
    let image = fixture.staging.index("staging/app", "v1", "app");
    let subject = fixture.staging.describe("staging/app", &image);
    fixture.staging.referrer("staging/app", &subject, "application/sbom");
    let tag = format!("{}.sig", image.replace(':', "-"));
    fixture.staging.image("staging/app", Some(&tag), "signature", &[b"signed"]);
    let other = digest(&fixture.staging.image("staging/other", None, "amd64", &[b"the base of all"]));
    fixture.promote(&[("app", &image, &["v1", "v2"]), ("other", &other, &[])]);
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
        let fixture = Fixture::new(Kind { referrers: Some(10), ..Kind::default() }, deadly(&victim, at));
        seed(&fixture);
        let mut command = fixture.command(&["run", "--confirm", "--at-once", "1"]);
        let mut slot = victim.lock().unwrap();
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        *slot = Some(process.id());
        drop(slot);
        let code = process.wait().unwrap().code();
        let was_killed = victim.lock().unwrap().take().is_none();
        assert_eq!((was_killed, code), if was_killed { (true, None) } else { (false, Some(0)) }, "at request {at}");
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
