//! etcd and kube-apiserver, with RBAC and service accounts as in a cluster.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::certificates::Certificates;
use crate::kubectl::Kubectl;
use crate::process::{Process, eventually, free_port};
use crate::programs;
use crate::snapshot::Snapshot;

/// Need not be secret: only the API server of one test accepts it, and that listens on loopback or on the test's node.
const ADMIN_TOKEN: &str = "admin";
/// The token of the kubelet on the node `node`, where a test has one.
pub(crate) const NODE_TOKEN: &str = "node";

/// Where a control plane without a node listens, and what its API server is told.
const LOOPBACK: &str = "127.0.0.1";
const WITHOUT_A_NODE: [&str; 2] = ["--authorization-mode=RBAC", "--endpoint-reconciler-type=none"];

/// The addresses of Services, and the first of them, which is the API server's own.
const SERVICES: &str = "10.0.0.0/24";
const KUBERNETES_SERVICE: &str = "10.0.0.1";

/// A control plane that ends with the test.
pub struct ControlPlane {
    // Fields are dropped in this order, so processes end before the folder that they write to is removed.
    api_server: Option<Process>,
    etcd: Process,
    etcd_url: String,
    address: String,
    port: u16,
    arguments: Vec<String>,
    certificates: Certificates,
    folder: TempDir,
}

impl ControlPlane {
    /// Starts a control plane on loopback, and waits until it is ready.
    #[must_use]
    pub fn start() -> Self {
        Self::listening_on(LOOPBACK, &WITHOUT_A_NODE)
    }

    /// Starts a control plane on loopback that has everything of the snapshot, and waits until it is ready.
    pub(crate) fn start_from(snapshot: &Snapshot) -> Self {
        let folder = tempfile::tempdir().unwrap();
        snapshot.write(&folder.path().join("etcd"));
        Self::start_in(folder, LOOPBACK, &WITHOUT_A_NODE)
    }

    /// Starts a control plane with these further arguments for the API server, and waits until it is ready.
    pub(crate) fn listening_on(address: &str, arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), address, arguments)
    }

    fn start_in(folder: TempDir, address: &str, arguments: &[&str]) -> Self {
        let policy_server = "policy-server-default.kubewarden.svc";
        let names = [address, LOOPBACK, "localhost", KUBERNETES_SERVICE, "kubernetes.default.svc", policy_server];
        let certificates = Certificates::issue(folder.path(), &names);
        let (etcd_url, peer_url) = (loopback("http", free_port()), loopback("http", free_port()));
        let mut etcd = Command::new(programs::kubernetes("etcd"));
        etcd.arg("--data-dir").arg(folder.path().join("etcd")).arg("--unsafe-no-fsync");
        etcd.args(["--listen-client-urls", &etcd_url, "--advertise-client-urls", &etcd_url]);
        etcd.args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url]);
        etcd.args(["--initial-cluster", &format!("default={peer_url}")]);
        let etcd = Process::spawn(&mut etcd, &folder.path().join("etcd.log"));
        let mut control_plane = Self {
            api_server: None,
            etcd,
            etcd_url,
            address: address.to_owned(),
            port: free_port(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            certificates,
            folder,
        };
        let tokens =
            format!("{ADMIN_TOKEN},admin,admin,system:masters\n{NODE_TOKEN},system:node:node,node,system:nodes\n");
        std::fs::write(control_plane.file("tokens.csv"), tokens).unwrap();
        control_plane.write_kubeconfig("admin", ADMIN_TOKEN);
        control_plane.start_api_server();
        control_plane
    }

    /// Starts the API server, and waits until it is ready.
    pub fn start_api_server(&mut self) {
        let Certificates { certificate, key, signing_key, verification_key, .. } = &self.certificates;
        let mut command = Command::new(programs::kubernetes("kube-apiserver"));
        command.args(["--etcd-servers", &self.etcd_url, "--secure-port", &self.port.to_string()]);
        command.args(["--bind-address", &self.address, "--service-cluster-ip-range", SERVICES]).args(&self.arguments);
        command.arg("--token-auth-file").arg(self.file("tokens.csv"));
        command.arg("--tls-cert-file").arg(certificate).arg("--tls-private-key-file").arg(key);
        command.arg("--kubelet-client-certificate").arg(certificate).arg("--kubelet-client-key").arg(key);
        command.args(["--service-account-issuer", "https://kubernetes.default.svc"]);
        command.arg("--service-account-key-file").arg(verification_key);
        command.arg("--service-account-signing-key-file").arg(signing_key);
        let mut process = Process::spawn(&mut command, &self.file("kube-apiserver.log"));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authority = reqwest::Certificate::from_pem(&self.authority()).unwrap();
        let client = reqwest::blocking::Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
        // Each start of `kubectl` would take a part of a second from the API server, which starts meanwhile.
        eventually("the API server to be ready", || {
            assert!(process.runs(), "kube-apiserver has ended:\n{}", process.log());
            let answer = client.get(format!("{}/readyz", self.url())).bearer_auth(ADMIN_TOKEN).send().ok()?;
            answer.status().is_success().then_some(())
        });
        self.api_server = Some(process);
    }

    /// Starts the controllers of Deployments, Jobs and the like, which create pods. They end with the test.
    #[must_use]
    pub fn start_controllers(&self) -> Process {
        let mut command = Command::new(programs::controller_manager());
        command.arg("--kubeconfig").arg(self.kubectl().kubeconfig());
        command.args(["--leader-elect=false", "--bind-address=127.0.0.1", "--secure-port", &free_port().to_string()]);
        command.arg("--root-ca-file").arg(&self.certificates.authority);
        command.arg("--service-account-private-key-file").arg(&self.certificates.signing_key);
        Process::spawn(&mut command, &self.file("kube-controller-manager.log"))
    }

    /// Ends it, and returns what it has stored.
    pub(crate) fn into_snapshot(mut self) -> Snapshot {
        self.kill_api_server();
        assert!(self.etcd.runs(), "etcd has ended:\n{}", self.etcd.log());
        self.etcd.terminate();
        Snapshot::read(&self.file("etcd"))
    }

    /// Kills the API server without warning.
    pub fn kill_api_server(&mut self) {
        self.api_server = None;
    }

    /// The certificate of the authority that all servers of the test trust, PEM.
    #[must_use]
    pub fn authority(&self) -> Vec<u8> {
        std::fs::read(&self.certificates.authority).unwrap()
    }

    /// The API server's address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}:{}", self.address, self.port)
    }

    /// The administrator's token.
    #[must_use]
    pub fn token(&self) -> &'static str {
        ADMIN_TOKEN
    }

    /// The API server's resident memory, in MiB.
    #[must_use]
    pub fn memory_mib(&self) -> f64 {
        let kib = self.api_server.as_ref().map_or(0, |process| process.memory("VmRSS"));
        f64::from(u32::try_from(kib).unwrap()) / 1024.0
    }

    /// How long the API server has used a processor, in seconds.
    #[must_use]
    pub fn processor_seconds(&self) -> f64 {
        self.api_server.as_ref().map_or(0.0, Process::processor_seconds)
    }

    /// `kubectl` of the cluster's administrator.
    #[must_use]
    pub fn kubectl(&self) -> Kubectl {
        Kubectl::new(&self.file("admin.kubeconfig"))
    }

    /// `kubectl` of a service account, with a token for it.
    #[must_use]
    pub fn kubectl_of(&self, namespace: &str, service_account: &str) -> Kubectl {
        let token = self.kubectl().ok(&["create", "token", service_account, "--namespace", namespace]);
        Kubectl::new(&self.write_kubeconfig(&format!("{namespace}-{service_account}"), &token))
    }

    /// The kubeconfig of a service account, for a program that runs for hours and reaches the API server at this URL. The token is
    /// in a file, as in a pod.
    #[must_use]
    pub fn kubeconfig_at(&self, url: &str, namespace: &str, service_account: &str) -> PathBuf {
        let name = format!("{namespace}-{service_account}");
        let create = ["create", "token", service_account, "--namespace", namespace, "--duration=24h"];
        let token = self.file(&format!("{name}.token"));
        std::fs::write(&token, self.kubectl().ok(&create).trim_end()).unwrap();
        self.write_config(&name, url, &json!({"tokenFile": token}))
    }

    /// The path of a file that is removed with the test.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// The kubeconfig of the user whose token this is.
    pub(crate) fn write_kubeconfig(&self, name: &str, token: &str) -> PathBuf {
        self.write_config(name, &self.url(), &json!({"token": token}))
    }

    fn write_config(&self, name: &str, url: &str, user: &Value) -> PathBuf {
        let path = self.file(&format!("{name}.kubeconfig"));
        let cluster = json!({"server": url, "certificate-authority": self.certificates.authority});
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}],
            "current-context": "test",
        });
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }
}

fn loopback(scheme: &str, port: u16) -> String {
    format!("{scheme}://{LOOPBACK}:{port}")
}
