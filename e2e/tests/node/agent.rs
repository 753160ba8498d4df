//! What the agent does on its node.

use std::path::Path;

use e2e::node::Node;
use e2e::{eventually, memory};
use serde_json::json;

use crate::kit::{self, AGENT, FOLDER, FOLDERS, PORTABLE_HOST, REGISTRY, SERVER, WITHOUT_TLS, hello, storage};

#[test]
fn a_cluster_without_a_registry_gets_one() {
    let kit = kit::with(&[]);
    let name = format!("{REGISTRY}/team/greeting:v1");
    kit.node.push(&hello(), &name, &[WITHOUT_TLS]).ok();
    assert_eq!(kit.node.pull(&name).ok(), "hello\n");
    let seconds = kit.node.started.elapsed().as_secs_f64();
    println!("number: {seconds:.1} s from the node's start to the end of the first pod that pulled");
    assert!(storage().join("docker/registry/v2/repositories/team/greeting").is_dir());
    let programs = [(AGENT, e2e::node::static_sync()), (SERVER, e2e::node::program("registry"))];
    for (command, program) in programs {
        let (bytes, process) = (program.metadata().unwrap().len(), Node::processes(&command)[0]);
        let (now, most) = (memory(process, "VmRSS"), memory(process, "VmHWM"));
        println!("number: {} in its image: {bytes} bytes; in memory: {now} KiB, at most {most} KiB", command[0]);
    }
}

#[test]
fn pods_with_the_portable_name_are_pulled_without_any_policy() {
    let kit = kit::with(&[]);
    kit.push(&hello(), "team/portable:v1");
    let name = &format!("{PORTABLE_HOST}/team/portable:v1");
    assert_eq!(kit.node.pull(name).ok(), "hello\n");
    // It is the agent's file that makes it so.
    let file = Path::new(FOLDERS).join("local-registry_5000_/hosts.toml");
    let ours = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "server = \"http://192.0.2.99:5000\"\n").unwrap();
    kit.reports("a foreign file", |report| report["names"][1]["result"] == "foreign");
    std::fs::remove_file(&file).unwrap();
    eventually("our file to come back", || (std::fs::read_to_string(&file).ok()? == ours).then_some(()));
    // Without the registry's Service, nobody else is asked, and what the node has by another name does not count.
    let digests = storage().join("docker/registry/v2/repositories/team/portable/_manifests/revisions/sha256");
    let digest = std::fs::read_dir(digests).unwrap().next().unwrap().unwrap().file_name();
    let by_digest = |host: &str| format!("{host}/team/portable@sha256:{}", digest.to_str().unwrap());
    assert_eq!(kit.node.pull(&by_digest(REGISTRY)).ok(), "hello\n");
    kit.node.kubectl.ok(&["delete", "service", "registry", "--namespace=local-registry"]);
    eventually("the name to lead to nowhere", || {
        std::fs::read_to_string(&file).ok()?.contains("\"https://127.0.0.1:0\"").then_some(())
    });
    kit.node.pull(name).failed_with("127.0.0.1:0");
    kit.node.pull(&by_digest(PORTABLE_HOST)).failed_with("127.0.0.1:0");
    kit.repair();
    eventually("a pull from the new address", || kit.node.pull(name).succeeded.then_some(()));
}

#[test]
fn files_that_somebody_removes_come_back() {
    let kit = kit::with(&[]);
    let file = Path::new(FOLDER).join("hosts.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let comes_back = |what: &str| {
        eventually(what, || (std::fs::read_to_string(&file).ok()? == text).then_some(()));
    };
    std::fs::remove_dir_all(FOLDER).unwrap();
    comes_back("the registry's folder to come back");
    // The pod's mount is then a folder that is nowhere.
    std::fs::remove_dir_all(FOLDERS).unwrap();
    comes_back("the folder of all registries to come back");
    kit.ready();
    kit.push(&hello(), "team/again:v1");
    assert_eq!(kit.node.pull(&format!("{REGISTRY}/team/again:v1")).ok(), "hello\n");
}

#[test]
fn foreign_files_stay_and_are_reported() {
    let kit = kit::with(&[]);
    let file = Path::new(FOLDER).join("hosts.toml");
    let foreign = "server = \"http://192.0.2.99:5000\"\n";
    std::fs::write(&file, foreign).unwrap();
    let report = kit.reports("a foreign file", |report| report["names"][0]["result"] == "foreign");
    assert!(report["names"][0]["reason"].as_str().unwrap().contains(file.to_str().unwrap()), "{report}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), foreign);
    let events =
        eventually("an Event", || Some(kit.events("LocalRegistryNotWritten")).filter(|found| !found.is_empty()));
    assert!(events[0].contains(file.to_str().unwrap()), "{events:?}");
    // Once it is gone, the agent writes its own.
    std::fs::remove_file(&file).unwrap();
    kit.reports("a file of its own", |report| {
        ["written", "unchanged"].iter().any(|r| report["names"][0]["result"] == *r)
    });
    assert_ne!(std::fs::read_to_string(&file).unwrap(), foreign);
}

#[test]
fn the_clean_up_removes_what_is_ours_and_nothing_else() {
    let kit = kit::with(&[]);
    let others = Path::new(FOLDERS).join("registry.example");
    std::fs::create_dir_all(&others).unwrap();
    std::fs::write(others.join("hosts.toml"), "server = \"https://registry.example\"\n").unwrap();
    assert!(Path::new(FOLDER).join("hosts.toml").exists());
    kit.install_with("/nodes/cleanUp", json!(true));
    kit.rolled_out("daemonset/local-registry-node", "local-registry-nodes");
    eventually("our folders to go", || {
        let portable = Path::new(FOLDERS).join("local-registry_5000_");
        (!Path::new(FOLDER).exists() && !portable.exists()).then_some(())
    });
    let left: Vec<_> = std::fs::read_dir(FOLDERS).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["registry.example"]);
    std::fs::remove_dir_all(others).unwrap();
    // The kit takes the clean-up's place again.
    kit.repair();
    kit.ready();
    eventually("our file to be there", || Path::new(FOLDER).join("hosts.toml").exists().then_some(()));
}
