//! `kubectl`, as a user runs it in a terminal.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use local_registry_testkit::repository::root;
use serde_json::{Value, json};

use crate::process::eventually;
use crate::programs;

/// `kubectl` with the credentials of one user.
#[derive(Debug)]
pub struct Kubectl {
    kubeconfig: PathBuf,
}

/// What a program printed, and how it ended.
#[derive(Debug)]
pub struct Answer {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Kubectl {
    pub(crate) fn new(kubeconfig: &Path) -> Self {
        Self { kubeconfig: kubeconfig.to_owned() }
    }

    /// The file with the credentials.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The command, with the root of the repository as its folder. The caller starts it.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(programs::kubernetes("kubectl"));
        command.current_dir(root()).env("KUBECONFIG", &self.kubeconfig);
        command.env("KUBECACHEDIR", self.kubeconfig.with_extension("cache")).args(arguments);
        command
    }

    /// Runs it with this text on stdin.
    #[must_use]
    pub fn run_with(&self, arguments: &[&str], stdin: &str) -> Answer {
        Answer::run(&mut self.command(arguments), stdin)
    }

    /// Runs it.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Answer {
        self.run_with(arguments, "")
    }

    /// Runs it, and returns its stdout. If it fails, the test fails.
    pub fn ok(&self, arguments: &[&str]) -> String {
        self.run(arguments).ok(arguments)
    }

    /// Like [`Self::ok`], with this object as a manifest on stdin (`-f -`).
    pub fn ok_with(&self, arguments: &[&str], manifest: &Value) -> String {
        self.run_with(arguments, &manifest.to_string()).ok(arguments)
    }

    /// Waits until the API server serves every stored CRD.
    ///
    /// One `kubectl wait` is not enough: it gives up at once on a CRD that is so new that it has no conditions yet.
    pub fn wait_for_crds(&self) {
        let wait = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=10s"];
        eventually("the API server to serve the CRDs", || (self.run(&wait).code == Some(0)).then_some(()));
    }

    /// Waits until these namespaces have their service account `default`: the API server refuses pods until then.
    pub fn wait_for_service_accounts(&self, namespaces: &[&str]) {
        let has_one = |namespace: &&str| {
            self.run(&["get", "serviceaccount", "default", "--namespace", namespace]).code == Some(0)
        };
        eventually("service accounts", || namespaces.iter().all(has_one).then_some(()));
    }

    /// Waits until the API server enforces every `ValidatingAdmissionPolicy` and binding that is stored now.
    ///
    /// It learns of them in the order in which they were stored. So this stores a policy after them, and waits until
    /// that one refuses a request.
    pub fn wait_for_admission_policies(&self) {
        let name = "e2e-probe";
        let policy = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]},
                ]},
                "matchConditions": [{"name": "probe", "expression": format!("object.metadata.name == '{name}'")}],
                "validations": [{"expression": "false", "message": "the API server enforces the probe"}],
            },
        });
        let binding = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        });
        let probe = || self.run(&["create", "configmap", name, "--namespace=default", "--dry-run=server"]);
        self.ok_with(&["create", "-f", "-"], &policy);
        self.ok_with(&["create", "-f", "-"], &binding);
        eventually("the API server to enforce the admission policies", || {
            probe().stderr.contains("the API server enforces the probe").then_some(())
        });
        self.ok(&["delete", "validatingadmissionpolicybinding", name]);
        self.ok(&["delete", "validatingadmissionpolicy", name]);
        eventually("the API server to forget the probe", || (probe().code == Some(0)).then_some(()));
    }

    /// Runs it with `--output=json`, and returns what it printed.
    #[must_use]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--output=json"]].concat();
        serde_json::from_str(&self.ok(&arguments)).unwrap()
    }
}

impl Answer {
    /// Runs a program with this text on stdin.
    pub fn run(command: &mut Command, stdin: &str) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let text = stdin.to_owned();
        // Writing fails if the program ends without reading its stdin. That is not an error here.
        let writer = std::thread::spawn(move || pipe.write_all(text.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let _ = writer.join().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Its stdout. If it failed, the test fails.
    #[track_caller]
    pub fn ok(self, arguments: &[&str]) -> String {
        assert_eq!(self.code, Some(0), "{}: {}", arguments.join(" "), self.stderr);
        self.stdout
    }

    /// Asserts that it failed with this text on stderr.
    #[track_caller]
    pub fn failed_with(&self, text: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(self.stderr.contains(text), "expected on stderr: {text}\nfound: {}", self.stderr);
    }
}
