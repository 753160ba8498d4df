//! The program in watch mode, against a stand-in for the API server. The clock is tokio's and paused,
//! so that waiting takes no time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use sync::{Cluster, Mode, Patience, Report, watch};
use tokio::time::{Instant, sleep};
use tower_test::mock::{SendResponse, pair};

/// An API server with one ConfigMap and one policy. What a watch sends is told in advance; a watch
/// that has nothing left to say stays open.
#[derive(Default)]
struct Server {
    /// Answers to the lists: the value of the ConfigMap, or an error code.
    lists: VecDeque<Result<Option<&'static str>, u16>>,
    /// Answers to the watches: how long each waits, and its events.
    watches: VecDeque<(Duration, Vec<Value>)>,
    settings: Value,
    /// When settings were written, and which.
    writes: Vec<(u64, Value)>,
    /// How many PATCHes fail from now on.
    failing: usize,
}

fn config_map(value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "local-registry-hosting", "namespace": "kube-public", "resourceVersion": "2"},
        "data": {"localRegistryHosting.v1": value},
    })
}

fn event(kind: &str, value: &str) -> Value {
    json!({"type": kind, "object": config_map(value)})
}

fn expired() -> Value {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Expired", "code": 410, "message": "too old resource version"});
    json!({"type": "ERROR", "object": status})
}

impl Server {
    fn new(lists: impl Into<VecDeque<Result<Option<&'static str>, u16>>>) -> Self {
        Self { lists: lists.into(), settings: json!({}), ..Self::default() }
    }

    fn answer(&mut self, request: &Request<Body>, body: &[u8], start: Instant) -> (u16, Value) {
        let failure = |code: u16| {
            (
                code,
                json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": "", "message": "no"}),
            )
        };
        let policy = |settings: &Value| {
            let managed = json!([{"manager": "local-registry-sync", "fieldsV1": {"f:spec": {"f:settings": {"f:host": {}, "f:help": {}}}}}]);
            json!({
                "apiVersion": "policies.kubewarden.io/v1", "kind": "ClusterAdmissionPolicy",
                "metadata": {"name": "local", "managedFields": managed}, "spec": {"settings": settings},
            })
        };
        let path = request.uri().path();
        if path.ends_with("/configmaps") {
            let query = request.uri().query().unwrap_or_default();
            assert!(query.contains("fieldSelector=metadata.name%3Dlocal-registry-hosting"), "{query}");
            return match self.lists.pop_front().expect("no more lists are expected") {
                Err(code) => failure(code),
                Ok(value) => {
                    let items: Vec<Value> = value.map(config_map).into_iter().collect();
                    (
                        200,
                        json!({"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {"resourceVersion": "1"}, "items": items}),
                    )
                }
            };
        }
        if path.ends_with("/events") {
            return failure(403);
        }
        assert_eq!(path, "/apis/policies.kubewarden.io/v1/clusteradmissionpolicies/local");
        if request.method() == Method::PATCH {
            if self.failing > 0 {
                self.failing -= 1;
                return failure(500);
            }
            let applied: Value = serde_json::from_slice(body).unwrap();
            self.settings = applied["spec"].get("settings").cloned().unwrap_or(json!({}));
            self.writes.push((start.elapsed().as_secs(), self.settings.clone()));
        }
        (200, policy(&self.settings))
    }
}

fn send(response: SendResponse<Response<Body>>, code: u16, body: String) {
    response.send_response(Response::builder().status(code).body(Body::from(body.into_bytes())).unwrap());
}

/// Runs the program for that many seconds, and returns the server and the reports.
async fn run(server: Server, seconds: u64, meanwhile: impl AsyncFnOnce(Arc<Mutex<Server>>)) -> (Server, Vec<Report>) {
    let (service, mut handle) = pair::<Request<Body>, Response<Body>>();
    let server = Arc::new(Mutex::new(server));
    let start = Instant::now();
    let serving = {
        let server = Arc::clone(&server);
        async move {
            let mut open = Vec::new();
            while let Some((request, response)) = handle.next_request().await {
                if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
                    let told = server.lock().unwrap().watches.pop_front();
                    match told {
                        None => open.push(response),
                        Some((delay, events)) => {
                            tokio::spawn(async move {
                                sleep(delay).await;
                                send(response, 200, events.iter().map(|event| format!("{event}\n")).collect());
                            });
                        }
                    }
                    continue;
                }
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let request = Request::from_parts(parts, Body::empty());
                let (code, answer) = server.lock().unwrap().answer(&request, &body, start);
                send(response, code, answer.to_string());
            }
        }
    };
    let mut reports = Vec::new();
    let cluster = Cluster::new(Client::new(service, "default"));
    let patience = Patience { settle: Duration::from_secs(10), resync: Duration::from_secs(60) };
    let policies = ["local".parse().unwrap()];
    tokio::select! {
        () = watch(&cluster, &policies, Mode::default(), patience, |report| reports.push(report.clone())) => panic!("it never ends"),
        () = serving => panic!("the server never ends"),
        () = async { meanwhile(Arc::clone(&server)).await; sleep(Duration::from_secs(seconds) - start.elapsed()).await } => {}
    }
    drop(cluster);
    let server = std::mem::take(&mut *server.lock().unwrap());
    (server, reports)
}

const KIND: &str = "hostFromClusterNetwork: kind-registry:5000";
const OTHER: &str = "hostFromClusterNetwork: other:5000";

#[tokio::test(start_paused = true)]
async fn a_declaration_is_applied_once_it_has_settled() {
    let (server, reports) = run(Server::new([Ok(Some(KIND))]), 300, async |_| {}).await;
    assert_eq!(server.writes, [(10, json!({"host": "kind-registry:5000"}))]);
    assert!(reports.iter().all(Report::succeeded));
    assert!(reports.len() >= 4, "the policy is looked at again every minute: {}", reports.len());
}

#[tokio::test(start_paused = true)]
async fn a_config_map_that_is_deleted_and_made_again_rolls_nothing() {
    let mut server = Server::new([Ok(Some(KIND))]);
    server.watches.push_back((Duration::from_secs(30), vec![event("DELETED", KIND)]));
    server.watches.push_back((Duration::from_secs(5), vec![event("ADDED", KIND)]));
    let (server, _) = run(server, 300, async |_| {}).await;
    assert_eq!(server.writes, [(10, json!({"host": "kind-registry:5000"}))]);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_nothing_that_counts_postpones_nothing() {
    let mut server = Server::new([Ok(Some(KIND))]);
    server.watches.extend((0..20).map(|_| (Duration::from_secs(4), vec![event("MODIFIED", KIND)])));
    let (server, _) = run(server, 100, async |_| {}).await;
    assert_eq!(server.writes, [(10, json!({"host": "kind-registry:5000"}))]);
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_changes_is_one_write() {
    let mut server = Server::new([Ok(Some(KIND))]);
    let mut burst: Vec<Value> =
        (0..200).map(|n| event("MODIFIED", &format!("hostFromClusterNetwork: r{n}:5000"))).collect();
    burst.push(event("MODIFIED", OTHER));
    server.watches.push_back((Duration::from_secs(60), burst));
    let (server, _) = run(server, 300, async |_| {}).await;
    let hosts: Vec<&Value> = server.writes.iter().map(|(_, settings)| &settings["host"]).collect();
    assert_eq!(hosts, ["kind-registry:5000", "other:5000"]);
}

#[tokio::test(start_paused = true)]
async fn a_config_map_that_goes_takes_the_settings_with_it() {
    let mut server = Server::new([Ok(Some(KIND))]);
    server.watches.push_back((Duration::from_secs(30), vec![event("DELETED", KIND)]));
    let (server, _) = run(server, 300, async |_| {}).await;
    assert_eq!(server.writes, [(10, json!({"host": "kind-registry:5000"})), (40, json!({}))]);
}

#[tokio::test(start_paused = true)]
async fn a_broken_config_map_leaves_the_last_good_settings() {
    let mut server = Server::new([Ok(Some(KIND))]);
    server.watches.push_back((Duration::from_secs(30), vec![event("MODIFIED", "host: \"unterminated")]));
    server.watches.push_back((Duration::from_secs(100), vec![event("MODIFIED", OTHER)]));
    let (server, reports) = run(server, 300, async |_| {}).await;
    assert_eq!(server.writes, [(10, json!({"host": "kind-registry:5000"})), (140, json!({"host": "other:5000"}))]);
    let unusable = reports.iter().filter(|report| !report.succeeded()).count();
    assert!(unusable >= 1);
}

#[tokio::test(start_paused = true)]
async fn settings_that_somebody_edits_away_come_back() {
    let (server, _) = run(Server::new([Ok(Some(KIND))]), 300, async |server: Arc<Mutex<Server>>| {
        sleep(Duration::from_secs(90)).await;
        server.lock().unwrap().settings = json!({"host": "edited:5000"});
    })
    .await;
    assert_eq!(
        server.writes,
        [(10, json!({"host": "kind-registry:5000"})), (120, json!({"host": "kind-registry:5000"}))]
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_expires_lists_anew() {
    let mut server = Server::new([Ok(Some(KIND)), Ok(Some(OTHER))]);
    server.watches.push_back((Duration::from_secs(30), vec![expired()]));
    let (server, _) = run(server, 300, async |_| {}).await;
    let hosts: Vec<&Value> = server.writes.iter().map(|(_, settings)| &settings["host"]).collect();
    assert_eq!(hosts, ["kind-registry:5000", "other:5000"]);
    assert_eq!(server.lists.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_comes_back_is_followed_again() {
    let server = Server::new([Err(500), Err(503), Err(403), Ok(Some(KIND))]);
    let (server, _) = run(server, 600, async |_| {}).await;
    assert_eq!(server.writes.len(), 1);
    assert_eq!(server.writes[0].1, json!({"host": "kind-registry:5000"}));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_is_tried_again() {
    let mut server = Server::new([Ok(Some(KIND))]);
    server.failing = 3;
    let (server, reports) = run(server, 50, async |_| {}).await;
    assert_eq!(server.writes.len(), 1, "well before the next look at the policies");
    let failed = reports.iter().filter(|report| !report.succeeded()).count();
    assert_eq!(failed, 3);
}
