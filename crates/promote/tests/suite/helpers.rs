//! Programs that keep credentials: Docker's helpers.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::fixture::Fixture;
use crate::stand_in::{Kind, PASSWORD, SignIn, USER};

/// A tree whose staging registry asks for a password, which this script gives.
fn with_helper(script: &str) -> (Fixture, Command) {
    let fixture = Fixture::new(Kind { sign_in: SignIn::Basic, ..Kind::default() }, Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.write("bin/docker-credential-test", &format!("#!/bin/sh\n{script}\n"));
    let helper = fixture.folder.path().join("bin/docker-credential-test");
    std::fs::set_permissions(helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    fixture.write("config.json", &json!({"credHelpers": {fixture.staging.address.to_string(): "test"}}).to_string());
    let mut command = fixture.command(&["run", "--confirm"]);
    let bin = fixture.folder.path().join("bin");
    command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    (fixture, command)
}

#[track_caller]
fn output(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn a_helper_need_not_read_what_it_is_asked() {
    let answer = json!({"ServerURL": "x", "Username": USER, "Secret": PASSWORD});
    let (_fixture, mut command) = with_helper(&format!("exec 0<&-; echo '{answer}'"));
    assert!(output(&mut command).ends_with("1 copied\n"));
}

#[test]
fn a_helper_is_asked_once_and_keeps_nobody_waiting() {
    let answer = json!({"ServerURL": "x", "Username": USER, "Secret": PASSWORD});
    // It leaves a program that keeps its output open.
    let (fixture, mut command) = with_helper(&format!("echo asked >> asked; sleep 1000 & echo '{answer}'"));
    let other = fixture.staging.index("staging/other", "v1", "other");
    fixture.promote(&[("other", &other, &["v1", "v2"])]);
    assert!(output(&mut command).ends_with("2 copied\n"));
    let asked = std::fs::read_to_string(fixture.folder.path().join("asked")).unwrap();
    assert_eq!(asked, "asked\n");
}

#[test]
fn an_empty_name_of_a_helper_is_none() {
    let (fixture, mut command) = with_helper("exit 1");
    let host = fixture.staging.address.to_string();
    for text in [json!({"credsStore": "", "auths": null}), json!({"credHelpers": {host: ""}})] {
        fixture.write("config.json", &text.to_string());
        let output = output(&mut command);
        assert!(output.contains("there are no credentials for it, so sign in"), "{output}");
    }
}

#[test]
fn a_helper_that_does_not_help_is_named_and_not_quoted() {
    for (script, expected) in [
        ("echo s3cret; echo s3cret >&2; exit 3", "the helper `docker-credential-test` failed (exit status: 3)"),
        ("echo s3cret", "the helper `docker-credential-test` gave no credentials, which are an object with"),
        ("true", "the helper `docker-credential-test` gave no credentials"),
        ("head -c 1000000 /dev/zero | tr '\\0' s", "the helper `docker-credential-test` gave more than 65536 bytes"),
        ("echo credentials not found in native keychain; exit 1", "there are no credentials for it, so sign in"),
    ] {
        let (fixture, mut command) = with_helper(script);
        let output = output(&mut command);
        assert!(output.contains(expected) && !output.contains("s3cret"), "{output}");
        // The same question is not asked for each request.
        assert!(fixture.staging.store().asked.len() <= 2);
    }
    let (fixture, mut command) = with_helper("true");
    for (name, expected) in [
        (
            "nosuch",
            "the helper `docker-credential-nosuch` is not there; install it in a folder of `PATH`, or take it out",
        ),
        ("../../bin/true", "the helper `docker-credential-../../bin/true` is not the name of a program"),
    ] {
        let host = fixture.staging.address.to_string();
        fixture.write("config.json", &json!({"credHelpers": {host: name}}).to_string());
        let output = output(&mut command);
        assert!(output.contains(expected), "{output}");
    }
}

#[test]
fn a_helper_that_hangs_does_not_keep_the_program() {
    let (fixture, mut command) =
        with_helper("cat > /dev/null; echo $$ > started.new; mv started.new started; exec sleep 1000");
    let mut program = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = fixture.folder.path().join("started");
    while !started.exists() {
        assert!(program.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    let helper = std::fs::read_to_string(started).unwrap();
    let signal = |signal: &str, process: &str| {
        Command::new("kill").args([signal, process]).stderr(Stdio::null()).status().unwrap().success()
    };
    assert!(signal("-TERM", &program.id().to_string()));
    assert_eq!(program.wait().unwrap().code(), Some(1));
    assert!(!signal("-0", helper.trim()), "the helper is still there");
}
