//! Pulls by the registry's name, while addresses change and programs are away.

use std::time::{Duration, Instant};

use e2e::node::Node;
use e2e::{eventually, signal};
use serde_json::json;

use crate::kit::{self, AGENT, REGISTRY, hello};

#[test]
fn pulls_reach_a_service_that_was_made_again() {
    let kit = kit::with(&[]);
    let name = kit.push(&hello(), "team/moved:v1");
    let before = kit.address("registry");
    kit.node.kubectl.ok(&["delete", "service", "registry", "--namespace=local-registry"]);
    // The kit asks for no address, and could get the same one again.
    let taken = ["create", "service", "clusterip", "taken", "--tcp=5000", "--clusterip", &before];
    kit.node.kubectl.ok(&taken);
    let start = Instant::now();
    kit.repair();
    let now = kit.address("registry");
    assert_ne!(now, before);
    let pulled = eventually("a pull from the new address", || {
        let pulled = kit.node.pull(&name);
        pulled.succeeded.then_some(pulled)
    });
    let seconds = start.elapsed().as_secs_f64();
    println!("number: {seconds:.1} s from a new Service address to the end of the first pod that pulled from it");
    assert_eq!(pulled.output, "hello\n");
    assert!(start.elapsed() < Duration::from_mins(1), "{seconds} s");
    kit.node.kubectl.ok(&["delete", "service", "taken"]);
}

#[test]
fn pulls_go_on_without_the_agent_and_the_api_server() {
    let mut kit = kit::with(&[]);
    let name = kit.push(&hello(), "team/static:v1");
    let agents = Node::processes(&AGENT);
    assert_eq!(agents.len(), 1, "{agents:?}");
    signal(agents[0], "STOP");
    kit.node.control_plane.kill_api_server();

    // The kubelet runs static pods on its own. It needs the runtime, and the runtime the registry.
    let manifest = kit.node.static_pods().join("pull.json");
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pull", "namespace": "default"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": name, "imagePullPolicy": "Always"}],
        },
    });
    std::fs::write(&manifest, pod.to_string()).unwrap();
    let log = eventually("the static pod to run", || {
        let pods = std::fs::read_dir("/var/log/pods").unwrap();
        let pod = pods
            .map(|pod| pod.unwrap())
            .find(|pod| pod.file_name().to_str().unwrap().starts_with("default_pull-node_"))?;
        std::fs::read_to_string(pod.path().join("main/0.log")).ok().filter(|log| !log.is_empty())
    });
    assert!(log.trim_end().ends_with("stdout F hello"), "{log}");

    std::fs::remove_file(manifest).unwrap();
    signal(agents[0], "CONT");
    kit.node.control_plane.start_api_server();
    kit.ready();
    assert!(kit.node.pull(&format!("{REGISTRY}/team/static:v1")).succeeded);
}
