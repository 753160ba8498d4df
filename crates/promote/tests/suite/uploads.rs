//! Uploads that do not end are cancelled: a registry would keep what it has of them for days.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::fixture::{Fixture, digest};
use crate::stand_in::{Action, Kind, StandIn};

fn upload(registry: &StandIn, method: &str) -> usize {
    registry.count(method, "/blobs/uploads/")
}

#[test]
fn a_signal_cancels_what_is_under_way() {
    let (send, begun) = mpsc::channel();
    let send = std::sync::Mutex::new(send);
    let production = Kind::hooked(move |asked, _| {
        if asked.method != "PUT" || !asked.path.contains("/blobs/uploads/") {
            return Action::Serve;
        }
        send.lock().unwrap().send(()).unwrap();
        Action::Hang
    });
    let fixture = Fixture::new(Kind::default(), production);
    let image = digest(&fixture.staging.image("staging/app", None, "amd64", &[b"one", b"two"]));
    fixture.promote(&[("app", &image, &["v1"])]);
    let program = fixture.command(&["run", "--confirm"]).stderr(Stdio::piped()).spawn().unwrap();
    (0..3).for_each(|_| begun.recv_timeout(Duration::from_mins(1)).unwrap());
    assert!(Command::new("kill").args(["-TERM", &program.id().to_string()]).status().unwrap().success());
    let stopped = program.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&stopped.stderr), "error: stopped by SIGTERM; run it again, and it goes on\n");
    assert_eq!((upload(&fixture.production, "PUT"), upload(&fixture.production, "DELETE")), (3, 3));
}

#[test]
fn an_upload_that_has_failed_is_cancelled_and_one_that_has_ended_is_not() {
    let production = Kind::hooked(|asked, _| {
        if asked.method == "PUT" && asked.path.ends_with("/blobs/uploads/1") {
            Action::Answer(403, vec![], String::new())
        } else {
            Action::Serve
        }
    });
    let fixture = Fixture::new(Kind::default(), production);
    let image = digest(&fixture.staging.image("staging/app", None, "amd64", &[b"one"]));
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.run(&["run", "--confirm"]).failed();
    assert_eq!(fixture.production.count("DELETE", "/blobs/uploads/1"), 1);
    fixture.production.forget_requests();
    fixture.run(&["run", "--confirm"]).ok();
    assert_eq!(upload(&fixture.production, "DELETE"), 0);
}
