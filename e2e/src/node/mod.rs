//! A Kubernetes cluster of one node, for tests: every program is the real one.
//!
//! The test itself runs on the node: `e2e/node/machine` gives it namespaces of its own, which end with it. So nothing
//! here cleans up.

mod bucket;
mod containerd;
mod image;
mod kubelet;
mod pods;
mod policy_server;
mod projects;

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::control_plane::{ControlPlane, NODE_TOKEN};
use crate::kubectl::Kubectl;
use crate::process::{Process, eventually};
use crate::programs;

pub use bucket::Bucket;
pub use containerd::{Containerd, ONE_FOLDER};
pub use image::Image;
pub use pods::Ended;
pub use projects::Release;

/// The node's address, which `e2e/node/machine` gives to an interface.
pub const ADDRESS: &str = "192.0.2.10";
/// The addresses of pods.
const PODS: &str = "10.244.0.0/24";

/// A cluster of one node, which is called `node`.
pub struct Node {
    /// The API server.
    pub control_plane: ControlPlane,
    /// `kubectl` of the cluster's administrator.
    pub kubectl: Kubectl,
    /// The container runtime.
    pub containerd: Containerd,
    /// When its first program was started.
    pub started: Instant,
    _processes: Vec<Process>,
}

impl Node {
    /// Starts the cluster, and waits until pods can run. The runtime has these images.
    #[must_use]
    pub fn start(images: &[Image]) -> Self {
        // On the machine itself, what follows would change it.
        let _ = of_machine("E2E_NODE_CGROUP");
        let started = Instant::now();
        let containerd = Containerd::start(ONE_FOLDER);
        let arguments = [
            "--authorization-mode=Node,RBAC",
            "--allow-privileged=true",
            "--kubelet-preferred-address-types=InternalIP",
        ];
        let control_plane = std::thread::scope(|scope| {
            scope.spawn(|| {
                containerd.import(&Image::sandbox());
                containerd.import(&Image::pusher());
                for image in images {
                    containerd.import(image);
                }
            });
            ControlPlane::listening_on(ADDRESS, &arguments)
        });
        let kubectl = control_plane.kubectl();
        let processes = vec![
            control_plane.start_controllers(),
            scheduler(&control_plane),
            proxy(&control_plane),
            dns(&control_plane),
            kubelet::start(&control_plane),
        ];
        let node = Self { control_plane, kubectl, containerd, started, _processes: processes };
        eventually("the node to be ready", || {
            let wait = ["wait", "--for=condition=Ready", "node/node", "--timeout=10s"];
            (node.kubectl.run(&wait).code == Some(0)).then_some(())
        });
        node.kubectl.wait_for_service_accounts(&["default"]);
        node
    }

    /// The processes whose command line begins with these words, in pods or not.
    #[must_use]
    pub fn processes(command: &[&str]) -> Vec<u32> {
        let runs = |process: &u32| {
            let line = std::fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
            let words: Vec<&str> = line.split('\0').collect();
            words.starts_with(command)
        };
        Self::all_processes().filter(runs).collect()
    }

    fn all_processes() -> impl Iterator<Item = u32> {
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
    }

    /// How many bytes of memory all its processes have, in pods or not. What several share counts once.
    #[must_use]
    pub fn memory() -> u64 {
        let of = |process: u32| {
            let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
        };
        Self::all_processes().filter_map(of).sum::<u64>() * 1024
    }

    /// Where the kubelet finds manifests of pods without an API server.
    #[must_use]
    pub fn static_pods(&self) -> PathBuf {
        self.control_plane.file("static-pods")
    }

    /// A folder on the disk. All else that the node writes is in memory, some of it charged to its pods.
    #[must_use]
    pub fn disk() -> PathBuf {
        PathBuf::from(of_machine("E2E_NODE_DISK"))
    }
}

/// A program of the node, as `make e2e-node` builds it.
pub fn program(name: &str) -> PathBuf {
    programs::node(name)
}

/// A program that a package of the system has installed.
pub fn installed(name: &str) -> PathBuf {
    programs::installed(name)
}

/// The sync job and agent of this project, without shared libraries.
pub fn static_sync() -> PathBuf {
    programs::static_sync()
}

/// What `e2e/node/machine` says about the machine.
fn of_machine(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable}: not set; `make e2e-node` runs these tests in namespaces of their own, and sets it")
    })
}

fn scheduler(control_plane: &ControlPlane) -> Process {
    let mut command = component("kube-scheduler", control_plane);
    command.args(["--leader-elect=false", "--bind-address=127.0.0.1"]);
    spawn("kube-scheduler", command, control_plane)
}

fn proxy(control_plane: &ControlPlane) -> Process {
    // `masqueradeAll` makes a pod's answer to another one come back through the node, whether or not the kernel lets
    // iptables see the packets of a bridge. The limits of conntrack are those of the whole machine.
    let configuration = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": "node",
        "clusterCIDR": PODS,
        "clientConnection": {"kubeconfig": control_plane.kubectl().kubeconfig()},
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "iptables": {"masqueradeAll": true, "minSyncPeriod": "100ms"},
    });
    let mut command = Command::new(programs::kubernetes("kube-proxy"));
    command.arg("--config").arg(write(control_plane.file("kube-proxy.json"), &configuration));
    spawn("kube-proxy", command, control_plane)
}

/// Pods ask it by the node's address.
fn dns(control_plane: &ControlPlane) -> Process {
    let configuration = control_plane.file("Corefile");
    let kubeconfig = control_plane.kubectl().kubeconfig().display().to_string();
    let text = format!(".:53 {{\n  errors\n  kubernetes cluster.local {{\n    kubeconfig {kubeconfig}\n  }}\n}}\n");
    std::fs::write(&configuration, text).unwrap();
    let mut command = Command::new(programs::node("coredns"));
    command.arg("-conf").arg(configuration);
    spawn("coredns", command, control_plane)
}

fn component(name: &str, control_plane: &ControlPlane) -> Command {
    let mut command = Command::new(programs::kubernetes(name));
    command.arg("--kubeconfig").arg(control_plane.kubectl().kubeconfig());
    command
}

fn spawn(name: &str, mut command: Command, control_plane: &ControlPlane) -> Process {
    Process::spawn(&mut command, &control_plane.file(&format!("{name}.log")))
}

fn write(path: PathBuf, content: &Value) -> PathBuf {
    std::fs::write(&path, content.to_string()).unwrap();
    path
}
