//! What answers for a policy: `harness serve`, or Kubewarden's own policy server if `POLICY_SERVER` names it.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_registry_testkit::repository::{self, policy_module};
use serde_json::{Value, json};

use super::{NAMESPACE, SERVICE_ACCOUNT};
use crate::control_plane::ControlPlane;
use crate::process::{Process, eventually, free_port};
use crate::programs;

/// Starts a server for one policy, and waits until it listens.
pub(super) fn serve(control_plane: &ControlPlane, name: &str, spec: &Value, port: u16) -> Process {
    let certificates = control_plane.certificates();
    let kubeconfig = control_plane.kubectl_of(NAMESPACE, SERVICE_ACCOUNT).kubeconfig().to_owned();
    let write = |suffix: &str, content: &Value| {
        let path = control_plane.file(&format!("{name}.{suffix}"));
        std::fs::write(&path, content.to_string()).unwrap();
        path
    };
    let settings = if spec["settings"].is_null() { &json!({}) } else { &spec["settings"] };
    let granted = spec.get("contextAwareResources").cloned().unwrap_or(json!([]));
    let mut command = if let Some(program) = programs::policy_server() {
        let policy = json!({
            "module": format!("file://{}", annotated_module(control_plane).display()),
            "allowedToMutate": spec["mutating"],
            "settings": settings,
            "contextAwareResources": granted,
            "hostCapabilities": ["*"],
            "message": spec["message"],
        });
        let mut command = Command::new(program);
        command.arg("--policies").arg(write("policies.yml", &json!({name: policy})));
        command.arg("--policies-download-dir").arg(control_plane.file("modules"));
        command.args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--workers", "2"]);
        command.args(["--readiness-probe-port", &free_port().to_string()]);
        command.arg("--cert-file").arg(&certificates.certificate).arg("--key-file").arg(&certificates.key);
        command.env("KUBECONFIG", kubeconfig);
        command
    } else {
        let mut command = Command::new(programs::ours("harness"));
        command.args(["serve", "--address", &format!("127.0.0.1:{port}")]);
        command.arg("--tls-cert").arg(&certificates.certificate).arg("--tls-key").arg(&certificates.key);
        command.arg("--settings-path").arg(write("settings.json", settings));
        command.arg("--metadata-path").arg(write("metadata.json", &json!({"contextAwareResources": granted})));
        command.args(["--mutating", &spec["mutating"].to_string()]);
        if let Some(message) = spec["message"].as_str() {
            command.args(["--message", message]);
        }
        command.arg("--kubeconfig").arg(kubeconfig).arg(policy_module());
        command
    };
    let mut server = Process::spawn(&mut command, &control_plane.file(&format!("{name}.log")));
    wait_until_it_listens(&mut server, port);
    server
}

/// The path of the module, with its metadata in a custom section, as `kwctl annotate` writes it.
fn annotated_module(control_plane: &ControlPlane) -> PathBuf {
    let mut metadata = repository::read("policy-metadata/metadata.yml");
    metadata["protocolVersion"] = json!("v1");
    let module = local_registry_harness::metadata::annotated(std::fs::read(policy_module()).unwrap(), &metadata);
    let path = control_plane.file("annotated-policy.wasm");
    std::fs::write(&path, module).unwrap();
    path
}

/// A module that `harness serve` serves, without a custom resource.
pub struct ModuleServer {
    /// The `clientConfig` with which the API server reaches it.
    pub client_config: Value,
    _process: Process,
}

impl ModuleServer {
    /// Serves the module in this file.
    #[must_use]
    pub fn start(control_plane: &ControlPlane, module: &str) -> Self {
        let certificates = control_plane.certificates();
        let port = free_port();
        let mut command = Command::new(programs::ours("harness"));
        command.args(["serve", "--address", &format!("127.0.0.1:{port}"), "--settings-json", "{}"]);
        command.arg("--tls-cert").arg(&certificates.certificate).arg("--tls-key").arg(&certificates.key).arg(module);
        let mut process = Process::spawn(&mut command, &control_plane.file("module.log"));
        wait_until_it_listens(&mut process, port);
        let url = format!("https://127.0.0.1:{port}/validate/module");
        Self {
            client_config: json!({"url": url, "caBundle": STANDARD.encode(control_plane.authority())}),
            _process: process,
        }
    }
}

fn wait_until_it_listens(server: &mut Process, port: u16) {
    eventually("the webhook to listen", || {
        assert!(server.runs(), "the webhook has ended:\n{}", server.log());
        TcpStream::connect(("127.0.0.1", port)).ok()
    });
}
