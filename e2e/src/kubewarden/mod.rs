//! A stand-in for Kubewarden's controller.
//!
//! For each policy it starts a webhook with the policy's settings, and registers it with the API server. The webhook is
//! `harness serve`, or the policy server that `POLICY_SERVER` names. Both load the built module, and do not pull the
//! policy's `spec.module`. It writes the same status as the controller of Kubewarden 1.35
//! (`internal/controller/policy_subreconciler.go`).

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_registry_testkit::repository::{self, policy_module};
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::kubectl::Kubectl;
use crate::process::{Process, eventually, free_port};
use crate::programs::{self, yaml};

/// The namespace of Kubewarden. Policies are not asked about objects in it.
pub(crate) const NAMESPACE: &str = "kubewarden";

/// The service account of the default policy server, as Kubewarden's charts name it.
pub(crate) const SERVICE_ACCOUNT: &str = "policy-server";

/// The controller, and the webhooks that it has started.
pub struct Kubewarden {
    kubectl: Kubectl,
    served: BTreeMap<String, Served>,
    /// Whether new pods of the policy server never become ready.
    hangs: bool,
}

/// A policy with a webhook.
struct Served {
    spec: Value,
    port: u16,
    /// `None` if it was killed.
    server: Option<Process>,
}

impl Kubewarden {
    /// Installs what Kubewarden's charts install: the namespace, the CRDs, and the default policy server.
    #[must_use]
    pub fn install(control_plane: &ControlPlane) -> Self {
        let kubectl = control_plane.kubectl();
        kubectl.ok(&["create", "namespace", NAMESPACE]);
        kubectl.ok(&["create", "serviceaccount", SERVICE_ACCOUNT, "--namespace", NAMESPACE]);
        for kind in ["clusteradmissionpolicies", "admissionpolicies", "policyservers"] {
            let mut crd = yaml(&programs::upstream(&format!("kubewarden/crds/policies.kubewarden.io_{kind}.yaml")));
            // The CRDs need no conversion webhook, since the tests read policies in the stored version only.
            crd["spec"]["conversion"] = json!({"strategy": "None"});
            kubectl.ok_with(&["create", "-f", "-"], &crd);
        }
        kubectl.wait_for_crds();
        let server = json!({
            "apiVersion": "policies.kubewarden.io/v1",
            "kind": "PolicyServer",
            "metadata": {"name": "default"},
            "spec": {"image": "registry.example/policy-server", "replicas": 1, "serviceAccountName": SERVICE_ACCOUNT},
        });
        kubectl.ok_with(&["create", "-f", "-"], &server);
        Self { kubectl, served: BTreeMap::new(), hangs: false }
    }

    /// Sets whether new pods of the policy server never become ready from now on. If so, the pods with the last
    /// settings stay, as in a rolling update that hangs.
    pub fn hang(&mut self, hangs: bool) {
        self.hangs = hangs;
    }

    /// Does once what the controller does all the time: serves every policy as it is stored now. Waits until the API
    /// server calls them.
    pub fn reconcile(&mut self, control_plane: &ControlPlane) {
        let resources = "clusteradmissionpolicies,admissionpolicies";
        let policies = self.kubectl.json(&["get", resources, "--all-namespaces"]);
        let policies: BTreeMap<String, &Value> =
            policies["items"].as_array().unwrap().iter().map(|policy| (unique_name(policy), policy)).collect();
        self.served.retain(|name, served| {
            let stays = policies.contains_key(name);
            if !stays {
                self.kubectl.ok(&["delete", configuration_kind(&served.spec), name]);
            }
            stays
        });
        for (name, policy) in policies {
            let spec = &policy["spec"];
            let known = self.served.get(&name);
            if known.is_some_and(|served| &served.spec == spec) {
                continue;
            }
            if self.hangs {
                self.write_status(policy, false);
                continue;
            }
            let port = known.map_or_else(free_port, |served| served.port);
            self.served.remove(&name);
            let server = serve(control_plane, &name, spec, port);
            self.served.insert(name.clone(), Served { spec: spec.clone(), port, server: Some(server) });
            self.register(control_plane, &name, policy, port);
        }
    }

    /// Kills the webhook of a policy, which stays registered, as if the policy server were down.
    pub fn kill_server(&mut self, unique_name: &str) {
        self.served.get_mut(unique_name).unwrap().server = None;
    }

    fn register(&self, control_plane: &ControlPlane, name: &str, policy: &Value, port: u16) {
        let url = format!("https://127.0.0.1:{port}/validate/{name}");
        let client_config = json!({"url": url, "caBundle": STANDARD.encode(control_plane.authority())});
        register(&self.kubectl, name, policy, client_config);
        self.write_status(policy, true);
    }

    /// Writes a policy's status. `is_reachable`: whether every pod of the policy server is ready and has the newest
    /// configuration. If not, the controller leaves `policyStatus` as it was.
    fn write_status(&self, policy: &Value, is_reachable: bool) {
        let unique = if is_reachable {
            ("LatestReplicaSetIsUniquelyReachable", "The latest replica set is uniquely reachable")
        } else {
            ("LatestReplicaSetIsNotUniquelyReachable", "The latest replica set is not uniquely reachable")
        };
        let webhook = if is_reachable {
            "The policy webhook has been created"
        } else {
            "The policy webhook has not been created"
        };
        let condition = |kind: &str, holds: bool, reason: &str, message: &str| {
            let status = if holds { "True" } else { "False" };
            let known = policy["status"]["conditions"].as_array().into_iter().flatten();
            let same = known.into_iter().find(|known| known["type"] == kind && known["status"] == status);
            let time = same.map_or_else(now, |known| known["lastTransitionTime"].clone());
            json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": time})
        };
        let was_active = policy["status"]["policyStatus"] == "active";
        let up_to_date = "Configuration for this policy is up to date";
        let status = json!({"status": {
            "policyStatus": if is_reachable || was_active { "active" } else { "pending" },
            "mode": policy["spec"]["mode"].as_str().unwrap_or("protect"),
            "conditions": [
                condition("PolicyActive", is_reachable, "PolicyActive", webhook),
                condition("PolicyUniquelyReachable", is_reachable, unique.0, unique.1),
                condition("PolicyServerConfigurationUpToDate", true, "ConfigurationVersionMatch", up_to_date),
            ],
        }});
        let status = status.to_string();
        let mut patch = vec!["patch", policy["kind"].as_str().unwrap(), policy["metadata"]["name"].as_str().unwrap()];
        if let Some(namespace) = policy["metadata"]["namespace"].as_str() {
            patch.extend(["--namespace", namespace]);
        }
        patch.extend(["--subresource=status", "--type=merge", "--patch", &status]);
        self.kubectl.ok(&patch);
    }
}

/// Registers the webhook of a policy as the controller does, and waits until the API server calls it.
pub(crate) fn register(kubectl: &Kubectl, name: &str, policy: &Value, client_config: Value) {
    let spec = &policy["spec"];
    let (operator, namespace) = match policy["metadata"]["namespace"].as_str() {
        Some(namespace) => ("In", namespace),
        None => ("NotIn", NAMESPACE),
    };
    let selector = json!({"key": "kubernetes.io/metadata.name", "operator": operator, "values": [namespace]});
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": configuration_kind(spec),
        "metadata": {"name": name},
        "webhooks": [{
            "name": format!("{name}.kubewarden.admission"),
            "clientConfig": client_config,
            "rules": spec["rules"],
            "matchConditions": spec["matchConditions"],
            "failurePolicy": spec["failurePolicy"],
            "matchPolicy": spec["matchPolicy"],
            "timeoutSeconds": spec["timeoutSeconds"],
            "namespaceSelector": {"matchExpressions": [selector]},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }],
    });
    kubectl.ok_with(&["apply", "-f", "-"], &configuration);
    // The API server takes a moment to call a new webhook. This waits until the policy rejects a wrong annotation.
    // The guard is called only if the policy accepts, so tests of the guard have to wait for it themselves.
    if spec["mutating"] == true {
        let namespace = policy["metadata"]["namespace"].as_str().unwrap_or("default");
        let probe = probe(spec, namespace);
        let asked = format!("admission webhook \"{name}.kubewarden.admission\" denied the request");
        eventually("the API server to call the webhook", || {
            let answer = kubectl.run_with(&["create", "--dry-run=server", "-f", "-"], &probe.to_string());
            answer.stderr.contains(&asked).then_some(())
        });
    }
}

/// An object that the policy rejects, whatever its settings.
fn probe(spec: &Value, namespace: &str) -> Value {
    let metadata =
        |annotation: &str| json!({"name": "probe", "namespace": namespace, "annotations": {annotation: "probe"}});
    if spec["rules"][0]["resources"] == json!(["pods"]) {
        return json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata("local-registry-hosting/containers"),
            "spec": {"containers": [{"name": "other", "image": "probe"}]},
        });
    }
    json!({
        "apiVersion": "shipwright.io/v1beta1",
        "kind": "Build",
        "metadata": metadata("local-registry-hosting/output"),
        "spec": {"output": {"image": "probe"}, "strategy": {"name": "probe"}},
    })
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

fn now() -> Value {
    // Kubernetes writes times in whole seconds.
    json!(jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap().to_string())
}

/// The name under which the controller serves a policy.
pub(crate) fn unique_name(policy: &Value) -> String {
    let name = policy["metadata"]["name"].as_str().unwrap();
    match policy["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("namespaced-{namespace}-{name}"),
        None => format!("clusterwide-{name}"),
    }
}

fn configuration_kind(spec: &Value) -> &'static str {
    if spec["mutating"] == true { "MutatingWebhookConfiguration" } else { "ValidatingWebhookConfiguration" }
}

fn serve(control_plane: &ControlPlane, name: &str, spec: &Value, port: u16) -> Process {
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
