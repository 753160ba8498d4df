//! The agent of a node, with the rights that the chart gives it. A folder stands in for the node.

use std::path::PathBuf;

use e2e::{Crds, TestCluster, Watch, config_map, eventually, values};
use serde_json::{Value, json};

const NAME: &str = "registry.local-registry.svc.cluster.local:5000";

/// A cluster with the kit, and a node.
struct Scene {
    cluster: TestCluster,
    root: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let cluster = TestCluster::start(Crds::Plain);
        cluster.install(&values::registry());
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc/containerd/certs.d")).unwrap();
        Self { cluster, root }
    }

    fn agent(&self) -> Watch {
        self.cluster.agent(self.root.path(), &["--resync=1"])
    }

    fn file(&self) -> PathBuf {
        let directory = NAME.replace(":5000", "_5000_");
        self.root.path().join("etc/containerd/certs.d").join(directory).join("hosts.toml")
    }

    fn portable_file(&self) -> PathBuf {
        self.root.path().join("etc/containerd/certs.d/local-registry_5000_/hosts.toml")
    }

    /// Waits until the files of the declared and of the portable name lead to this address.
    fn leads_to(&self, address: &str) {
        let line = format!("server = \"http://{address}:5000\"");
        for file in [self.file(), self.portable_file()] {
            let text = || std::fs::read_to_string(&file).unwrap_or_default();
            eventually(&line, || text().contains(&line).then_some(()));
        }
    }

    /// The address of the Service `registry`.
    fn address(&self) -> String {
        let service = self.cluster.kubectl.json(&["get", "service", "registry", "--namespace=local-registry"]);
        service["spec"]["clusterIP"].as_str().unwrap().to_owned()
    }

    fn events(&self) -> Vec<Value> {
        let events = self.cluster.kubectl.json(&["get", "events.v1.events.k8s.io", "--namespace=default"]);
        let events = events["items"].as_array().unwrap().iter().filter(|event| event["regarding"]["kind"] == "Node");
        events.cloned().collect()
    }
}

/// The agent's last report. The agent writes the files first, and reports then.
fn report(agent: &Watch) -> Value {
    eventually("a report", || {
        let (status, answer) = agent.answers("/report");
        let body = answer.split_once("\r\n\r\n")?.1;
        status.contains("200").then(|| serde_json::from_str(body).unwrap())
    })
}

#[test]
fn the_file_follows_the_service_with_the_shipped_rights() {
    let scene = Scene::new();
    let agent = scene.agent();
    let first = scene.address();
    scene.leads_to(&first);
    eventually("a report", || (report(&agent)["names"][0]["result"] == "unchanged").then_some(()));
    assert_eq!(report(&agent)["names"][0]["address"], format!("http://{first}:5000"));
    assert_eq!(report(&agent)["node"], "n1");
    let portable = &report(&agent)["names"][1];
    assert_eq!(portable["name"], "local-registry:5000");
    assert_eq!(portable["address"], format!("http://{first}:5000"));

    // An address in use is not given again, so another Service takes the first one.
    let kubectl = &scene.cluster.kubectl;
    kubectl.ok(&["delete", "service", "registry", "--namespace=local-registry"]);
    // Until there is one again, nothing leads to whoever has the address now.
    for file in [scene.file(), scene.portable_file()] {
        let text = || std::fs::read_to_string(&file).unwrap_or_default();
        eventually("the names to lead to nowhere", || text().contains("\"https://127.0.0.1:0\"").then_some(()));
    }
    let ip = format!("--clusterip={first}");
    kubectl.ok(&["create", "service", "clusterip", "other", "--tcp=80", &ip, "--namespace=local-registry"]);
    scene.cluster.install(&values::registry());
    assert_ne!(scene.address(), first);
    scene.leads_to(&scene.address());

    std::fs::remove_dir_all(scene.file().parent().unwrap()).unwrap();
    scene.leads_to(&scene.address());
    assert_eq!(agent.metric(r#"node_names{result="foreign"}"#), Some(0));
}

#[test]
fn the_portable_name_leads_to_a_registry_outside_of_the_cluster() {
    let scene = Scene::new();
    let declaration = config_map("host: localhost:5001\nhostFromClusterNetwork: kind-registry:5000\n");
    scene.cluster.kubectl.ok_with(&["apply", "-f", "-"], &declaration);
    let leads_to = |line: &str| {
        let text = || std::fs::read_to_string(scene.portable_file()).unwrap_or_default();
        eventually(line, || text().contains(line).then_some(()));
    };
    let agent = scene.agent();
    leads_to("server = \"https://kind-registry:5000\"");
    drop(agent);
    let rule = "--address=local-registry:5000=http://kind-registry:5000";
    let _agent = scene.cluster.agent(scene.root.path(), &["--resync=1", rule]);
    leads_to("server = \"http://kind-registry:5000\"");
}

#[test]
fn a_node_that_ignores_the_file_has_an_event() {
    let scene = Scene::new();
    let agent = scene.agent();
    let event = eventually("an Event", || scene.events().pop());
    assert_eq!(event["reason"], "LocalRegistryIgnored");
    assert!(event["note"].as_str().unwrap().contains("is not set"), "{event}");
    assert_eq!(agent.metric(r#"node_runtime_reads{answer="no"}"#), Some(1));
    let (_, log) = agent.answers("/metrics");
    assert!(log.contains("local_registry_sync_node_writes_total 2"), "{log}");
}

#[test]
fn the_file_stays_while_the_api_server_is_away() {
    let mut scene = Scene::new();
    let agent = scene.agent();
    scene.leads_to(&scene.address());
    let address = scene.address();
    scene.cluster.control_plane.kill_api_server();
    eventually("the agent to report that it knows nothing", || (report(&agent)["state"] == "unknown").then_some(()));
    assert!(agent.answers("/readyz").0.contains("503"));
    std::fs::remove_file(scene.file()).unwrap();
    scene.leads_to(&address);
    scene.cluster.control_plane.start_api_server();
    eventually("the agent to know again", || (report(&agent)["state"] == "declared").then_some(()));
}

#[test]
fn a_hostile_config_map_neither_moves_the_name_nor_fills_the_memory_of_the_pod() {
    let scene = Scene::new();
    let agent = scene.agent();
    scene.leads_to(&scene.address());
    // The pages of the program's file do not count here: a release build has far fewer of them.
    let memory = || agent.process.memory("VmHWM") - agent.process.memory("RssFile");
    let calm = memory();
    assert!(calm < 8 * 1024, "{calm} KiB");
    let mut hostile = config_map("hostFromClusterNetwork: evil.example:5000\n");
    // The API server writes each `<` as six characters. So would kubectl without `--raw`, and send too much.
    hostile["data"]["other"] = json!("<".repeat(1024 * 1024 - 300));
    let file = scene.cluster.control_plane.file("hostile.json");
    std::fs::write(&file, hostile.to_string()).unwrap();
    let url = "/api/v1/namespaces/kube-public/configmaps/local-registry-hosting";
    scene.cluster.kubectl.ok(&["replace", "--raw", url, "-f", file.to_str().unwrap()]);
    eventually("the agent to see it", || (report(&agent)["names"][0]["name"] == "evil.example:5000").then_some(()));
    // A name that is no Service is never mapped, and the file of before stays. The portable name is what is declared.
    assert_eq!(report(&agent)["names"][0]["result"], "left-to-dns");
    assert!(scene.file().exists());
    assert_eq!(report(&agent)["names"][1]["address"], "https://evil.example:5000");
    let peak = memory();
    println!("{calm} KiB, with a hostile ConfigMap {peak} KiB");
    assert!(peak < 24 * 1024, "{peak} KiB");
}
