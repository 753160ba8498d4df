//! The program as a whole: arguments, exit codes, and how it stops.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_local-registry-sync");

fn sync(arguments: &[&str], kubeconfig: &str) -> Output {
    Command::new(PROGRAM).args(arguments).env_remove("RUST_LOG").env("KUBECONFIG", kubeconfig).output().unwrap()
}

/// A kubeconfig for an API server that nobody runs.
fn nobody() -> tempfile::NamedTempFile {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    kubeconfig(port)
}

fn kubeconfig(port: u16) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(
        file,
        "{{apiVersion: v1, kind: Config, current-context: x, contexts: [{{name: x, context: {{cluster: c, user: u}}}}], clusters: [{{name: c, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}], users: [{{name: u, user: {{}}}}]}}"
    )
    .unwrap();
    file
}

#[test]
fn an_api_server_that_is_not_there_is_an_error_and_touches_nothing() {
    let kubeconfig = nobody();
    let output = sync(&["--output", "json"], kubeconfig.path().to_str().unwrap());
    assert_eq!(output.status.code(), Some(1));
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["state"], "unknown");
    let message = line["message"].as_str().unwrap();
    assert!(
        message.starts_with("ConfigMap kube-public/local-registry-hosting: the API server cannot be asked: "),
        "{message}"
    );
}

#[test]
fn a_missing_kubeconfig_is_named() {
    let output = sync(&["--context", "x"], "/nowhere");
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("error: no cluster: no usable kubeconfig"), "{stderr}");
}

#[test]
fn bad_arguments_are_explained() {
    for arguments in [
        &["--policy", "A b"][..],
        &["--listen", "127.0.0.1:0"],
        &["--watch", "--resync", "0"],
        &["--watch", "--resync", "18446744073709551615"],
        &["--watch", "--settle", "18446744073709551615"],
        &["--allow-host", "https://reg.io"],
        &["--allow-host", ""],
        &["--nonsense"],
    ] {
        let output = sync(arguments, "/nowhere");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
    let stderr = String::from_utf8(sync(&["--watch", "--settle", "18446744073709551615"], "/nowhere").stderr).unwrap();
    assert!(stderr.contains("18446744073709551615 is not in 0..=31536000"), "{stderr}");
    let help = String::from_utf8(sync(&["--help"], "/nowhere").stdout).unwrap();
    for flag in [
        "--policy",
        "--allow-host",
        "--watch",
        "--settle",
        "--resync",
        "--listen",
        "--dry-run",
        "--force",
        "--output",
        "--log-format",
        "--context",
    ] {
        let variable = format!("LOCAL_REGISTRY_SYNC_{}", flag.trim_start_matches('-').replace('-', "_").to_uppercase());
        assert!(help.contains(flag) && help.contains(&variable), "{flag} and {variable}");
    }
}

#[test]
fn a_check_of_nothing_fails_and_says_where() {
    let kubeconfig = nobody();
    let output = sync(&["check", "--output", "json", "--policy", "local"], kubeconfig.path().to_str().unwrap());
    assert_eq!(output.status.code(), Some(1));
    let links: Vec<serde_json::Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = links.iter().map(|link| link["link"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["ConfigMap", "CRD builds.shipwright.io", "CRD buildruns.shipwright.io", "policy local", "Builds"]
    );
    assert_eq!(links[0]["verdict"], "failed");
}

#[test]
fn a_registry_that_does_not_speak_https_is_no_error_in_the_log() {
    const CONFIG_MAP: &str = r#"{"metadata":{"name":"x"},"data":{"localRegistryHosting.v1":"hostFromClusterNetwork: registry.invalid:5000"}}"#;
    const MISSING: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","code":404,"reason":"NotFound","message":"no"}"#;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let kubeconfig = kubeconfig(listener.local_addr().unwrap().port());
    // It ends with the test.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 8192];
            let length = stream.read(&mut request).unwrap();
            let is_config_map = String::from_utf8_lossy(&request[..length]).contains("/configmaps/");
            let (status, body) = if is_config_map { ("200 OK", CONFIG_MAP) } else { ("404 Not Found", MISSING) };
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
    });
    let output = sync(&["check"], kubeconfig.path().to_str().unwrap());
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("! registry: registry.invalid:5000 does not answer: HTTPS: "), "{stdout}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn completions_need_no_cluster() {
    for shell in ["bash", "zsh", "fish"] {
        let output = sync(&["completions", shell], "/nowhere");
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).contains("local-registry-sync"));
    }
}

#[test]
fn a_watching_program_answers_monitoring_and_stops_on_sigterm() {
    let kubeconfig = nobody();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut child = Command::new(PROGRAM)
        .args(["--watch", "--listen", &address])
        .env("KUBECONFIG", kubeconfig.path())
        .env_remove("RUST_LOG")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The log tells when the port is open; reading up to that line is the wait.
    let mut log = String::new();
    let mut stderr = child.stderr.take().unwrap();
    while !log.contains("listening") {
        let mut byte = [0];
        assert_ne!(stderr.read(&mut byte).unwrap(), 0, "{log}");
        log.push(char::from(byte[0]));
    }
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(get("/healthz").starts_with("HTTP/1.1 200 "));
    assert!(get("/readyz").starts_with("HTTP/1.1 503 "), "the ConfigMap was never seen");
    assert!(get("/metrics").contains("local_registry_sync_declared_state{state=\"unknown\"} 1"));
    let killed = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
