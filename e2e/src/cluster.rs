//! A cluster with Kubewarden and Shipwright's CRDs, and with what the chart installs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::chart::{Chart, NAMESPACE};
use crate::control_plane::ControlPlane;
use crate::kubectl::{Answer, Kubectl};
use crate::kubewarden::Kubewarden;
use crate::objects::config_map;
use crate::process::{Process, eventually, free_port};
use crate::programs;
use crate::shipwright::Shipwright;
use crate::template::Template;
use crate::values;

/// The registry host of most tests.
pub const HOST: &str = "kind-registry:5000";

/// Which CRDs of Shipwright a cluster has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crds {
    /// Those that Shipwright ships.
    Plain,
    /// Those with the field `local`, which `local-registry-sync crds` adds.
    Patched,
}

/// A cluster that ends with the test.
pub struct TestCluster {
    /// The stand-in for Kubewarden's controller. It is dropped before the API server.
    pub kubewarden: Kubewarden,
    /// The API server.
    pub control_plane: ControlPlane,
    /// `kubectl` of the cluster's administrator.
    pub kubectl: Kubectl,
    shipwright: Shipwright,
}

impl TestCluster {
    /// Starts a cluster without anything of this project.
    #[must_use]
    pub fn start(crds: Crds) -> Self {
        let (control_plane, shipwright) = Template::of(crds).start();
        let (kubewarden, kubectl) = (Kubewarden::installed(&control_plane), control_plane.kubectl());
        Self { kubewarden, control_plane, kubectl, shipwright }
    }

    /// Starts a cluster with the usual set, and this host in the policy's settings.
    #[must_use]
    pub fn with_policy(crds: Crds, host: &str) -> Self {
        let mut cluster = Self::start(crds);
        cluster.install(&values::usual());
        cluster.set_host(host);
        cluster
    }

    /// Installs the chart with these values, or upgrades it to them, whatever else was changed meanwhile.
    pub fn install(&self, values: &Value) {
        Chart::of("4", &self.kubectl).force(values);
    }

    /// Starts a cluster with the policies for Builds and for pods, and the controllers that create pods. The sync job has
    /// written to both policies what this declares.
    #[must_use]
    pub fn with_workloads(declaration: &str) -> (Self, Process) {
        let mut cluster = Self::start(Crds::Plain);
        let controllers = cluster.control_plane.start_controllers();
        cluster.install(&values::workloads());
        cluster.kubectl.wait_for_service_accounts(&["default", "team"]);
        cluster.redeclare(declaration);
        (cluster, controllers)
    }

    /// Declares this, lets the sync job write it to the policies for Builds and for pods, and waits until it is served.
    pub fn redeclare(&mut self, declaration: &str) {
        self.declare(declaration);
        let answer = self.sync(&["--policy=local-registry", "--policy=local-registry-workloads"]);
        assert_eq!(answer.code, Some(0), "{answer:?}");
        self.reconcile();
    }

    /// Shipwright's CRD of `builds` or `buildruns`, with the conversion webhook of this cluster.
    #[must_use]
    pub fn shipwright_crd(&self, kind: &str) -> Value {
        self.shipwright.crd(kind)
    }

    /// Installs Shipwright's CRDs as an upgrade of Shipwright does. They do not have the field `local`.
    pub fn apply_released_crds(&self) {
        self.shipwright.apply_released_crds();
    }

    /// Adds the field `local` to Shipwright's CRDs, and waits until the API server knows it.
    pub fn patch_crds(&mut self) {
        self.shipwright.patch_crds();
    }

    /// Sets the policy's host by hand, and waits until it is served.
    pub fn set_host(&mut self, host: &str) {
        self.patch_settings(&json!({"host": host}));
    }

    /// Sets fields of the policy's settings by hand, and waits until they are served.
    pub fn patch_settings(&mut self, settings: &Value) {
        self.patch_policy("merge", &json!({"spec": {"settings": settings}}));
        self.reconcile();
    }

    /// Patches the policy by hand. It is served like this only after [`Self::reconcile`]. `kind` is `merge` or `json`.
    pub fn patch_policy(&self, kind: &str, patch: &Value) {
        let kind = format!("--type={kind}");
        let policy = ["patch", "clusteradmissionpolicy", "local-registry", &kind, "--patch", &patch.to_string()];
        self.kubectl.ok(&policy);
    }

    /// Lets Kubewarden serve the policies as they are stored now.
    pub fn reconcile(&mut self) {
        self.kubewarden.reconcile(&self.control_plane);
    }

    /// Creates an object in the namespace `team`, and returns it as it is stored.
    pub fn create(&self, object: &Value) -> Value {
        self.kubectl.ok_with(&["create", "-f", "-"], object);
        self.stored(object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap())
    }

    /// Tries to create an object.
    #[must_use]
    pub fn try_create(&self, object: &Value) -> Answer {
        self.kubectl.run_with(&["create", "-f", "-"], &object.to_string())
    }

    /// An object of the namespace `team`, as it is stored.
    #[must_use]
    pub fn stored(&self, kind: &str, name: &str) -> Value {
        self.kubectl.json(&["get", &format!("{kind}.v1beta1.shipwright.io"), name, "--namespace=team"])
    }

    /// Whether there is such an object in the namespace `team`.
    #[must_use]
    pub fn is_stored(&self, kind: &str, name: &str) -> bool {
        self.kubectl.run(&["get", &format!("{kind}.v1beta1.shipwright.io"), name, "--namespace=team"]).code == Some(0)
    }

    /// The policy for Builds.
    #[must_use]
    pub fn policy(&self) -> Value {
        self.kubectl.json(&["get", "clusteradmissionpolicy", "local-registry", "--show-managed-fields"])
    }

    /// The line of `check` about the webhook of a cluster-wide policy, if it is as it should be.
    #[must_use]
    pub fn webhook_line(&self, policy: &str, kind: &str) -> String {
        let port = "--output=jsonpath={.webhooks[0].clientConfig.service.port}";
        let port = self.kubectl.ok(&["get", kind, &format!("clusterwide-{policy}"), port]);
        let server = "kubewarden/policy-server-default";
        format!("✓ policy {policy} webhook: the API server asks it at {server}:{port}/validate/clusterwide-{policy}")
    }

    /// Stores the ConfigMap that declares the cluster's registry, with this text.
    pub fn declare(&self, declaration: &str) {
        self.kubectl.ok_with(&["apply", "--server-side", "-f", "-"], &config_map(declaration));
    }

    /// Runs the sync job once as the service account that the chart gives it.
    #[must_use]
    pub fn sync(&self, arguments: &[&str]) -> Answer {
        self.sync_in(NAMESPACE, arguments)
    }

    /// Runs the sync job once as the service account of a release in this namespace.
    #[must_use]
    pub fn sync_in(&self, namespace: &str, arguments: &[&str]) -> Answer {
        self.run_as(namespace, "local-registry-sync", arguments)
    }

    /// Runs `check` as the service account that the chart gives it.
    #[must_use]
    pub fn check(&self, arguments: &[&str]) -> Answer {
        self.run_as(NAMESPACE, "local-registry-check", &[&["check"], arguments].concat())
    }

    /// Runs `local-registry-sync` as this service account.
    #[must_use]
    pub fn run_as(&self, namespace: &str, service_account: &str, arguments: &[&str]) -> Answer {
        Answer::run(&mut self.command_of(namespace, service_account, arguments), "")
    }

    /// Starts the sync job in watch mode. It ends with the test.
    #[must_use]
    pub fn watch(&self, arguments: &[&str]) -> Watch {
        let address = format!("127.0.0.1:{}", free_port());
        let listen = format!("--listen={address}");
        let arguments = [&["--watch", "--log-format=json", &listen], arguments].concat();
        let mut command = self.command_of(NAMESPACE, "local-registry-sync", &arguments);
        Watch { process: Process::spawn(&mut command, &self.control_plane.file("sync.log")), address }
    }

    /// Starts the agent of a node whose root directory this is, as the service account that the chart gives it. It
    /// ends with the test.
    #[must_use]
    pub fn agent(&self, root: &Path, arguments: &[&str]) -> Watch {
        let address = format!("127.0.0.1:{}", free_port());
        let (listen, root) = (format!("--listen={address}"), format!("--host-root={}", root.display()));
        let arguments = [&["node", "--log-format=json", "--node-name=n1", &root, &listen], arguments].concat();
        let mut command = self.command_of("local-registry-nodes", "local-registry-node", &arguments);
        Watch { process: Process::spawn(&mut command, &self.control_plane.file("agent.log")), address }
    }

    fn command_of(&self, namespace: &str, service_account: &str, arguments: &[&str]) -> Command {
        let kubectl = self.control_plane.kubectl_of(namespace, service_account);
        let mut command = Command::new(programs::ours("local-registry-sync"));
        command.env("KUBECONFIG", kubectl.kubeconfig()).args(arguments);
        command
    }
}

/// The sync job in watch mode, or the agent of a node.
pub struct Watch {
    /// The program.
    pub process: Process,
    address: String,
}

impl Watch {
    /// Waits until it has read the policies once more, and found nothing to change.
    pub fn looks_again(&self) {
        let before = self.unchanged();
        eventually("the sync job to read the policies", || (self.unchanged() > before).then_some(()));
    }

    /// What it answers to a GET of this path: the status line, and the rest.
    #[must_use]
    pub fn answers(&self, path: &str) -> (String, String) {
        let mut answer = String::new();
        let mut connection = eventually("the sync job to listen", || TcpStream::connect(&self.address).ok());
        write!(connection, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        connection.read_to_string(&mut answer).unwrap();
        let (status, rest) = answer.split_once("\r\n").unwrap();
        (status.to_owned(), rest.to_owned())
    }

    /// The value of a metric, by its labels and its name without `local_registry_sync_`.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<u64> {
        let line = format!("local_registry_sync_{name} ");
        let (_, answer) = self.answers("/metrics");
        answer.lines().find_map(|found| found.strip_prefix(&line)).map(|value| value.parse().unwrap())
    }

    /// How often it found nothing to change in a policy, by its metrics.
    fn unchanged(&self) -> u64 {
        self.metric(r#"syncs_total{result="unchanged"}"#).unwrap_or_default()
    }
}
