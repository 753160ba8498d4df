//! A stand-in for Kubewarden's controller.
//!
//! For each policy it starts a webhook with the policy's settings, and registers it with the API server. The webhook is
//! `harness serve`, or the policy server that `POLICY_SERVER` names. Both load the built module, and do not pull the
//! policy's `spec.module`. It writes the same status as the controller of Kubewarden 1.35
//! (`internal/controller/policy_subreconciler.go`), and is as unkind: `make e2e-real` holds what it does against that one.

mod server;
mod status;
pub(crate) mod webhook;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::balancer::Balancer;
use crate::control_plane::ControlPlane;
use crate::kubectl::Kubectl;
use crate::process::{Process, free_port};
use crate::programs::{self, yaml};

use server::serve;
use status::of;
use webhook::{configuration_kind, register, unique_name};

pub use server::ModuleServer;

/// The namespace of Kubewarden. Policies are not asked about objects in it.
pub(crate) const NAMESPACE: &str = "kubewarden";

/// The service account of the default policy server, as Kubewarden's charts name it.
pub(crate) const SERVICE_ACCOUNT: &str = "policy-server";

/// The Service of the default policy server, as the controller names it, and its only pod.
const SERVICE: &str = "policy-server-default";

/// The controller, and the webhooks that it has started.
#[derive(Debug)]
pub struct Kubewarden {
    kubectl: Kubectl,
    served: BTreeMap<String, Served>,
    /// Whether new pods of the policy server never become ready.
    hangs: bool,
    /// Whether pods with the settings of before still answer, beside the new ones.
    lingers: bool,
    /// The modules that no registry gives to new pods.
    unavailable: BTreeSet<String>,
    /// Whether policies stay when their PolicyServer is deleted, as from Kubewarden 1.36 on.
    keeps_policies: bool,
}

/// A policy with a webhook.
#[derive(Debug)]
struct Served {
    policy: Value,
    port: u16,
    /// `None` if it was killed.
    server: Option<Process>,
    /// What still has the settings of before, and what leads to both.
    before: Option<(Option<Process>, Balancer)>,
}

impl Kubewarden {
    /// Installs what Kubewarden's charts install: the namespace, the CRDs, and the default policy server.
    #[must_use]
    pub fn install(control_plane: &ControlPlane) -> Self {
        let kubectl = control_plane.kubectl();
        // On the shared node, `check` may have come first.
        let _ = kubectl.run(&["create", "namespace", NAMESPACE]);
        kubectl.ok(&["create", "serviceaccount", SERVICE_ACCOUNT, "--namespace", NAMESPACE]);
        for kind in ["clusteradmissionpolicies", "admissionpolicies", "policyservers"] {
            let mut crd = yaml(&programs::upstream(&format!("kubewarden/crds/policies.kubewarden.io_{kind}.yaml")));
            // The CRDs need no conversion webhook, since the tests read policies in the stored version only.
            crd["spec"]["conversion"] = json!({"strategy": "None"});
            kubectl.ok_with(&["create", "-f", "-"], &crd);
        }
        kubectl.wait_for_crds();
        Self::create_server(&kubectl);
        Self::installed(control_plane)
    }

    /// Kubewarden in a control plane that has what [`Self::install`] creates.
    pub(crate) fn installed(control_plane: &ControlPlane) -> Self {
        Self {
            kubectl: control_plane.kubectl(),
            served: BTreeMap::new(),
            hangs: false,
            lingers: false,
            unavailable: BTreeSet::new(),
            keeps_policies: false,
        }
    }

    /// Creates the default PolicyServer, as Kubewarden's charts do.
    fn create_server(kubectl: &Kubectl) {
        let server = json!({
            "apiVersion": "policies.kubewarden.io/v1",
            "kind": "PolicyServer",
            "metadata": {"name": "default"},
            "spec": {"image": "registry.example/policy-server", "replicas": 1, "serviceAccountName": SERVICE_ACCOUNT},
        });
        kubectl.ok_with(&["create", "-f", "-"], &server);
    }

    /// Creates the default PolicyServer again, after it was deleted.
    pub fn restore_server(&self) {
        Self::create_server(&self.kubectl);
    }

    /// Sets whether policies stay when their PolicyServer is deleted: they do from Kubewarden 1.36 on, and not before.
    pub fn keep_policies(&mut self, keeps: bool) {
        self.keeps_policies = keeps;
    }

    /// Sets whether new pods of the policy server never become ready from now on. If so, the pods with the last
    /// settings stay, as in a rolling update that hangs.
    pub fn hang(&mut self, hangs: bool) {
        self.hangs = hangs;
    }

    /// Sets whether pods with the settings of before go on when new ones are ready. The real ones do for 30 seconds, and
    /// the API server may ask either.
    pub fn linger(&mut self, lingers: bool) {
        self.lingers = lingers;
    }

    /// Sets whether a registry gives this module to new pods. A policy server that cannot pull one module serves no policy.
    pub fn pull(&mut self, module: &str, available: bool) {
        if available {
            self.unavailable.remove(module);
        } else {
            self.unavailable.insert(module.to_owned());
        }
    }

    /// Does once what the controller does all the time: serves every policy as it is stored now. Waits until the API
    /// server calls them.
    pub fn reconcile(&mut self, control_plane: &ControlPlane) {
        let resources = "clusteradmissionpolicies,admissionpolicies";
        let policies = self.kubectl.json(&["get", resources, "--all-namespaces"]);
        let policies: BTreeMap<String, &Value> =
            policies["items"].as_array().unwrap().iter().map(|policy| (unique_name(policy), policy)).collect();
        let server = self.kubectl.ok(&["get", "policyserver", "default", "--ignore-not-found", "--output=name"]);
        if server.is_empty() {
            return self.unschedule(&policies);
        }
        self.served.retain(|name, served| {
            let stays = policies.contains_key(name);
            if !stays {
                self.kubectl.ok(&["delete", configuration_kind(&served.policy["spec"]), name, "--ignore-not-found"]);
            }
            stays
        });
        let is_served = |name: &String, policy: &Value| {
            self.served
                .get(name)
                .is_some_and(|served| served.policy["spec"] == policy["spec"] && served.before.is_none())
        };
        let changed = policies.iter().any(|(name, policy)| !is_served(name, policy));
        let cannot_pull =
            |policy: &Value| policy["spec"]["module"].as_str().is_some_and(|module| self.unavailable.contains(module));
        // One server has all policies. So a change of one makes new pods for all, which have all or none.
        if changed && (self.hangs || policies.values().any(|policy| cannot_pull(policy))) {
            for policy in policies.values() {
                self.write_status(policy, false);
            }
            return;
        }
        // While old pods are there, no policy of the server is reachable in one way only, and a new one gets no webhook.
        let rolls = self.lingers && changed;
        for (name, policy) in policies {
            if !rolls || self.served.contains_key(&name) {
                self.reconcile_policy(control_plane, &name, policy);
            }
            self.write_status(policy, !rolls);
        }
    }

    fn reconcile_policy(&mut self, control_plane: &ControlPlane, name: &str, policy: &Value) {
        let before = self.served.remove(name);
        let same = before.as_ref().is_some_and(|served| served.policy["spec"] == policy["spec"]);
        let (port, server, before) = match before {
            Some(served) if same => (served.port, served.server, served.before),
            Some(served) if self.lingers => {
                let port = free_port();
                let new = serve(control_plane, name, &policy["spec"], port);
                let both = Balancer::start([served.port, port]);
                (port, Some(new), Some((served.server, both)))
            }
            served => {
                let port = served.map_or_else(free_port, |served| served.port);
                (port, Some(serve(control_plane, name, &policy["spec"], port)), None)
            }
        };
        // The old pod ends, once it may.
        let before = before.filter(|_| self.lingers);
        let asked = before.as_ref().map_or(port, |(_, both)| both.port);
        self.served.insert(name.to_owned(), Served { policy: policy.clone(), port, server, before });
        let kind = configuration_kind(&policy["spec"]);
        let known =
            self.kubectl.run(&["get", kind, name, "--output=jsonpath={.webhooks[0].clientConfig.service.port}"]);
        if !same || known.stdout != asked.to_string() {
            self.expose();
            let service =
                json!({"namespace": NAMESPACE, "name": SERVICE, "path": format!("/validate/{name}"), "port": asked});
            let client_config = json!({"service": service, "caBundle": STANDARD.encode(control_plane.authority())});
            register(&self.kubectl, name, policy, client_config);
        }
    }

    /// Lets the API server find every policy that is served, by the policy server's Service, and shows a pod of it. Each policy
    /// has a port of its own. There is no network of pods, so the Service is another name of this machine.
    fn expose(&self) {
        let ports = self.served.values().map(|served| {
            let port = served.before.as_ref().map_or(served.port, |(_, both)| both.port);
            json!({"name": format!("port-{port}"), "port": port, "targetPort": port})
        });
        let service = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": SERVICE, "namespace": NAMESPACE},
            "spec": {"type": "ExternalName", "externalName": "localhost", "ports": ports.collect::<Vec<_>>()},
        });
        self.kubectl.ok_with(&["apply", "--server-side", "-f", "-"], &service);
        let namespace = format!("--namespace={NAMESPACE}");
        if self.kubectl.run(&["get", "pod", SERVICE, &namespace]).code == Some(0) {
            return;
        }
        // Nothing runs in this pod: a process of the test answers. But it says that it is ready, as a kubelet would.
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": SERVICE,
                "namespace": NAMESPACE,
                "labels": {"kubewarden/policy-server": "default"},
            },
            "spec": {
                "serviceAccountName": SERVICE_ACCOUNT,
                "containers": [{"name": "policy-server", "image": "registry.example/policy-server"}],
            },
        });
        self.kubectl.ok_with(&["create", "-f", "-"], &pod);
        let ready = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
        let patch = format!("--patch={ready}");
        self.kubectl.ok(&["patch", "pod", SERVICE, &namespace, "--subresource=status", "--type=merge", &patch]);
    }

    /// What becomes of the policies of a PolicyServer that is deleted: their webhooks go within a second, and so do they
    /// themselves, before Kubewarden 1.36.
    fn unschedule(&mut self, policies: &BTreeMap<String, &Value>) {
        for (name, policy) in policies {
            let kind = configuration_kind(&policy["spec"]);
            self.kubectl.ok(&["delete", kind, name, "--ignore-not-found"]);
            if self.keeps_policies {
                let mut status = policy["status"].clone();
                status["policyStatus"] = json!("scheduled");
                let conditions = status["conditions"].as_array_mut();
                for condition in conditions.into_iter().flatten().filter(|found| found["type"] == "PolicyActive") {
                    condition["status"] = json!("False");
                    condition["message"] = json!("The policy webhook has not been created");
                }
                self.patch_status(policy, &status);
            } else {
                self.kubectl.ok(&[&["delete"], &of(policy)[..]].concat());
            }
        }
        self.served.clear();
        for kind in ["service", "pod"] {
            self.kubectl.ok(&["delete", kind, SERVICE, "--namespace", NAMESPACE, "--ignore-not-found", "--now"]);
        }
    }

    /// Kills the webhook of a policy, which stays registered, as if the policy server were down.
    pub fn kill_server(&mut self, unique_name: &str) {
        self.served.get_mut(unique_name).unwrap().server = None;
    }
}
