//! The registry during a garbage collection, against a stand-in for the API server. Seconds are those of tokio's clock, which is
//! paused: it moves on where every task waits.

use std::sync::{Arc, Mutex};

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use local_registry_cluster::Cluster;
use local_registry_collection::hold;
use local_registry_testkit::api_server::{Answer, send, status};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower_test::mock::pair;

/// A cluster in which a Job begins to collect in one second, and ends in another. A registry is ready some seconds after it was scaled.
struct Scene {
    begins: u64,
    ends: u64,
    /// How the Job ends.
    condition: Value,
    /// How long each registry takes to be ready.
    start: u64,
    /// What is answered in the place of everything, from one second to another.
    outage: Option<(u64, u64, u16)>,
    /// In which second somebody else scales the registry to one pod, as an upgrade does.
    upgrade: Option<u64>,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            begins: 7,
            ends: 100,
            condition: json!({"type": "Complete", "status": "True"}),
            start: 5,
            outage: None,
            upgrade: None,
        }
    }
}

/// A registry: how many pods it is to have, and since when.
#[derive(Clone, Copy)]
struct Scaled {
    replicas: u64,
    since: Option<u64>,
}

/// Lets the program go on until it ends. Returns what it says, when that was, and each change of scale with its second.
async fn run(scene: Scene) -> (String, u64, Vec<String>) {
    let (service, mut handle) = pair::<Request<Body>, Response<Answer>>();
    let start = Instant::now();
    let changes = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&changes);
    tokio::spawn(async move {
        let mut registries = [
            ("registry", Scaled { replicas: 1, since: None }),
            ("registry-collecting", Scaled { replicas: 0, since: None }),
        ];
        let mut upgrade = scene.upgrade;
        while let Some((request, response)) = handle.next_request().await {
            let second = start.elapsed().as_secs();
            if let Some((from, to, code)) = scene.outage
                && (from..to).contains(&second)
            {
                match code {
                    // Nobody answers.
                    0 => std::mem::forget(response),
                    code => send(response, code, &status(code, "", "not now", &json!({}))),
                }
                continue;
            }
            if upgrade.is_some_and(|upgrade| upgrade <= second) {
                registries[0].1 = Scaled { replicas: 1, since: Some(second) };
                upgrade = None;
            }
            let path = request.uri().path().to_owned();
            if path == "/apis/batch/v1/namespaces/images/jobs" {
                let query = request.uri().query().unwrap_or_default();
                assert!(
                    query.contains("labelSelector=app.kubernetes.io%2Fname%3Dregistry-garbage-collection"),
                    "{query}"
                );
                send(response, 200, &jobs(&scene, second));
                continue;
            }
            let path = path.strip_prefix("/apis/apps/v1/namespaces/images/deployments/").unwrap();
            let name = path.strip_suffix("/scale").unwrap_or(path);
            let (_, scaled) = registries.iter_mut().find(|(known, _)| *known == name).unwrap();
            if path.ends_with("/scale") {
                assert_eq!(request.method(), "PATCH");
                let sent: Value = serde_json::from_slice(&request.into_body().collect_bytes().await.unwrap()).unwrap();
                let replicas = sent["spec"]["replicas"].as_u64().unwrap();
                assert_eq!(sent, json!({"spec": {"replicas": replicas}}), "nothing else is changed");
                *scaled = Scaled { replicas, since: Some(second) };
                noted.lock().unwrap().push(format!("{second}: {name} {replicas}"));
                let scale =
                    json!({"metadata": {"name": name}, "spec": {"replicas": replicas}, "status": {"replicas": 0}});
                send(response, 200, &scale);
                continue;
            }
            send(response, 200, &deployment(name, *scaled, second, scene.start));
        }
    });
    let report = hold(&Cluster::new(Client::new(service, "default")), "images", 1).await;
    assert_eq!(report.succeeded(), !report.to_string().starts_with("registry of images: failed"));
    (
        report.to_string(),
        start.elapsed().as_secs(),
        Arc::try_unwrap(changes).map_or_else(|shared| shared.lock().unwrap().clone(), |own| own.into_inner().unwrap()),
    )
}

fn jobs(scene: &Scene, second: u64) -> Value {
    let job = |name: &str, conditions: Value| json!({"metadata": {"name": name}, "spec": {"template": {"spec": {"containers": []}}}, "status": {"conditions": conditions}});
    // One that ended long ago is still there.
    let mut items = vec![job("last-week", json!([{"type": "Complete", "status": "True"}]))];
    if scene.ends <= second {
        items.push(job("now", json!([scene.condition])));
    } else if scene.begins <= second {
        items.push(job("now", json!([{"type": "Suspended", "status": "False"}])));
    }
    json!({"kind": "JobList", "apiVersion": "batch/v1", "metadata": {"resourceVersion": "1"}, "items": items})
}

fn deployment(name: &str, scaled: Scaled, second: u64, start: u64) -> Value {
    let is_ready = scaled.since.is_none_or(|since| since + start <= second);
    // Its controller needs a second to see a new size. Until then, the numbers are those of before.
    let is_seen = scaled.since.is_none_or(|since| since < second);
    let status = match (is_seen, is_ready) {
        (false, _) if scaled.replicas > 0 => json!({}),
        (false, _) => json!({"replicas": 1, "readyReplicas": 1}),
        (true, false) => json!({"replicas": scaled.replicas}),
        (true, true) => json!({"replicas": scaled.replicas, "readyReplicas": scaled.replicas}),
    };
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "images"},
        "spec": {"replicas": scaled.replicas, "selector": {}, "template": {}}, "status": status
    })
}

#[tokio::test(start_paused = true)]
async fn the_registry_takes_no_writes_while_garbage_is_collected_and_always_serves_pulls() {
    let (said, ended, changes) = run(Scene::default()).await;
    assert_eq!(said, "registry of images: takes writes again, after now: complete");
    assert_eq!(
        changes,
        ["8: registry-collecting 1", "14: registry 0", "100: registry 1", "106: registry-collecting 0"]
    );
    assert_eq!(ended, 108);
}

#[tokio::test(start_paused = true)]
async fn a_collection_that_fails_gives_the_registry_back() {
    let condition =
        json!({"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "it was too slow"});
    let (said, _, changes) = run(Scene { condition, ..Scene::default() }).await;
    assert_eq!(said, "registry of images: takes writes again, after now: failed: DeadlineExceeded: it was too slow");
    assert_eq!(changes.last().unwrap(), "106: registry-collecting 0");
}

#[tokio::test(start_paused = true)]
async fn without_a_collection_nothing_changes() {
    let (said, ended, changes) = run(Scene { begins: 10_000, ends: 20_000, ..Scene::default() }).await;
    assert_eq!(
        said,
        "registry of images: nothing was changed, since no garbage collection has begun; is its CronJob suspended?"
    );
    assert_eq!((ended, changes), (300, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_in_the_middle_does_not_stop_a_collection() {
    let (_, _, changes) = run(Scene { upgrade: Some(50), ..Scene::default() }).await;
    assert!(changes.contains(&"50: registry 0".to_owned()), "{changes:?}");
    assert_eq!(changes.last().unwrap(), "106: registry-collecting 0");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_for_a_while_is_waited_for() {
    for code in [0, 500, 429] {
        let (said, _, changes) = run(Scene { outage: Some((90, 300, code)), ..Scene::default() }).await;
        assert_eq!(said, "registry of images: takes writes again, after now: complete", "{code}");
        assert!(changes.last().unwrap().ends_with("registry-collecting 0"), "{changes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_stays_away_is_an_error() {
    let (said, ended, _) = run(Scene { outage: Some((0, u64::MAX, 403)), ..Scene::default() }).await;
    assert_eq!(
        said,
        "registry of images: failed: Jobs of images: list is forbidden: not now; grant `list` on jobs.batch in images"
    );
    assert_eq!(ended, 600);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_does_not_start_gets_the_volume_for_itself() {
    let (said, _, changes) = run(Scene { start: 1000, ..Scene::default() }).await;
    let expected = "registry of images: failed: the garbage collection has ended, and no pod of the Deployment registry is ready 300 \
                    seconds after; see kubectl --namespace images describe pods --selector app.kubernetes.io/name=registry";
    assert_eq!(said, expected);
    // Where a volume can be mounted by one pod alone, each starts after the other is gone.
    assert_eq!(
        changes,
        ["8: registry-collecting 1", "70: registry 0", "100: registry 1", "402: registry-collecting 0"]
    );
}
