//! `check --pull` against a stand-in for the API server, in which every pod that is created runs at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use local_registry_check::{Probe, PullTask, pull};
use local_registry_cluster::Cluster;
use local_registry_core::registry::PORTABLE_HOST;
use local_registry_declaration::AllowedHosts;
use local_registry_testkit::api_server::{Answer, CONFIG_MAP, config_map, send, status};
use serde_json::{Value, json};
use tower_test::mock::pair;

use super::check::{KIT, list};
use super::kit::{AGENTS, NODES, REPORT_1, REPORT_2, node, report_of, running};

const CANARIES: &str = "/api/v1/namespaces/local-registry-check/pods";

/// A cluster whose agent of the first node knows the portable name, and whose admission may change an image.
struct Server {
    objects: BTreeMap<&'static str, Value>,
    admit: fn(&str) -> String,
    /// The pods that are there, and the images of all that were created.
    pods: Vec<Value>,
    images: Vec<String>,
}

impl Server {
    fn new(declaration: &str) -> Self {
        let name = |name: &str| json!({"name": name, "result": "unchanged", "address": "http://10.96.0.5:5000"});
        let objects = BTreeMap::from([
            (CONFIG_MAP, config_map(declaration)),
            (NODES, list(&[node("n1"), node("n2")])),
            (AGENTS, list(&[running("agent-1", "n1"), running("agent-2", "n2")])),
            (REPORT_1, report_of(&[name(KIT), name(PORTABLE_HOST)], "yes")),
            (REPORT_2, report_of(&[name(KIT)], "yes")),
        ]);
        Self { objects, admit: ToOwned::to_owned, pods: Vec::new(), images: Vec::new() }
    }

    fn create(&mut self, pod: &Value) -> Value {
        let image = pod["spec"]["containers"][0]["image"].as_str().unwrap();
        self.images.push(format!("{} {image}", pod["spec"]["nodeName"].as_str().unwrap()));
        let mut created = running(&format!("canary-{}", self.images.len()), "n");
        created["spec"]["containers"] = json!([{"name": "canary", "image": (self.admit)(image)}]);
        self.pods.push(created.clone());
        created
    }
}

/// The lines of a check, and the images of the pods that were created. All pods are deleted again.
async fn lines(server: Server) -> (Vec<String>, Vec<String>) {
    let server = Arc::new(Mutex::new(server));
    let (service, mut handle) = pair::<Request<Body>, Response<Answer>>();
    let serving = Arc::clone(&server);
    tokio::spawn(async move {
        while let Some((request, response)) = handle.next_request().await {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let mut server = serving.lock().unwrap();
            match (parts.method, parts.uri.path()) {
                (Method::POST, CANARIES) => {
                    let created = server.create(&serde_json::from_slice(&body).unwrap());
                    send(response, 201, &created);
                }
                (Method::DELETE, path) => {
                    server
                        .pods
                        .retain(|pod| !path.ends_with(&format!("/{}", pod["metadata"]["name"].as_str().unwrap())));
                    send(response, 200, &status(200, "", "", &json!({})));
                }
                (_, CANARIES) => send(response, 200, &list(&server.pods)),
                (_, path) => match server.objects.get(path) {
                    Some(object) => send(response, 200, object),
                    None => send(response, 404, &status(404, "NotFound", "", &json!({}))),
                },
            }
        }
    });
    let task = PullTask {
        namespace: "local-registry-check".to_owned(),
        agents: "local-registry-nodes".to_owned(),
        image: Some("team/app:v1".to_owned()),
        password: None,
    };
    let cluster = Cluster::new(Client::new(service, "default"));
    let probe = async |_: &_| Probe { addresses: Ok(Vec::new()), https: Ok(200), http: None, sign_in: None };
    let links = pull(&cluster, &task, &AllowedHosts::default(), probe).await;
    let server = server.lock().unwrap();
    assert_eq!(server.pods, Vec::<Value>::new());
    (links.iter().map(ToString::to_string).collect(), server.images.clone())
}

#[tokio::test(start_paused = true)]
async fn each_node_pulls_by_the_declared_name_and_where_an_agent_knows_it_by_the_portable_one() {
    let (lines, images) = lines(Server::new(&format!("hostFromClusterNetwork: {KIT}"))).await;
    assert_eq!(
        lines,
        [
            format!("✓ pull on node n1: it pulled and ran {KIT}/team/app:v1"),
            "✓ pull on node n1 by local-registry:5000: it pulled and ran local-registry:5000/team/app:v1".to_owned(),
            format!("✓ pull on node n2: it pulled and ran {KIT}/team/app:v1"),
        ]
    );
    assert_eq!(images.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_admission_changes_says_nothing_about_the_portable_name() {
    let mut server = Server::new(&format!("hostFromClusterNetwork: {KIT}"));
    // Both agents know the name.
    server.objects.insert(REPORT_2, server.objects[REPORT_1].clone());
    server.admit = |image| image.replace(PORTABLE_HOST, KIT);
    let (lines, images) = lines(server).await;
    assert_eq!(
        lines,
        [
            format!(
                "! pull by local-registry:5000: it was not tried, since admission replaces local-registry:5000/team/app:v1 by {KIT}/team/app:v1; the shipped policies change no pod in the namespace local-registry-check: leave --pull-namespace out, and upgrade the release with the chart of this version (workloads.enabled=true)"
            ),
            format!("✓ pull on node n1: it pulled and ran {KIT}/team/app:v1"),
            format!("✓ pull on node n2: it pulled and ran {KIT}/team/app:v1"),
        ]
    );
    assert_eq!(images.len(), 3, "it is tried once: {images:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_declares_the_portable_name_is_asked_once() {
    let (lines, _) = lines(Server::new("hostFromClusterNetwork: local-registry:5000")).await;
    let line = |node: &str| format!("✓ pull on node {node}: it pulled and ran local-registry:5000/team/app:v1");
    assert_eq!(lines, ["n1", "n2"].map(line));
}
