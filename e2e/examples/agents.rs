//! What the agents of many nodes cost the API server: its memory and its processor time without them and with them, and
//! how long a new address of the registry takes to reach every node. `make bench-agents` runs it. `AGENTS` says how many.
//!
//! The agents are the real ones, all in this process. Each has a connection of its own, and a folder as its node.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use e2e::{Chart, ControlPlane, eventually, values};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use local_registry_cluster::Cluster;
use local_registry_node::{NodeTask, Paths, follow};
use tempfile::TempDir;

/// How long the processor time is measured for.
const SPAN: Duration = Duration::from_mins(1);
/// How often each agent looks at its files.
const RESYNC: Duration = Duration::from_mins(1);

fn main() -> ExitCode {
    let agents: usize = std::env::var("AGENTS").map_or(1_000, |text| text.parse().expect("AGENTS: a number"));
    let control_plane = ControlPlane::start();
    let kubectl = control_plane.kubectl();
    let chart = Chart::of("4", &kubectl);
    let install = || chart.force(&values::registry());
    install();
    let rate = |name: &str| {
        let before = control_plane.processor_seconds();
        std::thread::sleep(SPAN);
        let share = (control_plane.processor_seconds() - before) / SPAN.as_secs_f64();
        println!("{name:24} {:8.1} MiB {:8.2} % of a processor", control_plane.memory_mib(), share * 100.0);
    };
    rate("without agents");

    let nodes = Nodes::start(&control_plane, agents);
    let start = Instant::now();
    nodes.wait_for(&address(&control_plane));
    println!("{agents} agents have written their file {:.1} s after they were started", start.elapsed().as_secs_f64());
    rate(&format!("with {agents} agents"));

    kubectl.ok(&["delete", "service", "registry", "--namespace=local-registry"]);
    install();
    let start = Instant::now();
    nodes.wait_for(&address(&control_plane));
    println!("a new address has reached all of them {:.1} s after it was there", start.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

fn address(control_plane: &ControlPlane) -> String {
    let service = control_plane.kubectl().json(&["get", "service", "registry", "--namespace=local-registry"]);
    service["spec"]["clusterIP"].as_str().unwrap().to_owned()
}

/// The agents, which end with the measurement.
struct Nodes {
    folders: TempDir,
    count: usize,
    _agents: tokio::runtime::Runtime,
}

impl Nodes {
    fn start(control_plane: &ControlPlane, count: usize) -> Self {
        let folders = tempfile::tempdir().unwrap();
        let kubeconfig = control_plane.kubectl_of("local-registry-nodes", "local-registry-node");
        let kubeconfig = Kubeconfig::read_from(kubeconfig.kubeconfig()).unwrap();
        let agents = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        for index in 0..count {
            let root = root(folders.path(), index);
            std::fs::create_dir_all(root.join("etc/containerd/certs.d")).unwrap();
            agents.spawn(agent(kubeconfig.clone(), root));
        }
        Self { folders, count, _agents: agents }
    }

    /// Waits until every node's file leads to this address.
    fn wait_for(&self, address: &str) {
        let file = "etc/containerd/certs.d/registry.local-registry.svc.cluster.local_5000_/hosts.toml";
        let line = format!("server = \"http://{address}:5000\"");
        for index in 0..self.count {
            let file = root(self.folders.path(), index).join(file);
            eventually("a node's file", || {
                std::fs::read_to_string(&file).is_ok_and(|text| text.contains(&line)).then_some(())
            });
        }
    }
}

fn root(folders: &Path, index: usize) -> PathBuf {
    folders.join(format!("n{index}"))
}

async fn agent(kubeconfig: Kubeconfig, root: PathBuf) {
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let cluster = Cluster::new(Client::try_from(config).unwrap());
    // Without a name of its own, a node has no Events: they would be about its folder's configuration.
    let task = NodeTask { paths: Paths { root, ..Paths::default() }, ..NodeTask::default() };
    follow(&cluster, &task, RESYNC, |_| {}).await.unwrap();
}
