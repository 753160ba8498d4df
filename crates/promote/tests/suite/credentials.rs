//! Signing in, and what is never shown.

use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::fixture::Fixture;
use crate::stand_in::{Action, Asked, Kind, PASSWORD, SignIn, USER};

fn signing_in(sign_in: SignIn) -> Kind {
    Kind { sign_in, ..Kind::default() }
}

fn fixture(staging: Kind, production: Kind) -> Fixture {
    let fixture = Fixture::new(staging, production);
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture
}

#[test]
fn a_password_is_sent_where_it_is_asked_for() {
    let fixture = fixture(signing_in(SignIn::Basic), signing_in(SignIn::No));
    fixture.sign_in();
    fixture.run(&["run", "--confirm"]).ok();
    let staging = fixture.staging.store().asked.clone();
    assert!(staging[0].authorization.is_none() && staging[1].authorization.is_some());
    let production = fixture.production.store().asked.clone();
    assert!(production.iter().all(|asked| asked.authorization.is_none()), "{production:?}");
}

#[test]
fn a_token_is_fetched_for_each_repository_and_used_again() {
    let fixture = fixture(signing_in(SignIn::Token), signing_in(SignIn::Token));
    fixture.sign_in();
    fixture.run(&["run", "--confirm", "--at-once", "1"]).ok();
    // One to pull, and one to push.
    assert_eq!((fixture.staging.count("GET", "/token"), fixture.production.count("GET", "/token")), (1, 2));
    let refused = |registry: &crate::stand_in::StandIn| {
        registry.store().asked.iter().filter(|asked| asked.path != "/token" && asked.authorization.is_none()).count()
    };
    // Only the first request of all has none.
    assert_eq!((refused(&fixture.staging), refused(&fixture.production)), (1, 1));
}

#[test]
fn a_mount_has_a_token_for_both_repositories() {
    let fixture = Fixture::new(signing_in(SignIn::Token), Kind::default());
    let image = fixture.staging.index("staging/app", "v1", "app");
    fixture.promote_within_staging();
    fixture.promote(&[("app", &image, &["v1"])]);
    fixture.sign_in();
    fixture.run(&["run", "--confirm"]).ok();
    let asked = fixture.staging.store().asked.clone();
    let mount = asked.iter().rfind(|asked| asked.query.starts_with("mount=")).unwrap();
    let token = mount.authorization.as_deref().unwrap();
    assert_eq!(token, "Bearer repository:prod/app:pull,push~repository:staging/app:pull");
    assert_eq!(fixture.staging.count("PUT", "/blobs/"), 0);
}

#[test]
fn without_credentials_the_error_says_how_to_sign_in() {
    let fixture = fixture(Kind::default(), signing_in(SignIn::Basic));
    let output = fixture.run(&["verify"]).failed();
    let expected = "answered 401 Unauthorized (`UNAUTHORIZED: you sent None`); there are no credentials for it, so sign in as for `docker login`, or mount the credentials";
    assert!(output.contains(expected), "{output}");
    // A wrong password is not tried again and again.
    let auth = STANDARD.encode(format!("{USER}:wrong-pass"));
    let host = fixture.production.address.to_string();
    fixture.write("config.json", &json!({"auths": {host: {"auth": auth}}}).to_string());
    fixture.production.forget_requests();
    let output = fixture.run(&["verify"]).failed();
    assert!(output.contains("you sent Some(\"Basic [hidden]\")"), "{output}");
    assert!(output.contains("`); it refuses these credentials, so look at user and password"), "{output}");
    assert!(!output.contains("wrong-pass") && !output.contains(&auth), "{output}");
    assert_eq!(fixture.production.store().asked.len(), 2);
}

/// Runs with these credentials for the staging registry, which wants a password.
#[track_caller]
fn check(prepare: impl FnOnce(&Fixture, &str, &str) -> Vec<(&'static str, String)>) {
    let fixture = fixture(signing_in(SignIn::Basic), Kind::default());
    let host = fixture.staging.address.to_string();
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let variables = prepare(&fixture, &host, &auth);
    let mut command = fixture.command(&["run", "--confirm"]);
    let output = command.env_remove("DOCKER_CONFIG").envs(variables).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn path(fixture: &Fixture, path: &str) -> String {
    fixture.folder.path().join(path).to_str().unwrap().to_owned()
}

#[test]
fn credentials_are_found_where_docker_podman_and_kubernetes_keep_them() {
    check(|fixture, host, auth| {
        fixture.write("docker/config.json", &json!({"auths": {host: {"auth": auth}}}).to_string());
        vec![("DOCKER_CONFIG", path(fixture, "docker"))]
    });
    check(|fixture, host, _| {
        let auths = json!({"auths": {host: {"username": USER, "password": PASSWORD}}});
        fixture.write(".docker/config.json", &auths.to_string());
        vec![("HOME", path(fixture, ""))]
    });
    // Podman: the part of the path that fits best.
    check(|fixture, host, auth| {
        let wrong = STANDARD.encode("other:other");
        let auths = json!({"auths": {host: {"auth": wrong}, format!("{host}/staging/app"): {"auth": auth}}});
        fixture.write("containers/auth.json", &auths.to_string());
        vec![("XDG_RUNTIME_DIR", path(fixture, ""))]
    });
    // Kubernetes: a mounted Secret with a pattern.
    check(|fixture, host, auth| {
        let pattern = host.replacen("127", "*", 1);
        fixture.write(".dockerconfigjson", &json!({"auths": {pattern: {"auth": auth}}}).to_string());
        vec![("REGISTRY_AUTH_FILE", path(fixture, ".dockerconfigjson"))]
    });
    // The first file has nothing for this registry.
    check(|fixture, host, auth| {
        fixture.write("empty.json", "{}");
        fixture.write("docker/config.json", &json!({"auths": {host: {"auth": auth}}}).to_string());
        vec![("REGISTRY_AUTH_FILE", path(fixture, "empty.json")), ("DOCKER_CONFIG", path(fixture, "docker"))]
    });
    // A helper.
    check(|fixture, host, _| {
        let answer = json!({"ServerURL": host, "Username": USER, "Secret": PASSWORD});
        fixture.write("bin/docker-credential-test", &format!("#!/bin/sh\ncat > /dev/null\necho '{answer}'\n"));
        let helper = fixture.folder.path().join("bin/docker-credential-test");
        std::fs::set_permissions(helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        fixture.write("docker/config.json", &json!({"credHelpers": {host: "test"}}).to_string());
        let search = format!("{}:{}", path(fixture, "bin"), std::env::var("PATH").unwrap());
        vec![("DOCKER_CONFIG", path(fixture, "docker")), ("PATH", search)]
    });
}

#[test]
fn a_file_of_credentials_is_read_once() {
    let file = std::sync::Arc::new(std::sync::OnceLock::<std::path::PathBuf>::new());
    let known = std::sync::Arc::clone(&file);
    let staging = Kind {
        sign_in: SignIn::Basic,
        ..Kind::hooked(move |asked: &Asked, _| {
            if asked.authorization.is_some() {
                // Somebody writes it anew, say.
                let _ = std::fs::remove_file(known.get().unwrap());
            }
            Action::Serve
        })
    };
    let fixture = fixture(staging, Kind::default());
    fixture.sign_in();
    file.set(fixture.folder.path().join("config.json")).unwrap();
    fixture.run(&["run", "--confirm"]).ok();
}

#[test]
fn credentials_that_are_broken_are_not_quoted() {
    let fixture = fixture(signing_in(SignIn::Basic), Kind::default());
    let host = fixture.staging.address.to_string();
    let check = |content: &str, expected: &str| {
        fixture.write("config.json", content);
        let output = fixture.run(&["run", "--confirm"]).failed();
        assert!(output.contains(expected), "{output}");
        assert!(!output.contains("s3cret"), "{output}");
    };
    check("{\"auths\": {\"s3cret", "config.json: is not a file of credentials: line 1 column 18");
    check(
        &json!({"auths": {host.clone(): {"auth": "s3cret!"}}}).to_string(),
        &format!("the credentials for `{host}` are not valid: expected `auth`, in base64, with `user:password` in it"),
    );
    fixture.write("bin/docker-credential-bad", "#!/bin/sh\ncat > /dev/null\necho s3cret\necho s3cret >&2\nexit 1\n");
    let helper = fixture.folder.path().join("bin/docker-credential-bad");
    std::fs::set_permissions(helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    fixture.write("config.json", &json!({"credHelpers": {host.clone(): "bad"}}).to_string());
    let mut command = fixture.command(&["run", "--confirm"]);
    command.env("PATH", format!("{}:{}", path(&fixture, "bin"), std::env::var("PATH").unwrap()));
    let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(
        output.contains("the helper `docker-credential-bad` failed (exit status: 1)") && !output.contains("s3cret"),
        "{output}"
    );
}

#[test]
fn credentials_never_go_where_the_way_is_not_encrypted_or_unknown() {
    for (challenge, expected) in [
        ("Negotiate", "asks for credentials in a way that is not known here: `Negotiate`"),
        (
            "Bearer realm=\"ftp://x.example/token\"",
            "asks for credentials at `ftp://x.example/token`, which is not encrypted",
        ),
    ] {
        let staging = Kind::hooked(move |_: &Asked, _| {
            Action::Answer(401, vec![("www-authenticate", challenge.to_owned())], String::new())
        });
        let fixture = fixture(staging, Kind::default());
        fixture.sign_in();
        let output = fixture.run(&["run", "--confirm"]).failed();
        assert!(output.contains(expected), "{output}");
    }
}

#[test]
fn neither_states_nor_tokens_of_a_url_are_shown() {
    let production =
        Kind::hooked(
            |asked: &Asked, _| {
                if asked.method == "PUT" { Action::Answer(400, vec![], String::new()) } else { Action::Serve }
            },
        );
    let fixture = fixture(Kind::default(), production);
    let output = fixture.run(&["run", "--confirm"]).failed();
    assert!(output.contains("/blobs/uploads/") && output.contains("answered 400 Bad Request"), "{output}");
    assert!(!output.contains("secret-state"), "{output}");
}
