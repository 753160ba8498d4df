//! How the agents of all nodes are taken away, against a stand-in for the API server. Seconds are those of tokio's clock, which is
//! paused: it moves on where every task waits.

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use local_registry_cluster::Cluster;
use local_registry_node::{AgentsReport, await_clean_nodes, stop_agents};
use local_registry_testkit::api_server::{Answer, send, status};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower_test::mock::pair;

const NAMESPACE: &str = "local-registry-nodes";
const AGENTS: &str = "DaemonSet local-registry-nodes/local-registry-node";
const CLEAN_UP: &str = "DaemonSet local-registry-nodes/local-registry-node-clean-up";

/// Calls a step, and says when it ended. The stand-in answers by the method, the end of the path, and the second.
async fn step(
    step: impl AsyncFnOnce(Cluster) -> AgentsReport,
    answer: impl Fn(&str, &str, u64) -> (u16, Value) + Send + 'static,
) -> (AgentsReport, u64) {
    let (service, mut handle) = pair::<Request<Body>, Response<Answer>>();
    let start = Instant::now();
    tokio::spawn(async move {
        while let Some((request, response)) = handle.next_request().await {
            let last = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            if last == "pods" {
                let query = request.uri().query().unwrap_or_default();
                assert!(query.contains("labelSelector=app.kubernetes.io%2Fname%3Dlocal-registry-node"), "{query}");
            }
            let is_of_agents = request.uri().query().is_some_and(|query| !query.contains("clean-up"));
            let last = if last == "pods" && is_of_agents { "agents".to_owned() } else { last };
            let (code, body) = answer(request.method().as_str(), &last, start.elapsed().as_secs());
            // Nobody answers.
            if code == 0 {
                std::mem::forget(response);
                continue;
            }
            send(response, code, &body);
        }
    });
    let report = step(Cluster::new(Client::new(service, "default"))).await;
    (report, start.elapsed().as_secs())
}

async fn stop(answer: impl Fn(&str, &str, u64) -> (u16, Value) + Send + 'static) -> (AgentsReport, u64) {
    step(async |cluster| stop_agents(&cluster, NAMESPACE).await, answer).await
}

async fn cleaned(answer: impl Fn(&str, &str, u64) -> (u16, Value) + Send + 'static) -> (AgentsReport, u64) {
    let answer = move |method: &str, last: &str, second| match last {
        "agents" => list(&[]),
        _ => answer(method, last, second),
    };
    step(async |cluster| await_clean_nodes(&cluster, NAMESPACE).await, answer).await
}

fn list(pods: &[Value]) -> (u16, Value) {
    (200, json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": pods}))
}

/// A pod of a node with this status.
fn pod(node: &str, status: &Value) -> Value {
    json!({"metadata": {"name": format!("pod-{node}")}, "spec": {"nodeName": node, "containers": []}, "status": status})
}

/// The same, being deleted.
fn ending(node: &str) -> Value {
    let mut pod = pod(node, &json!({"phase": "Running"}));
    pod["metadata"]["deletionTimestamp"] = json!("2026-11-30T00:00:00Z");
    pod
}

fn ready() -> Value {
    json!({"startTime": "2026-11-30T00:00:00Z", "conditions": [{"type": "Ready", "status": "True"}]})
}

/// A pod that waits to be scheduled on a node, as one of a `DaemonSet`.
fn unscheduled(node: &str) -> Value {
    let condition =
        json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "anti-affinity"});
    let mut pod = pod(node, &json!({"phase": "Pending", "conditions": [condition]}));
    let fields = json!([{"key": "metadata.name", "operator": "In", "values": [node]}]);
    let terms = json!({"nodeSelectorTerms": [{"matchFields": fields}]});
    pod["spec"] = json!({
        "containers": [],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}},
    });
    pod
}

/// A pod that its kubelet knows, and whose image it cannot pull.
fn waiting(reason: &str) -> Value {
    json!({
        "startTime": "2026-11-30T00:00:00Z",
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{
            "name": "node", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": reason}},
        }],
    })
}

fn daemon_set(status: &Value) -> (u16, Value) {
    let metadata = json!({"name": "local-registry-node-clean-up", "namespace": NAMESPACE});
    (200, json!({"kind": "DaemonSet", "apiVersion": "apps/v1", "metadata": metadata, "status": status}))
}

fn of_nodes(desired: u32, ready: u32) -> (u16, Value) {
    daemon_set(&json!({"observedGeneration": 1, "desiredNumberScheduled": desired, "numberReady": ready}))
}

fn deleted() -> (u16, Value) {
    (200, json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}))
}

fn absent(name: &str) -> (u16, Value) {
    (404, status(404, "NotFound", "no", &json!({"name": name, "kind": "daemonsets", "group": "apps"})))
}

#[tokio::test(start_paused = true)]
async fn the_agents_have_stopped_when_no_pod_is_left() {
    let (report, second) = stop(|method, last, second| match (method, last) {
        ("DELETE", "local-registry-node") => deleted(),
        ("GET", "agents") if second < 5 => list(&[ending("a")]),
        ("GET", "agents") => list(&[]),
        other => panic!("{other:?}"),
    })
    .await;
    assert_eq!((report.to_string(), second), (format!("{AGENTS}: gone, and so are its pods"), 5));
    assert!(report.succeeded());
    assert_eq!(
        serde_json::to_value(&report).unwrap(),
        json!({"daemonSet": "local-registry-nodes/local-registry-node", "result": "stopped", "unreachable": []})
    );
}

#[tokio::test(start_paused = true)]
async fn agents_that_are_gone_already_are_fine_and_their_pods_are_waited_for() {
    let (report, second) = stop(|method, _, second| match (method, second) {
        ("DELETE", _) => absent("local-registry-node"),
        (_, 0) => list(&[ending("a")]),
        _ => list(&[]),
    })
    .await;
    assert_eq!((report.succeeded(), second), (true, 1));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_gone_does_not_stop_the_removal_and_is_named() {
    let (report, second) = stop(|method, _, _| match method {
        "DELETE" => deleted(),
        _ => list(&[ending("b")]),
    })
    .await;
    let expected =
        format!("{AGENTS}: gone, and so are its pods\nwarning: no kubelet answers on b: its pod may still run there");
    assert_eq!((report.to_string(), second), (expected, 90));
    assert!(report.succeeded());

    // The kubelet of b has not even seen its pod.
    let (report, second) = cleaned(|_, last, _| match last {
        "pods" => list(&[pod("a", &ready()), pod("b", &json!({"phase": "Pending"}))]),
        _ => of_nodes(2, 1),
    })
    .await;
    let expected = format!(
        "{CLEAN_UP}: 1 node has no file of the agent any more\nwarning: no kubelet answers on b: the agent's files stay there"
    );
    assert_eq!((report.to_string(), second), (expected, 90));
    assert!(report.succeeded());
}

#[tokio::test(start_paused = true)]
async fn agents_that_nobody_deletes_are_an_error() {
    let (report, second) = stop(|method, _, _| match method {
        "DELETE" => deleted(),
        _ => list(&[ending("b"), pod("a", &ready())]),
    })
    .await;
    let expected = format!(
        "{AGENTS}: failed: the pod pod-a is not deleted, 90 seconds after its DaemonSet; does the controller manager of this cluster run?"
    );
    assert_eq!((report.to_string(), second), (expected, 90));
    assert!(!report.succeeded());
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_deleted_is_an_error_at_once() {
    let (report, second) = stop(|_, _, _| (403, status(403, "Forbidden", "no", &json!({})))).await;
    let expected = format!(
        "{AGENTS}: failed: {AGENTS}: delete is forbidden: no; grant `delete` on daemonsets.apps/local-registry-node in local-registry-nodes"
    );
    assert_eq!((report.to_string(), second), (expected, 0));
    // A 404 that is about something else says nothing of the DaemonSet.
    let (report, _) = stop(|_, _, _| (404, status(404, "NotFound", "page not found", &json!({})))).await;
    assert!(!report.succeeded());
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_for_a_moment_is_asked_again() {
    let (report, _) = stop(|method, _, second| match (method, second) {
        ("DELETE", _) => deleted(),
        (_, 0..30) => (0, json!({})),
        (_, 30..40) => (500, status(500, "InternalError", "ill", &json!({}))),
        _ => list(&[]),
    })
    .await;
    assert!(report.succeeded(), "{report}");
    let (report, _) = cleaned(|_, _, second| match second {
        0..30 => (0, json!({})),
        _ => of_nodes(3, 3),
    })
    .await;
    assert_eq!(report.to_string(), format!("{CLEAN_UP}: 3 nodes have no file of the agent any more"));
    let (report, _) = cleaned(|_, _, _| (0, json!({}))).await;
    assert_eq!(
        report.to_string(),
        format!("{CLEAN_UP}: failed: {CLEAN_UP}: the API server did not answer within 15 seconds")
    );
}

#[tokio::test(start_paused = true)]
async fn nodes_are_clean_when_every_pod_is_ready() {
    let (report, second) = cleaned(|_, _, second| match second {
        // The controller has not looked at it yet, so its zeros say nothing.
        0..2 => daemon_set(&json!({"desiredNumberScheduled": 0, "numberReady": 0})),
        2..7 => of_nodes(2, 1),
        _ => of_nodes(2, 2),
    })
    .await;
    assert_eq!((report.to_string(), second), (format!("{CLEAN_UP}: 2 nodes have no file of the agent any more"), 7));
    assert_eq!(
        serde_json::to_value(&report).unwrap(),
        json!({
            "daemonSet": "local-registry-nodes/local-registry-node-clean-up", "result": "cleaned", "nodes": 2, "unreachable": [],
        })
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_be_cleaned_is_an_error_with_its_reason() {
    let (report, second) = cleaned(|_, last, _| match last {
        "pods" => {
            list(&[pod("a", &ready()), pod("b", &json!({"phase": "Pending"})), pod("c", &waiting("ImagePullBackOff"))])
        }
        _ => of_nodes(3, 1),
    })
    .await;
    assert_eq!((report.to_string(), second), (format!("{CLEAN_UP}: failed: c: ImagePullBackOff"), 90));
    // A pod that is on no node yet.
    let mut lost = pod(
        "",
        &json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"},
        ]}),
    );
    lost["spec"].as_object_mut().unwrap().remove("nodeName");
    let (report, _) = cleaned(move |_, last, _| match last {
        "pods" => list(std::slice::from_ref(&lost)),
        _ => of_nodes(1, 0),
    })
    .await;
    assert_eq!(
        report.to_string(),
        format!("{CLEAN_UP}: failed: pod pod-: it is not scheduled: 0/1 nodes are available")
    );
}

#[tokio::test(start_paused = true)]
async fn without_pods_that_clean_up_nothing_is_called_clean() {
    let (report, second) = cleaned(|_, _, _| absent("local-registry-node-clean-up")).await;
    assert_eq!(
        (report.to_string(), second),
        (format!("{CLEAN_UP}: failed: there is no such DaemonSet, so nothing removes the files; create it first"), 90)
    );
    // It may come a moment later.
    let (report, _) = cleaned(|_, _, second| match second {
        0..30 => absent("local-registry-node-clean-up"),
        _ => of_nodes(1, 1),
    })
    .await;
    assert!(report.succeeded(), "{report}");
    let (report, second) = cleaned(|_, _, _| daemon_set(&json!({}))).await;
    assert_eq!(
        (report.to_string(), second),
        (format!("{CLEAN_UP}: failed: no pod is created for it; does the controller manager of this cluster run?"), 90)
    );
    // The pods of some nodes are not created.
    let (report, _) = cleaned(|_, last, _| match last {
        "pods" => list(&[pod("a", &ready())]),
        _ => of_nodes(2, 1),
    })
    .await;
    let expected = "1 of 2 nodes are clean, and not every other one has its pod yet; run this again";
    assert_eq!(report.to_string(), format!("{CLEAN_UP}: failed: {expected}"));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_gone_hides_no_other_one() {
    // The kubelet of a has put its pod out, and that of b is gone.
    let evicted = json!({"phase": "Failed", "reason": "Evicted", "startTime": "2026-11-30T00:00:00Z"});
    let of_b = pod("b", &json!({"phase": "Pending"}));
    let pods = [pod("a", &evicted), of_b.clone()];
    let (report, _) = cleaned(move |_, last, _| if last == "pods" { list(&pods) } else { of_nodes(2, 0) }).await;
    assert_eq!(report.to_string(), format!("{CLEAN_UP}: failed: a: Evicted"));
    // Nothing is created for a.
    let pods = [of_b];
    let (report, _) = cleaned(move |_, last, _| if last == "pods" { list(&pods) } else { of_nodes(2, 0) }).await;
    assert!(report.to_string().contains("failed: 0 of 2 nodes are clean"), "{report}");
    // Another pod has taken the place of the one that was put out.
    let pods = [pod("a", &evicted), pod("a", &ready()), pod("b", &json!({"phase": "Pending"}))];
    let (report, _) = cleaned(move |_, last, _| if last == "pods" { list(&pods) } else { of_nodes(2, 1) }).await;
    assert!(report.to_string().ends_with("no kubelet answers on b: the agent's files stay there"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_came_late_is_not_taken_for_one_of_a_node_that_is_gone() {
    let (report, _) = cleaned(|_, last, second| match (last, second) {
        ("pods", 80..) => list(&[pod("a", &json!({"phase": "Pending"}))]),
        ("pods", _) => list(&[]),
        _ => of_nodes(1, 0),
    })
    .await;
    assert_eq!(report.to_string(), format!("{CLEAN_UP}: failed: a: it has not started yet"));
}

#[tokio::test(start_paused = true)]
async fn where_an_agent_does_not_end_no_pod_cleans_and_that_node_is_named() {
    let stuck =
        "1 node has no file of the agent any more\nwarning: no kubelet answers on b: the agent's files stay there";
    for (waiting, agents, expected) in [
        (vec!["b"], vec![ending("b")], stuck),
        (vec!["b"], vec![pod("b", &ready())], "failed: b: an agent still runs there, and would write the files again"),
        // The one does not hide the other.
        (vec!["b", "c"], vec![ending("b")], "failed: c: it is not scheduled: anti-affinity"),
    ] {
        let desired = 1 + u32::try_from(waiting.len()).unwrap();
        let (report, _) = step(
            async |cluster| await_clean_nodes(&cluster, NAMESPACE).await,
            move |_, last, _| match last {
                "pods" => {
                    let others = waiting.iter().map(|node| unscheduled(node));
                    list(&[pod("a", &ready())].into_iter().chain(others).collect::<Vec<_>>())
                }
                "agents" => list(&agents),
                _ => of_nodes(desired, 1),
            },
        )
        .await;
        assert_eq!(report.to_string(), format!("{CLEAN_UP}: {expected}"));
    }
}
