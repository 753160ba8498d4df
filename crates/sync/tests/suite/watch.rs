//! Watching, against a stand-in for the API server. Seconds are those of tokio's clock, which is paused: it moves on
//! where every task waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use local_registry_cluster::Cluster;
use local_registry_sync::{Report, State, Task, Timing, watch};
use local_registry_testkit::api_server::{Answer, POLICY, Step, config_map, next_steps, send, send_watch, status};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};
use tower_test::mock::pair;

/// An API server with one ConfigMap and one policy. What each watch sends is set in advance; after the last of them, a
/// watch stays open and sends nothing.
#[derive(Default)]
struct Server {
    /// Answers to lists: the value of the ConfigMap, or an error code.
    lists: VecDeque<Result<Option<&'static str>, u16>>,
    /// The answer to all further lists, if any are expected.
    forever: Option<Result<Option<&'static str>, u16>>,
    /// What watches send.
    watches: VecDeque<Step>,
    settings: Value,
    /// When settings were written, and which.
    writes: Vec<(u64, Value)>,
    /// How many writes fail from now on.
    failing: usize,
    /// Whether the policy was deleted.
    is_gone: bool,
    /// The notes of the Events that were created.
    events: Vec<String>,
    /// How often the count of an Event was raised.
    counted: usize,
}

fn event(kind: &str, value: &str) -> Value {
    json!({"type": kind, "object": config_map(value)})
}

fn error(code: u16, reason: &str) -> Value {
    json!({"type": "ERROR", "object": status(code, reason, reason, &json!({}))})
}

impl Server {
    fn new(lists: impl Into<VecDeque<Result<Option<&'static str>, u16>>>) -> Self {
        Self { lists: lists.into(), settings: json!({}), ..Self::default() }
    }

    fn answer(&mut self, request: &Request<Body>, body: &[u8], start: Instant) -> (u16, Value) {
        let failure = |code: u16| (code, status(code, "", "no", &json!({})));
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
            return match self.lists.pop_front().or(self.forever).expect("no more lists are expected") {
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
        if path.contains("/events") {
            if request.method() == Method::POST {
                let event: Value = serde_json::from_slice(body).unwrap();
                self.events.push(event["note"].as_str().unwrap().to_owned());
                return (201, event);
            }
            self.counted += 1;
            return (200, json!({"metadata": {}}));
        }
        assert_eq!(path, POLICY);
        if self.is_gone {
            let (_, mut missing) = failure(404);
            missing["details"] = json!({"name": "local"});
            return (404, missing);
        }
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

const TIMING: Timing = Timing { settle: Duration::from_secs(10), resync: Duration::from_mins(1) };

/// Watches for that many seconds, and returns the server and the reports, each with its second.
async fn run(
    server: Server,
    seconds: u64,
    meanwhile: impl AsyncFnOnce(Arc<Mutex<Server>>),
) -> (Server, Vec<(u64, Report)>) {
    run_with(TIMING, server, seconds, meanwhile).await
}

async fn run_with(
    timing: Timing,
    server: Server,
    seconds: u64,
    meanwhile: impl AsyncFnOnce(Arc<Mutex<Server>>),
) -> (Server, Vec<(u64, Report)>) {
    let (service, mut handle) = pair::<Request<Body>, Response<Answer>>();
    let server = Arc::new(Mutex::new(server));
    let start = Instant::now();
    let serving = {
        let server = Arc::clone(&server);
        async move {
            while let Some((request, response)) = handle.next_request().await {
                if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
                    send_watch(response, next_steps(&mut server.lock().unwrap().watches));
                    continue;
                }
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let request = Request::from_parts(parts, Body::empty());
                let (code, answer) = server.lock().unwrap().answer(&request, &body, start);
                send(response, code, &answer);
            }
        }
    };
    let mut reports = Vec::new();
    let cluster = Cluster::new(Client::new(service, "default"));
    let task = Task { policies: vec!["local".parse().unwrap()], ..Task::default() };
    let show = |report: &Report| reports.push((start.elapsed().as_secs(), report.clone()));
    tokio::select! {
        never = watch(&cluster, &task, timing, show) => match never {},
        () = serving => panic!("the server has ended"),
        () = async { meanwhile(Arc::clone(&server)).await; sleep_until(start + Duration::from_secs(seconds)).await } => {}
    }
    drop(cluster);
    let server = std::mem::take(&mut *server.lock().unwrap());
    (server, reports)
}

const KIND: &str = "hostFromClusterNetwork: kind-registry:5000";
const OTHER: &str = "hostFromClusterNetwork: other:5000";

#[tokio::test(start_paused = true)]
async fn what_is_declared_at_the_start_is_applied_at_once() {
    let (server, reports) = run(Server::new([Ok(Some(KIND))]), 300, async |_| {}).await;
    assert_eq!(server.writes, [(0, json!({"host": "kind-registry:5000"}))]);
    assert!(reports.iter().all(|(_, report)| report.succeeded()));
    assert!(reports.len() >= 4, "the policy is read again every minute: {}", reports.len());
}

#[tokio::test(start_paused = true)]
async fn a_change_is_applied_once_it_has_settled() {
    let mut server = Server::new([Ok(None)]);
    server.watches.push_back((Duration::from_secs(5), vec![event("ADDED", KIND)]));
    let (server, reports) = run(server, 300, async |_| {}).await;
    assert_eq!(server.writes, [(15, json!({"host": "kind-registry:5000"}))]);
    assert_eq!(reports[0].1.state, State::Absent);
}

#[tokio::test(start_paused = true)]
async fn a_config_map_that_is_deleted_and_created_again_rolls_nothing() {
    let mut server = Server::new([Ok(Some(KIND))]);
    server.watches.push_back((Duration::from_secs(30), vec![event("DELETED", KIND)]));
    server.watches.push_back((Duration::from_secs(5), vec![event("ADDED", KIND)]));
    let (server, _) = run(server, 300, async |_| {}).await;
    assert_eq!(server.writes, [(0, json!({"host": "kind-registry:5000"}))]);
}

#[tokio::test(start_paused = true)]
async fn an_update_without_a_change_does_not_postpone_the_write() {
    let mut server = Server::new([Ok(Some(KIND))]);
    server.watches.push_back((Duration::from_secs(20), vec![event("MODIFIED", OTHER)]));
    server.watches.extend((0..20).map(|_| (Duration::from_secs(4), vec![event("MODIFIED", OTHER)])));
    let (server, _) = run(server, 100, async |_| {}).await;
    assert_eq!(server.writes, [(0, json!({"host": "kind-registry:5000"})), (30, json!({"host": "other:5000"}))]);
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_changes_is_one_write() {
    let mut server = Server::new([Ok(Some(KIND))]);
    let mut burst: Vec<Value> =
        (0..200).map(|n| event("MODIFIED", &format!("hostFromClusterNetwork: r{n}:5000"))).collect();
    burst.push(event("MODIFIED", OTHER));
    server.watches.push_back((Duration::from_mins(1), burst));
    let (server, _) = run(server, 300, async |_| {}).await;
    let hosts: Vec<&Value> = server.writes.iter().map(|(_, settings)| &settings["host"]).collect();
    assert_eq!(hosts, ["kind-registry:5000", "other:5000"]);
}

#[tokio::test(start_paused = true)]
async fn a_config_map_that_is_deleted_takes_the_settings_with_it() {
    let mut server = Server::new([Ok(Some(KIND))]);
    server.watches.push_back((Duration::from_secs(30), vec![event("DELETED", KIND)]));
    let (server, _) = run(server, 300, async |_| {}).await;
    assert_eq!(server.writes, [(0, json!({"host": "kind-registry:5000"})), (40, json!({}))]);
}

#[tokio::test(start_paused = true)]
async fn a_broken_config_map_leaves_the_last_good_settings() {
    let mut server = Server::new([Ok(Some(KIND))]);
    server.watches.push_back((Duration::from_secs(30), vec![event("MODIFIED", "host: \"unterminated")]));
    server.watches.push_back((Duration::from_secs(100), vec![event("MODIFIED", OTHER)]));
    let (server, reports) = run(server, 300, async |_| {}).await;
    assert_eq!(server.writes, [(0, json!({"host": "kind-registry:5000"})), (140, json!({"host": "other:5000"}))]);
    let unusable = reports.iter().filter(|(_, report)| !report.succeeded()).count();
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
        [(0, json!({"host": "kind-registry:5000"})), (120, json!({"host": "kind-registry:5000"}))]
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_expires_lists_anew() {
    let mut server = Server::new([Ok(Some(KIND)), Ok(Some(OTHER))]);
    server.watches.push_back((Duration::from_secs(30), vec![error(410, "Expired")]));
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
    assert_eq!(server.writes.len(), 1, "before the next resync");
    let failed = reports.iter().filter(|(_, report)| !report.succeeded()).count();
    assert_eq!(failed, 3);
}

#[tokio::test(start_paused = true)]
async fn a_config_map_that_can_no_longer_be_read_is_unknown_after_a_while() {
    let mut server = Server::new([Ok(Some(KIND))]);
    server.forever = Some(Err(403));
    server.watches.push_back((Duration::from_secs(30), vec![error(403, "Forbidden")]));
    let (server, reports) = run(server, 900, async |server: Arc<Mutex<Server>>| {
        sleep(Duration::from_secs(500)).await;
        // This change of the policy is not reported while it is not known what the host should be.
        server.lock().unwrap().settings = json!({});
        sleep(Duration::from_secs(200)).await;
        server.lock().unwrap().forever = Some(Ok(Some(KIND)));
    })
    .await;
    let (last, _) = reports.iter().take_while(|(_, report)| report.succeeded()).last().unwrap();
    assert!(*last <= 90, "{last}");
    let (first, unknown) = reports.iter().find(|(_, report)| !report.succeeded()).unwrap();
    assert_eq!((*first, unknown.state), (90, State::Unknown), "a resync after the watch has failed");
    assert_eq!(
        unknown.message,
        "ConfigMap kube-public/local-registry-hosting: list is forbidden: no; grant `list` on configmaps/local-registry-hosting in kube-public; until it can be read again, the policies keep their settings"
    );
    let (again, _) = reports.iter().skip_while(|(at, _)| *at < 90).find(|(_, report)| report.succeeded()).unwrap();
    assert!((700..770).contains(again), "{again}");
    let hosts: Vec<u64> = server.writes.iter().map(|(at, _)| *at).collect();
    assert_eq!(hosts, [0, *again]);
}

#[tokio::test(start_paused = true)]
async fn a_config_map_that_was_never_read_is_unknown_after_a_while() {
    let mut server = Server::new([]);
    server.forever = Some(Err(403));
    let (server, reports) = run(server, 100, async |_| {}).await;
    let states: Vec<_> = reports.iter().map(|(at, report)| (*at, report.state)).collect();
    assert_eq!(states, [(60, State::Unknown)]);
    assert_eq!(server.writes, []);
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_is_not_unknown() {
    let mut server = Server::new([Ok(Some(KIND)), Err(500), Err(503), Ok(Some(KIND))]);
    server.watches.push_back((Duration::from_secs(30), vec![error(500, "InternalError")]));
    let (server, reports) = run(server, 300, async |_| {}).await;
    assert!(reports.iter().all(|(_, report)| report.succeeded()));
    assert_eq!(server.writes.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_created_again_does_not_wait_for_the_next_resync() {
    let (server, reports) = run(Server::new([Ok(Some(KIND))]), 300, async |server: Arc<Mutex<Server>>| {
        sleep(Duration::from_secs(110)).await;
        server.lock().unwrap().is_gone = true;
        sleep(Duration::from_secs(15)).await;
        let mut server = server.lock().unwrap();
        server.is_gone = false;
        server.settings = json!({});
    })
    .await;
    let missing: Vec<u64> = reports.iter().filter(|(_, report)| !report.succeeded()).map(|(at, _)| *at).collect();
    assert!(missing.starts_with(&[120]) && missing.len() > 1, "{missing:?}");
    let again = server.writes[1].0;
    assert!((125..150).contains(&again), "{again}");
}

#[tokio::test(start_paused = true)]
async fn every_change_is_a_new_event() {
    const HELP: &str = "hostFromClusterNetwork: r4:5000\nhelp: https://a.b";
    const HOSTS: [&str; 5] = [
        "hostFromClusterNetwork: r1:5000",
        "hostFromClusterNetwork: r2:5000",
        "hostFromClusterNetwork: r1:5000",
        "hostFromClusterNetwork: r4:5000",
        HELP,
    ];
    let mut server = Server::new([Ok(Some(KIND))]);
    for value in HOSTS {
        server.watches.push_back((Duration::from_secs(20), vec![event("MODIFIED", value)]));
    }
    server.watches.push_back((Duration::from_secs(20), vec![event("DELETED", HELP)]));
    let (server, _) = run(server, 600, async |_| {}).await;
    assert_eq!(
        server.events,
        [
            "the local registry is kind-registry:5000 (host: nothing -> \"kind-registry:5000\")",
            "the local registry is r1:5000 (host: \"kind-registry:5000\" -> \"r1:5000\")",
            "the local registry is r2:5000 (host: \"r1:5000\" -> \"r2:5000\")",
            "the local registry is r1:5000 (host: \"r2:5000\" -> \"r1:5000\")",
            "the local registry is r4:5000 (host: \"r1:5000\" -> \"r4:5000\")",
            "the local registry is r4:5000 (help: nothing -> \"https://a.b\")",
            "no local registry is declared: there is no ConfigMap kube-public/local-registry-hosting (host: \"r4:5000\" -> nothing, help: \"https://a.b\" -> nothing)",
        ]
    );
    assert_eq!(server.counted, 0);
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_is_undone_again_and_again_is_one_event() {
    let (server, _) = run(Server::new([Ok(Some(KIND))]), 270, async |server: Arc<Mutex<Server>>| {
        for _ in 0..3 {
            sleep(Duration::from_mins(1)).await;
            server.lock().unwrap().settings = json!({});
        }
    })
    .await;
    assert_eq!(server.writes.len(), 4);
    assert_eq!((server.events.len(), server.counted), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn endless_patience_is_not_an_error() {
    let endless = Timing { settle: Duration::MAX, resync: Duration::MAX };
    let mut server = Server::new([Ok(Some(KIND))]);
    server.watches.push_back((Duration::from_secs(30), vec![event("MODIFIED", OTHER)]));
    let (server, _) = run_with(endless, server, 3_000, async |_| {}).await;
    assert_eq!(server.writes, [(0, json!({"host": "kind-registry:5000"}))]);
}

#[tokio::test(start_paused = true)]
async fn what_never_settles_is_written_after_a_while() {
    let mut server = Server::new([Ok(Some(KIND))]);
    let changes = [OTHER, "hostFromClusterNetwork: third:5000"].into_iter().cycle().take(60);
    server.watches.extend(changes.map(|value| (Duration::from_secs(4), vec![event("MODIFIED", value)])));
    let (server, _) = run(server, 200, async |_| {}).await;
    let times: Vec<u64> = server.writes.iter().map(|(at, _)| *at).collect();
    // Six times as long as one change waits.
    assert!(times.len() > 1 && (64..=70).contains(&times[1]), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_used_of_a_declaration_is_reported_when_it_changes() {
    let mut server = Server::new([Ok(Some(KIND))]);
    server.watches.push_back((
        Duration::from_secs(30),
        vec![event("MODIFIED", "hostFromClusterNetwork: kind-registry:5000\nhost: my-laptop\nhelp: call me")],
    ));
    let (_, reports) = run(server, 60, async |_| {}).await;
    assert_eq!(reports[0].1.warnings, Vec::<String>::new());
    let warnings = &reports.last().unwrap().1.warnings;
    assert_eq!(warnings[0], "help is not used: `call me` is not a printable http(s) URL of at most 1024 characters");
    assert!(warnings[1].starts_with("host is not used for nodes: "), "{warnings:?}");
}
