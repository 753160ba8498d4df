//! `check` of the registry kit, against a stand-in for the API server that answers by path.

use std::collections::BTreeMap;

use local_registry_check::{Location, Probe};
use local_registry_core::registry::PORTABLE_HOST;
use serde_json::{Value, json};

use super::check::{KIT, cluster, list, run};
use local_registry_testkit::api_server::{CONFIG_MAP, config_map};

const SERVICE: &str = "/api/v1/namespaces/local-registry/services/registry";
const SERVICES: &str = "/api/v1/namespaces/local-registry/services";
const PODS: &str = "/api/v1/namespaces/local-registry/pods";
pub(super) const AGENTS: &str = "/api/v1/namespaces/local-registry-nodes/pods";
pub(super) const NODES: &str = "/api/v1/nodes";
pub(super) const REPORT_1: &str = "/api/v1/namespaces/local-registry-nodes/pods/agent-1:8080/proxy/report";
pub(super) const REPORT_2: &str = "/api/v1/namespaces/local-registry-nodes/pods/agent-2:8080/proxy/report";

fn pod(name: &str, node: &str, ready: &str, state: &Value) -> Value {
    let conditions = json!([{"type": "Ready", "status": ready}]);
    json!({
        "metadata": {"name": name}, "spec": {"nodeName": node, "containers": []},
        "status": {"conditions": conditions, "containerStatuses": [
            {"name": "c", "image": "i", "imageID": "", "ready": true, "restartCount": 0, "state": state},
        ]},
    })
}

pub(super) fn running(name: &str, node: &str) -> Value {
    pod(name, node, "True", &json!({"running": {}}))
}

pub(super) fn node(name: &str) -> Value {
    let info = json!({
        "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "containerd://2.4.2", "kernelVersion": "",
        "kubeProxyVersion": "", "kubeletVersion": "", "machineID": "", "operatingSystem": "linux", "osImage": "", "systemUUID": "",
    });
    json!({"metadata": {"name": name}, "status": {"nodeInfo": info, "conditions": [{"type": "Ready", "status": "True"}]}})
}

/// What an agent reports of the kit's name, and the same of the portable one.
fn report(name: &Value, reads: &str) -> Value {
    let mut portable = name.clone();
    portable["name"] = json!(PORTABLE_HOST);
    report_of(&[name.clone(), portable], reads)
}

pub(super) fn report_of(names: &[Value], reads: &str) -> Value {
    let runtime = json!({"reads": reads, "seen": "containerd …", "remedy": "set config_path"});
    json!({"state": "declared", "message": "m", "runtime": runtime, "names": names})
}

fn unchanged(address: &str) -> Value {
    json!({"name": KIT, "result": "unchanged", "address": address})
}

/// A cluster with the kit and two nodes, in which every link holds.
fn kit() -> BTreeMap<&'static str, Value> {
    let mut objects = cluster();
    let spec = json!({
        "clusterIP": "10.96.0.5", "ports": [{"port": 5000, "appProtocol": "http"}], "selector": {"app": "registry"},
    });
    let service = json!({"metadata": {"name": "registry"}, "spec": spec});
    objects.insert(CONFIG_MAP, config_map(&format!("hostFromClusterNetwork: {KIT}")));
    objects.insert(SERVICE, service.clone());
    objects.insert(SERVICES, list(&[service]));
    objects.insert(PODS, list(&[running("registry-1", "n1")]));
    objects.insert(AGENTS, list(&[running("agent-1", "n1"), running("agent-2", "n2")]));
    objects.insert(NODES, list(&[node("n1"), node("n2")]));
    for path in [REPORT_1, REPORT_2] {
        objects.insert(path, report(&unchanged("http://10.96.0.5:5000"), "yes"));
    }
    objects
}

/// The lines about the kit.
async fn lines(change: impl FnOnce(&mut BTreeMap<&'static str, Value>)) -> Vec<String> {
    let mut objects = kit();
    change(&mut objects);
    let probe = Probe {
        addresses: Ok(vec!["10.96.0.5".parse().unwrap()]),
        https: Err(String::new()),
        http: Some(Ok(200)),
        sign_in: None,
    };
    let lines = run(objects, "local", Location::InCluster, probe).await;
    let about = ["Service ", "registry pods", "nodes", "node "];
    let is_about = |line: &String| {
        let (_, rest) = line.split_once(' ').unwrap();
        about.iter().any(|start| rest.starts_with(start))
    };
    lines.into_iter().filter(is_about).collect()
}

#[tokio::test(start_paused = true)]
async fn every_link_of_the_kit_holds() {
    assert_eq!(
        lines(|_| {}).await,
        [
            "✓ Service local-registry/registry: it is at http://10.96.0.5:5000",
            "✓ registry pods: 1 of 1 ready in local-registry, by the labels app=registry",
            "✓ nodes: 2 of 2 read a file that leads to where the registry is: http://10.96.0.5:5000",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_not_there() {
    let found = lines(|objects| drop(objects.remove(SERVICE))).await;
    assert_eq!(
        found[0],
        "✗ Service local-registry/registry: Service local-registry/registry does not exist; create it, or declare where the registry is"
    );
    let waiting =
        pod("registry-1", "n1", "False", &json!({"waiting": {"reason": "ErrImagePull", "message": "no such image"}}));
    let found = lines(|objects| drop(objects.insert(PODS, list(&[waiting])))).await;
    assert_eq!(
        found[1],
        "✗ registry pods: 0 of 1 ready in local-registry, by the labels app=registry; registry-1: ErrImagePull: no such image; see `kubectl describe pod --namespace local-registry registry-1`, and its log"
    );
    let found = lines(|objects| drop(objects.insert(PODS, list(&[])))).await;
    assert_eq!(
        found[1],
        "✗ registry pods: 0 of 0 ready in local-registry, by the labels app=registry; start the registry"
    );
}

#[track_caller]
fn check_second_node(found: &[String], expected: &str) {
    assert_eq!(
        found[2..],
        ["✗ nodes: 1 of 2 read a file that leads to where the registry is: http://10.96.0.5:5000", expected]
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_in_trouble_has_a_line() {
    let second = async |report: Value| lines(|objects| drop(objects.insert(REPORT_2, report))).await;
    check_second_node(
        &second(report(&unchanged("http://10.96.0.50:5000"), "yes")).await,
        &format!(
            "✗ node n2: {KIT}: its file leads to http://10.96.0.50:5000, which is no Service of the registry's namespace (by --address?)"
        ),
    );
    check_second_node(
        &second(report(&unchanged("http://10.96.0.5:5000"), "no")).await,
        "✗ node n2: containerd …; set config_path",
    );
    check_second_node(
        &second(report(&unchanged("http://10.96.0.5:5000"), "unknown")).await,
        "! node n2: containerd …; set config_path",
    );
    let foreign = json!({"name": KIT, "result": "foreign", "reason": "/etc/x is not the agent's; remove it"});
    check_second_node(
        &second(report(&foreign, "yes")).await,
        &format!("✗ node n2: {KIT}: /etc/x is not the agent's; remove it"),
    );
    let unknown = json!({"state": "unknown", "message": "the API server is away", "names": []});
    check_second_node(&second(unknown).await, "✗ node n2: its agent says: the API server is away");
    let found = lines(|objects| drop(objects.remove(REPORT_2))).await;
    assert!(found[3].starts_with("✗ node n2: its agent does not report: "), "{found:?}");
    let found = lines(|objects| drop(objects.insert(AGENTS, list(&[running("agent-1", "n1")])))).await;
    check_second_node(
        &found,
        "✗ node n2: no agent runs there; see which nodes the DaemonSet local-registry-node leaves out, and why",
    );
}

#[tokio::test(start_paused = true)]
async fn the_portable_name_is_looked_at_as_the_declared_one() {
    let second = async |portable: Value| {
        let mut name = json!({"name": PORTABLE_HOST});
        name.as_object_mut().unwrap().extend(portable.as_object().unwrap().clone());
        let report = report_of(&[unchanged("http://10.96.0.5:5000"), name], "yes");
        lines(|objects| drop(objects.insert(REPORT_2, report))).await
    };
    check_second_node(
        &second(json!({"result": "foreign", "reason": "/etc/x is not the agent's; remove it"})).await,
        "✗ node n2: local-registry:5000: /etc/x is not the agent's; remove it",
    );
    check_second_node(
        &second(json!({"result": "unchanged", "address": "http://10.96.0.50:5000"})).await,
        "✗ node n2: local-registry:5000: its file leads to http://10.96.0.50:5000, which is no Service of the registry's namespace (by --address?)",
    );
    // Where a cluster declares the name itself, there is no other one.
    let kind = lines(|objects| {
        let declared = "hostFromClusterNetwork: local-registry:5000";
        objects.insert(CONFIG_MAP, config_map(declared));
        for path in [REPORT_1, REPORT_2] {
            objects.insert(path, report_of(&[json!({"name": PORTABLE_HOST, "result": "left-to-dns"})], "yes"));
        }
    });
    assert_eq!(kind.await, ["✓ nodes: 2 of 2 read a file that leads to where the registry is"]);
    // A registry outside of the cluster.
    let outside = lines(|objects| {
        objects
            .insert(CONFIG_MAP, config_map("host: localhost:5001\nhostFromClusterNetwork: kind-registry.local:5000"));
        let left = |name: &str| json!({"name": name, "result": "left-to-dns"});
        let portable =
            json!({"name": PORTABLE_HOST, "result": "written", "address": "http://kind-registry.local:5000"});
        for path in [REPORT_1, REPORT_2] {
            let names = [left("localhost:5001"), left("kind-registry.local:5000"), portable.clone()];
            objects.insert(path, report_of(&names, "yes"));
        }
    });
    assert_eq!(
        outside.await,
        ["✓ nodes: 2 of 2 read a file that leads to where the registry is: http://kind-registry.local:5000"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_know_the_portable_name_is_no_failure() {
    let found = lines_of_another_agent(|report| drop(report["names"].as_array_mut().unwrap().pop())).await;
    assert_eq!(
        found[2..],
        [
            "✓ nodes: 2 of 2 read a file that leads to where the registry is: http://10.96.0.5:5000",
            "! nodes: 1 of 2 have an agent of an older version, which writes no file for local-registry:5000; upgrade the chart to this version",
        ]
    );
}

/// The lines about the second node, whose agent is of another version.
async fn lines_of_another_agent(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut report = report(&unchanged("http://10.96.0.5:5000"), "yes");
    change(&mut report);
    lines(|objects| drop(objects.insert(REPORT_2, report))).await
}

#[tokio::test(start_paused = true)]
async fn the_report_of_another_version_is_read_as_far_as_it_is_known() {
    let more = |report: &mut Value| {
        report["since"] = json!(7);
        report["runtime"]["by"] = json!(["a"]);
        report["names"][0]["until"] = json!({"hours": 2});
        report["names"].as_array_mut().unwrap().push(json!({"name": "reg.io", "result": "postponed"}));
    };
    assert!(lines_of_another_agent(more).await[2].starts_with("✓ nodes: 2 of 2"));
    let less = |report: &mut Value| drop(report.as_object_mut().unwrap().remove("runtime"));
    assert!(lines_of_another_agent(less).await[2].starts_with("✓ nodes: 2 of 2"));
    check_second_node(
        &lines_of_another_agent(|report| report["names"][0]["result"] = json!("postponed")).await,
        &format!("✗ node n2: {KIT}: postponed"),
    );
    let why = json!({"name": KIT, "result": "postponed", "reason": "it is night"});
    check_second_node(
        &lines_of_another_agent(|report| report["names"][0] = why).await,
        &format!("✗ node n2: {KIT}: it is night"),
    );
    check_second_node(
        &lines_of_another_agent(|report| report["state"] = json!("paused")).await,
        "✗ node n2: its agent says: m",
    );
    check_second_node(
        &lines_of_another_agent(|report| report["runtime"]["reads"] = json!("in-part")).await,
        "! node n2: containerd …; set config_path",
    );
    check_second_node(
        &lines_of_another_agent(|report| drop(report.as_object_mut().unwrap().remove("names"))).await,
        &format!("✗ node n2: {KIT}: its agent does not know the name: m"),
    );
}

#[tokio::test(start_paused = true)]
async fn every_result_that_does_not_lead_to_the_registry_is_named() {
    for (result, expected) in [
        (json!({"result": "failed", "error": "disk full"}), "disk full"),
        (json!({"result": "kept", "reason": "it was not read yet"}), "it was not read yet"),
        (json!({"result": "would-write", "before": "", "after": "x"}), "would-write"),
        (json!({"result": "undeclared"}), "undeclared"),
        (json!({"result": "removed"}), "removed"),
    ] {
        let mut name = result;
        name["name"] = json!(KIT);
        let found = lines_of_another_agent(|report| report["names"][0] = name).await;
        check_second_node(&found, &format!("✗ node n2: {KIT}: {expected}"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_of_the_service_is_known_however_it_is_written() {
    let dual = |objects: &mut BTreeMap<&'static str, Value>| {
        let service = |address: &str| json!({"metadata": {"name": "r"}, "spec": {"clusterIP": address}});
        objects.insert(SERVICES, list(&["None", "10.96.0.5", "fd00:0:0::5"].map(service)));
        for (path, address) in [(REPORT_1, "http://10.96.0.5"), (REPORT_2, "https://[fd00::5]")] {
            objects.insert(path, report(&unchanged(address), "yes"));
        }
    };
    assert_eq!(
        lines(dual).await[2],
        "✓ nodes: 2 of 2 read a file that leads to where the registry is: http://10.96.0.5, https://[fd00::5]"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_over_does_not_hide_the_agent() {
    let mut evicted = running("agent-0", "n1");
    evicted["status"]["phase"] = json!("Failed");
    let agents = list(&[evicted, running("agent-1", "n1"), running("agent-2", "n2")]);
    assert!(lines(|objects| drop(objects.insert(AGENTS, agents))).await[2].starts_with("✓ nodes: 2 of 2"));
}

#[tokio::test(start_paused = true)]
async fn a_port_that_does_not_say_its_scheme_is_named() {
    let found = lines(|objects| {
        let service = objects.get_mut(SERVICE).unwrap();
        service["spec"]["ports"] =
            json!([{"port": 5000, "protocol": "UDP", "appProtocol": "http"}, {"port": 5000, "protocol": "TCP"}]);
    });
    assert_eq!(
        found.await[0],
        "! Service local-registry/registry: it is at https://10.96.0.5:5000, if it has TLS: the port does not say so; set appProtocol of the port to http or https"
    );
}

#[tokio::test(start_paused = true)]
async fn what_others_wrote_does_not_reach_the_terminal_as_it_is() {
    let waiting = pod("registry-1", "n1", "False", &json!({"waiting": {"reason": "Err", "message": "\u{1b}[31mred"}}));
    let found = lines(|objects| drop(objects.insert(PODS, list(&[waiting])))).await;
    assert!(found[1].contains("Err: \\u{1b}[31mred"), "{}", found[1]);
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_service_needs_agents() {
    let found = lines(|objects| drop(objects.insert(AGENTS, list(&[])))).await;
    assert_eq!(
        found[2],
        "✗ nodes: no agent runs in local-registry-nodes, and no node resolves the name of a Service; install the chart with nodes.enabled=true, or name the agents' namespace by --nodes-namespace"
    );
    let found = lines(|objects| drop(objects.insert(AGENTS, json!(403)))).await;
    assert_eq!(
        found[2],
        "! nodes: pods of local-registry-nodes: list is forbidden: no; grant `list` on pods in local-registry-nodes"
    );
}
