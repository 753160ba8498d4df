//! The harness as a program: its exit codes, its output, and bad arguments.

use local_registry_testkit::repository::{policy_module, root};
use local_registry_testkit::review::patch;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use serde_json::{Value, json};

fn harness(arguments: &[&str]) -> Output {
    harness_with_stdin(arguments, "")
}

fn harness_with_stdin(arguments: &[&str], stdin: &str) -> Output {
    let mut command = Command::cargo_bin("harness").unwrap();
    command.current_dir(root()).env_remove("RUST_LOG").env_remove("RUST_BACKTRACE");
    command.args(arguments).write_stdin(stdin).output().unwrap()
}

/// The arguments, followed by the module.
fn with_module<'a>(arguments: &[&'a str], module: &'a Path) -> Vec<&'a str> {
    let mut all = arguments.to_vec();
    all.push(module.to_str().unwrap());
    all
}

#[track_caller]
fn check_error(arguments: &[&str], message: &str) {
    let output = harness(arguments);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.lines().next().unwrap_or_default(), format!("error: {message}"));
    assert_eq!(output.status.code(), Some(2));
}

const SAMPLE: [&str; 7] = [
    "run",
    "--request-path",
    "examples/buildrun-request.json",
    "--settings-path",
    "examples/settings.yaml",
    "--objects-path",
    "examples/objects",
];

#[test]
fn run_prints_the_review_of_the_shipped_sample() {
    let module = policy_module();
    let output = harness(&with_module(&SAMPLE, &module));
    let review: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(review["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(review["kind"], "AdmissionReview");
    let response = &review["response"];
    assert_eq!(response["uid"], "3b6d1c52-5c1c-4c5b-9a55-6a5a30fbd5c5");
    assert_eq!(response["allowed"], true);
    let value = json!({"image": "kind-registry:5000/team/hello:v1", "insecure": true});
    assert_eq!(patch(response), Some(json!([{"op": "add", "path": "/spec/output", "value": value}])));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "there is a diff, though stderr is not a terminal");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_policy_may_read_what_its_metadata_grants() {
    // The metadata can be missing, within the module, in a file that an argument names, or in one beside the module.
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(policy_module()).unwrap();
    let bare = folder.path().join("bare.wasm");
    std::fs::write(&bare, &bytes).unwrap();
    let annotated = folder.path().join("annotated.wasm");
    let metadata = r#"{"contextAwareResources":[{"apiVersion":"shipwright.io/v1beta1","kind":"Build"}]}"#;
    let name = "io.kubewarden.metadata";
    let size = u8::try_from(1 + name.len() + metadata.len()).unwrap();
    assert!(size < 128, "the size of a longer section takes more than one byte");
    let section = [&[0, size, u8::try_from(name.len()).unwrap()], name.as_bytes(), metadata.as_bytes()].concat();
    std::fs::write(&annotated, [bytes, section].concat()).unwrap();

    let code = |arguments: &[&str], module: &Path| harness(&with_module(arguments, module)).status.code();
    assert_eq!(code(&SAMPLE, &annotated), Some(0));
    assert_eq!(code(&SAMPLE, &bare), Some(1), "the lookup should be denied");
    let given = [&SAMPLE[..], &["--metadata-path", "policy-metadata/metadata.yml"]].concat();
    assert_eq!(code(&given, &bare), Some(0));
    let beside = folder.path().join("policy-metadata");
    std::fs::create_dir(&beside).unwrap();
    std::fs::write(beside.join("metadata.yml"), metadata).unwrap();
    assert_eq!(code(&SAMPLE, &bare), Some(0));
}

#[test]
fn run_shows_a_diff_if_it_is_asked_to() {
    let module = policy_module();
    let output = harness(&with_module(&[&SAMPLE[..], &["--diff", "always"]].concat(), &module));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("+       \"image\": \"kind-registry:5000/team/hello:v1\",\n"), "{stderr}");
    assert!(!stderr.contains('\u{1b}'), "stderr is not a terminal, but has colours: {stderr}");
}

#[test]
fn run_reads_a_bare_request_from_stdin_and_fails_if_it_is_rejected() {
    let request = json!({
        "uid": "7", "operation": "CREATE", "namespace": "team",
        "kind": {"group": "shipwright.io", "version": "v1beta1", "kind": "BuildRun"},
        "object": {"spec": {"build": {"spec": {"output": {"image": "docker.io/team/app", "local": true}}}}},
    });
    let module = policy_module();
    let arguments = ["run", "--settings-json", r#"{"host":"kind-registry:5000"}"#, "--request-path", "-"];
    let output = harness_with_stdin(&with_module(&arguments, &module), &request.to_string());
    let review: Value = serde_json::from_slice(&output.stdout).unwrap();
    let message = "spec.build.spec.output.image: `docker.io/team/app` names the registry `docker.io`, and a local image must not name one; write `team/app` or set local: false";
    let expected = json!({"uid": "7", "allowed": false, "status": {"code": 400, "message": message}});
    assert_eq!(review["response"], expected);
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("INFO policy_log: request rejected data="), "{log}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn run_does_not_evaluate_with_invalid_settings() {
    let module = policy_module();
    let arguments =
        ["run", "--request-path", "examples/buildrun-request.json", "--settings-json", r#"{"insecure":"no"}"#];
    check_error(
        &with_module(&arguments, &module),
        "the settings are invalid: settings.insecure: found a string; expected true or false",
    );
}

#[test]
fn unreadable_and_malformed_files_are_reported() {
    let module = policy_module();
    let run = |request: &'static str| ["run", "--request-path", request];
    check_error(
        &with_module(&run("nowhere.json"), &module),
        "nowhere.json: cannot be read: No such file or directory (os error 2)",
    );
    check_error(
        &with_module(&run("examples/settings.yaml"), &module),
        "examples/settings.yaml: not an AdmissionReview or AdmissionRequest: expected value at line 1 column 1",
    );
    check_error(
        &with_module(
            &["run", "--request-path", "examples/buildrun-request.json", "--objects-path", "nowhere"],
            &module,
        ),
        "nowhere: the folder of objects cannot be read: No such file or directory (os error 2)",
    );
    check_error(
        &with_module(
            &["run", "--request-path", "examples/buildrun-request.json", "--metadata-path", "nowhere"],
            &module,
        ),
        "nowhere: the policy's metadata cannot be read: No such file or directory (os error 2)",
    );
    check_error(
        &with_module(&["run", "--request-path", "examples/buildrun-request.json", "--kubeconfig", "nowhere"], &module),
        "nowhere: no usable kubeconfig: failed to read kubeconfig from '\"nowhere\"': No such file or directory (os error 2)",
    );
    check_error(
        &with_module(&["settings", "--settings-path", "nowhere.yaml"], &module),
        "nowhere.yaml: the settings cannot be read: No such file or directory (os error 2)",
    );
    check_error(
        &with_module(&["settings", "--settings-json", "{"], &module),
        "--settings-json: not valid JSON: EOF while parsing an object at line 1 column 1",
    );
}

#[test]
fn modules_that_are_not_policies_are_reported() {
    check_error(
        &["settings", "nowhere.wasm"],
        "nowhere.wasm: the policy cannot be read; build it with `make policy.wasm`: No such file or directory (os error 2)",
    );
    check_error(&["settings", "Makefile"], "Makefile: not a WebAssembly module; expected a Kubewarden policy");
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.wasm");
    std::fs::write(&empty, b"\0asm\x01\0\0\0").unwrap();
    check_error(
        &with_module(&["settings"], &empty),
        &format!(
            "{}: a WebAssembly module, but not a Kubewarden policy; it does not answer the waPC call `protocol_version`: the policy cannot be instantiated: Initialization failed: Guest call function (__guest_call) not exported by wasm module.",
            empty.display()
        ),
    );
    let broken = folder.path().join("broken.wasm");
    std::fs::write(&broken, b"\0asm\x01\0\0\0\x01").unwrap();
    let output = harness(&with_module(&["settings"], &broken));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with(&format!("error: {}: the WebAssembly module cannot be compiled: ", broken.display())),
        "{stderr}"
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn settings_prints_its_verdict_on_stdout() {
    let module = policy_module();
    let check = |settings: &str, code: i32, stdout: &str| {
        let output = harness(&with_module(&["settings", "--settings-json", settings], &module));
        assert_eq!(String::from_utf8_lossy(&output.stdout), stdout);
        assert_eq!(output.status.code(), Some(code));
    };
    check(r#"{"host":"kind-registry:5000"}"#, 0, "the settings are valid\n");
    check("{}", 0, "the settings are valid\n");
    check("null", 0, "the settings are valid\n");
    check(r#"{"hots":"a"}"#, 0, "the settings are valid\n");
    check(
        r#"{"host":"localhost:5000","help":1}"#,
        1,
        "settings.help: found a number; expected a printable http:// or https:// URL of at most 1024 characters\nsettings.host: `localhost:5000` means the build pod itself when used inside a cluster; write the host under which pods reach the registry\n",
    );
    check("[1]", 1, "the settings are an array; expected an object, as in {\"host\": \"kind-registry:5000\"}\n");
}

#[test]
fn settings_reads_a_yaml_file_and_logs_ignored_keys() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.yaml");
    std::fs::write(&file, "host: kind-registry:5000\nhots: x\nhelp: ask me\n").unwrap();
    let module = policy_module();
    let output = harness(&with_module(&["settings", "--settings-path", file.to_str().unwrap()], &module));
    assert_eq!(output.status.code(), Some(0));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("WARN policy_log: settings: the key `hots` is not known and is ignored"), "{log}");
    assert!(log.contains("WARN policy_log: settings.help: `ask me` is ignored"), "{log}");
}

#[test]
fn bad_arguments_are_explained() {
    for arguments in [
        &[][..],
        &["walk"],
        &["run", "policy.wasm"],
        &["settings", "--settings-json", "{}", "--settings-path", "x", "policy.wasm"],
        &["run", "-r", "x", "--objects-path", "a", "--kubeconfig", "b", "policy.wasm"],
        &["run", "-r", "x", "--context", "a", "policy.wasm"],
        &["serve", "--tls-cert", "x", "policy.wasm"],
        &["serve", "--address", "here", "policy.wasm"],
    ] {
        let output = harness(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    let help = harness(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("use Kubewarden's kwctl and policy server"));
}
