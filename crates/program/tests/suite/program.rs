//! The program as a whole: arguments, exit codes, and how it stops.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

use tempfile::NamedTempFile;
use tokio::net::TcpSocket;

pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_local-registry-sync");

fn sync(arguments: &[&str], kubeconfig: &str) -> Output {
    Command::new(PROGRAM).args(arguments).env_remove("RUST_LOG").env("KUBECONFIG", kubeconfig).output().unwrap()
}

/// A kubeconfig for an API server that does not run. The port is bound and does not listen, so that no other process
/// can take it.
struct NoServer {
    kubeconfig: NamedTempFile,
    _port: TcpSocket,
}

impl NoServer {
    fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let kubeconfig = kubeconfig(socket.local_addr().unwrap().port());
        Self { kubeconfig, _port: socket }
    }

    fn path(&self) -> &str {
        self.kubeconfig.path().to_str().unwrap()
    }
}

pub(super) fn kubeconfig(port: u16) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    write!(
        file,
        "{{apiVersion: v1, kind: Config, current-context: x, contexts: [{{name: x, context: {{cluster: c, user: u}}}}], clusters: [{{name: c, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}], users: [{{name: u, user: {{}}}}]}}"
    )
    .unwrap();
    file
}

#[test]
fn an_api_server_that_is_not_there_is_an_error_and_touches_nothing() {
    let server = NoServer::new();
    let output = sync(&["--output", "json"], server.path());
    assert_eq!(output.status.code(), Some(1));
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["state"], "unknown");
    let message = line["message"].as_str().unwrap();
    assert!(
        message.starts_with("ConfigMap kube-public/local-registry-hosting: the request to the API server failed: "),
        "{message}"
    );
}

#[test]
fn options_of_every_command_may_stand_before_it() {
    let server = NoServer::new();
    let output = sync(&["--output", "json", "--context", "x", "--allow-host", "reg.io", "check"], server.path());
    assert_eq!(output.status.code(), Some(1));
    let first: serde_json::Value =
        serde_json::from_slice(output.stdout.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    assert_eq!(first["link"], "ConfigMap");
    let output = sync(&["--context", "other", "check"], server.path());
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: no cluster: no usable kubeconfig: failed to load current context: other\n"
    );
}

#[test]
fn options_of_the_sync_job_may_not_stand_before_another_command() {
    for (options, option) in
        [(&["--watch"][..], "--watch"), (&["--policy", "x"], "--policy"), (&["--dry-run"], "--dry-run")]
    {
        let output = sync(&[options, &["check"]].concat(), "/dev/null");
        assert_eq!(output.status.code(), Some(2));
        let message = String::from_utf8(output.stderr).unwrap();
        let expected = format!(
            "error: {option}: before `check`, it is an option of the sync job; leave it out, or write it after `check` if that has it\n"
        );
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[track_caller]
fn check_no_cluster(arguments: &[&str], kubeconfig: &str, expected: &str) {
    let output = sync(arguments, kubeconfig);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("error: {expected}\n"));
}

#[test]
fn a_missing_kubeconfig_is_named() {
    check_no_cluster(
        &["--context", "x"],
        "/nowhere",
        "no cluster: no usable kubeconfig: failed to read kubeconfig from '\"/nowhere\"': No such file or directory (os error 2)",
    );
    check_no_cluster(
        &[],
        "/nowhere",
        "no cluster: this is not a pod with a service account, and there is no usable kubeconfig: failed to read kubeconfig from '\"/nowhere\"': No such file or directory (os error 2)",
    );
}

#[test]
fn a_kubeconfig_that_is_not_yaml_is_not_quoted() {
    let mut file = NamedTempFile::new().unwrap();
    writeln!(file, "users:\n- name: u\n  user:\n    token: s3cret\n   bad: [x").unwrap();
    let place = "it is not valid YAML, or has wrong types, at line 5 column 4";
    let kubeconfig = file.path().to_str().unwrap();
    check_no_cluster(&["--context", "x"], kubeconfig, &format!("no cluster: no usable kubeconfig: {place}"));
    let both = "no cluster: this is not a pod with a service account, and there is no usable kubeconfig";
    check_no_cluster(&[], kubeconfig, &format!("{both}: {place}"));
}

#[test]
fn bad_arguments_are_explained() {
    #[track_caller]
    fn check(arguments: &[&str], expected: &str) {
        let output = sync(arguments, "/nowhere");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr.lines().next(), Some(expected));
    }
    check(
        &["--policy", "A b"],
        "error: invalid value 'A b' for '--policy <[NAMESPACE/]NAME>': expected NAME of a ClusterAdmissionPolicy, or NAMESPACE/NAME of an AdmissionPolicy",
    );
    check(
        &["--listen", "127.0.0.1:0"],
        "error: --listen: there is nothing to listen for without --watch; add --watch, or leave --listen out",
    );
    check(&["--watch", "--resync", "0"], "error: invalid value '0' for '--resync <SECONDS>': 0 is not in 1..=31536000");
    for (flag, lowest) in [("settle", 0), ("resync", 1)] {
        check(
            &["--watch", &format!("--{flag}"), "18446744073709551615"],
            &format!(
                "error: invalid value '18446744073709551615' for '--{flag} <SECONDS>': 18446744073709551615 is not in {lowest}..=31536000"
            ),
        );
    }
    let remedy = "write a host with its port, as in `kind-registry:5000`, where `*` stands for any characters but `:`, as in `*.svc.cluster.local:5000`";
    check(
        &["--allow-host", "https://reg.io"],
        &format!(
            "error: invalid value 'https://reg.io' for '--allow-host <PATTERN>': has the character `/`, which no registry host has; {remedy}"
        ),
    );
    check(&["--allow-host", ""], &format!("error: invalid value '' for '--allow-host <PATTERN>': is empty; {remedy}"));
    for command in [&[][..], &["check"]] {
        check(
            &[command, &["--kubewarden-namespace", "x; rm"]].concat(),
            "error: invalid value 'x; rm' for '--kubewarden-namespace <NAME>': write the name of a namespace, as in `kubewarden`",
        );
    }
    check(&["--nonsense"], "error: unexpected argument '--nonsense' found");
}

#[test]
fn every_flag_has_an_environment_variable() {
    let help = String::from_utf8(sync(&["--help"], "/nowhere").stdout).unwrap();
    let flags = help.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
    let flags: Vec<&str> = flags.map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(flags.len(), 15, "{flags:?}");
    for flag in flags {
        let variable = format!("[env: LOCAL_REGISTRY_SYNC_{}=", flag.replace('-', "_").to_uppercase());
        assert!(help.contains(&variable), "{variable}");
    }
}

#[test]
fn a_check_of_nothing_fails_and_says_where() {
    let server = NoServer::new();
    let output = sync(&["check", "--output", "json", "--policy", "local"], server.path());
    assert_eq!(output.status.code(), Some(1));
    let links: Vec<serde_json::Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = links.iter().map(|link| link["link"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "ConfigMap",
            "CRD builds.shipwright.io",
            "CRD buildruns.shipwright.io",
            "policy local",
            "guard local-registry-guard",
            "guard local-registry-guard-inherited",
            "Builds",
            "safeguards",
        ]
    );
    assert_eq!(links[0]["verdict"], "failed");
}

#[test]
fn a_variable_of_several_commands_is_for_each_of_them() {
    let server = NoServer::new();
    let check = Command::new(PROGRAM)
        .args(["check"])
        .env("LOCAL_REGISTRY_SYNC_LISTEN", "127.0.0.1:0")
        .env("KUBECONFIG", server.path())
        .output();
    assert_eq!(check.unwrap().status.code(), Some(1), "it follows the chain");
}

#[test]
fn it_says_its_own_name() {
    let version = String::from_utf8(sync(&["--version"], "/nowhere").stdout).unwrap();
    assert!(version.starts_with("local-registry-sync "), "{version}");
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
    let server = NoServer::new();
    let mut child = Command::new(PROGRAM)
        .args(["--watch", "--listen", "127.0.0.1:0", "--log-format", "json"])
        .env("KUBECONFIG", server.path())
        .env_remove("RUST_LOG")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The log says when the port is open, and which it is.
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = log.find_map(|line| {
        let entry: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        Some(entry["fields"]["address"].as_str()?.to_owned())
    });
    let address = address.expect("the program does not listen");
    let ask = |path: &str, header: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        // The program may close the connection before it has read everything.
        let _ = write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: {header}\r\n\r\n");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    let get = |path: &str| ask(path, "");
    // Whoever reaches the port must not fill the memory of the pod.
    assert!(!ask("/healthz", &"a".repeat(64 * 1024)).starts_with("HTTP/1.1 200 "));
    assert!(get("/healthz").starts_with("HTTP/1.1 200 "));
    assert!(get("/readyz").starts_with("HTTP/1.1 503 "), "the ConfigMap was never seen");
    let metrics = get("/metrics");
    assert!(metrics.contains("local_registry_sync_declared_state{state=\"unknown\"} 1"), "{metrics}");
    assert!(metrics.contains("local_registry_sync_watches_ended_total 0"), "{metrics}");
    let killed = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
