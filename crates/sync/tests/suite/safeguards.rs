//! The safeguards, against a stand-in for the API server. Seconds are those of tokio's clock, which is paused: it moves on
//! where every task waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use local_registry_cluster::Cluster;
use local_registry_cluster::policies::PolicyName;
use local_registry_sync::{Standing, watch_safeguards};
use local_registry_testkit::api_server::{Answer, POLICY, send, status};
use local_registry_testkit::repository::{objects, read};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use tower_test::mock::pair;

const WEBHOOK: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/clusterwide-local";
const BINDING: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/local-registry-guard-inherited";
/// A certificate in PEM, as far as anybody looks, in base64.
const AUTHORITY: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1BTUNBUUU9Ci0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K";
const RESYNC: Duration = Duration::from_mins(1);

/// The objects of a cluster by path. A number is a status code, `"hangs"` is an object that is never sent, and what is not
/// here is not found.
type Objects = BTreeMap<String, Value>;

/// A cluster with the policy `local`, its webhook, and the shipped guards.
fn cluster() -> Objects {
    let mut policy = read("charts/local-registry/files/policies/builds.yaml");
    policy["metadata"]["name"] = json!("local");
    let webhook = webhook(&policy, "clusterwide-local");
    let mut all = Objects::from([(POLICY.to_owned(), policy), (WEBHOOK.to_owned(), webhook)]);
    let files = ["images", "inherited"].map(|file| format!("charts/local-registry/files/guards/{file}.yaml"));
    for guard in files.iter().flat_map(|file| objects(file)) {
        let plural = match guard["kind"].as_str().unwrap() {
            "ValidatingAdmissionPolicy" => "validatingadmissionpolicies",
            _ => "validatingadmissionpolicybindings",
        };
        let name = guard["metadata"]["name"].as_str().unwrap();
        all.insert(format!("/apis/admissionregistration.k8s.io/v1/{plural}/{name}"), guard);
    }
    all
}

/// The webhook configuration of a policy, as Kubewarden makes it.
fn webhook(policy: &Value, name: &str) -> Value {
    let path = format!("/validate/{name}");
    let service = json!({"namespace": "kubewarden", "name": "policy-server-default", "path": path, "port": 443});
    let mut selectors =
        vec![json!({"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kubewarden"]})];
    let own = policy["spec"]["namespaceSelector"]["matchExpressions"].as_array();
    selectors.extend(own.into_iter().flatten().cloned());
    json!({
        "metadata": {"name": name},
        "webhooks": [{
            "clientConfig": {"service": service, "caBundle": AUTHORITY}, "failurePolicy": "Fail",
            "rules": policy["spec"]["rules"], "matchConditions": policy["spec"]["matchConditions"],
            "namespaceSelector": {"matchExpressions": selectors}, "objectSelector": {},
        }],
    })
}

/// Looks at the safeguards of a policy for that many seconds, and returns what was found, each with its second.
async fn run(
    policy: &str,
    objects: Objects,
    seconds: u64,
    meanwhile: impl AsyncFnOnce(Arc<Mutex<Objects>>),
) -> Vec<(u64, Vec<String>)> {
    let (service, mut handle) = pair::<Request<Body>, Response<Answer>>();
    let objects = Arc::new(Mutex::new(objects));
    let start = Instant::now();
    let serving = {
        let objects = Arc::clone(&objects);
        async move {
            let mut hanging = Vec::new();
            while let Some((request, response)) = handle.next_request().await {
                assert_eq!(request.method(), "GET", "nothing is written");
                let path = request.uri().path().to_owned();
                let found = objects.lock().unwrap().get(&path).cloned();
                match found {
                    Some(Value::String(_)) => hanging.push(response),
                    Some(Value::Number(code)) => {
                        let code = u16::try_from(code.as_u64().unwrap()).unwrap();
                        send(response, code, &status(code, "", "no", &json!({})));
                    }
                    Some(object) => send(response, 200, &object),
                    None => {
                        let details = json!({"name": path.rsplit('/').next()});
                        send(response, 404, &status(404, "NotFound", "not found", &details));
                    }
                }
            }
        }
    };
    let mut seen = Vec::new();
    let cluster = Cluster::new(Client::new(service, "default"));
    let policies: Vec<PolicyName> = policy.split(' ').map(|policy| policy.parse().unwrap()).collect();
    let show = |found: &BTreeMap<_, Standing>| {
        let lines = found.iter().map(|(safeguard, standing)| match standing {
            Standing::Holds => format!("{safeguard} holds"),
            Standing::Missing(reason) => format!("{safeguard} is missing: {reason}"),
            Standing::Unknown(reason) => format!("{safeguard} is unknown: {reason}"),
        });
        seen.push((start.elapsed().as_secs(), lines.collect::<Vec<_>>()));
    };
    tokio::select! {
        never = watch_safeguards(&cluster, &policies, "kubewarden", RESYNC, show) => match never {},
        () = serving => panic!("the server has ended"),
        () = async { meanwhile(Arc::clone(&objects)).await; sleep_until(start + Duration::from_secs(seconds)).await } => {}
    }
    seen
}

/// What is found at the start, but for what holds.
async fn trouble(change: impl FnOnce(&mut Objects)) -> Vec<String> {
    let mut objects = cluster();
    change(&mut objects);
    let found = run("local", objects, 59, async |_| {}).await;
    assert_eq!(found.len(), 1);
    found.into_iter().flat_map(|(_, lines)| lines).filter(|line| !line.ends_with(" holds")).collect()
}

#[tokio::test(start_paused = true)]
async fn everything_is_looked_at_at_the_start_and_at_every_resync() {
    let all = ["policy local holds", "guard local-registry-guard holds", "guard local-registry-guard-inherited holds"];
    let found = run("local", cluster(), 150, async |_| {}).await;
    assert_eq!(found, [0, 60, 120].map(|second| (second, all.map(str::to_owned).to_vec())));
}

#[tokio::test(start_paused = true)]
async fn what_others_remove_is_found_and_what_comes_back() {
    let found = run("local", cluster(), 190, async |objects| {
        let after = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
        after(30).await;
        let webhook = objects.lock().unwrap().remove(WEBHOOK).unwrap();
        after(60).await;
        objects.lock().unwrap().insert(WEBHOOK.to_owned(), webhook);
        objects.lock().unwrap().remove(BINDING);
    })
    .await;
    let webhook = "policy local is missing: there is no MutatingWebhookConfiguration clusterwide-local, or it is empty";
    let binding = "guard local-registry-guard-inherited is missing: there is no ValidatingAdmissionPolicyBinding local-registry-guard-inherited, and no other is looked for";
    let lines = |second: usize| found[second].1.iter().filter(|line| !line.ends_with(" holds")).collect::<Vec<_>>();
    assert_eq!(lines(0), [""; 0]);
    assert_eq!(lines(1), [webhook]);
    assert_eq!(lines(2), [binding]);
    assert_eq!(lines(3), [binding]);
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_says_why() {
    assert_eq!(
        trouble(|objects| drop(objects.remove(POLICY))).await,
        ["policy local is missing: there is no such policy"]
    );
    let leads_nowhere = |objects: &mut Objects| {
        let webhook = &mut objects.get_mut(WEBHOOK).unwrap()["webhooks"][0];
        webhook["failurePolicy"] = json!("Ignore");
        webhook["clientConfig"]["caBundle"] = json!("");
        objects.get_mut(BINDING).unwrap()["spec"]["validationActions"] = json!(["Warn"]);
    };
    assert_eq!(
        trouble(leads_nowhere).await,
        [
            "policy local is missing: it has no caBundle, so the API server trusts no policy server, its failurePolicy is `Ignore`, not Fail",
            "guard local-registry-guard-inherited is missing: its binding has the validationActions `Warn`, and not Deny",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_unknown() {
    let forbidden = |objects: &mut Objects| {
        objects.insert(WEBHOOK.to_owned(), json!(403));
        objects.insert(BINDING.to_owned(), json!(500));
    };
    assert_eq!(
        trouble(forbidden).await,
        [
            "policy local is unknown: MutatingWebhookConfiguration clusterwide-local: get is forbidden: no; grant `get` on mutatingwebhookconfigurations.admissionregistration.k8s.io/clusterwide-local",
            "guard local-registry-guard-inherited is unknown: ValidatingAdmissionPolicyBinding local-registry-guard-inherited: the API server answered 500: no",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_hangs_makes_the_rest_unknown_after_half_a_minute() {
    let mut objects = cluster();
    for object in objects.values_mut() {
        *object = json!("hangs");
    }
    let found = run("local", objects, 100, async |_| {}).await;
    let [(30, lines)] = &found[..] else { panic!("{found:?}") };
    let unknown = [
        "policy local is unknown: ClusterAdmissionPolicy local: the API server did not answer within 15 seconds",
        // Its own limit ends with that of all.
        "guard local-registry-guard is unknown: ",
        "guard local-registry-guard-inherited is unknown: the API server did not answer within 30 seconds",
    ];
    assert_eq!(lines.len(), unknown.len(), "{lines:?}");
    assert!(lines.iter().zip(unknown).all(|(line, expected)| line.starts_with(expected)), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_policy_for_one_namespace_needs_no_guard() {
    let mut objects = cluster();
    let mut policy = objects.remove(POLICY).unwrap();
    policy["metadata"]["namespace"] = json!("team");
    objects.insert("/apis/policies.kubewarden.io/v1/namespaces/team/admissionpolicies/local".to_owned(), policy);
    let found = run("team/local", objects, 1, async |_| {}).await;
    let missing =
        "policy team/local is missing: there is no MutatingWebhookConfiguration namespaced-team-local, or it is empty";
    assert_eq!(found, [(0, vec![missing.to_owned()])]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_for_workloads_has_a_guard_of_its_own() {
    let mut objects = cluster();
    let mut policy = read("charts/local-registry/files/policies/workloads.yaml");
    policy["metadata"]["name"] = json!("local");
    objects.insert(WEBHOOK.to_owned(), webhook(&policy, "clusterwide-local"));
    objects.insert(POLICY.to_owned(), policy);
    let found = run("local", objects, 1, async |_| {}).await;
    let missing = "guard local-registry-workloads-guard is missing: there is no ValidatingAdmissionPolicy local-registry-workloads-guard";
    assert_eq!(found, [(0, vec!["policy local holds".to_owned(), missing.to_owned()])]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_for_labelled_namespaces_has_a_guard_of_its_own() {
    let with = async |change: fn(&mut Value)| {
        let mut objects = cluster();
        let mut policy = read("charts/local-registry/files/policies/labelled.yaml");
        policy["metadata"]["name"] = json!("local");
        change(&mut policy["spec"]);
        objects.insert(WEBHOOK.to_owned(), webhook(&policy, "clusterwide-local"));
        objects.insert(POLICY.to_owned(), policy);
        let [shipped, binding] = &objects_of_labelled_guard()[..] else { panic!("not two objects") };
        let path =
            |plural: &str| format!("/apis/admissionregistration.k8s.io/v1/{plural}/local-registry-labelled-guard");
        objects.insert(path("validatingadmissionpolicies"), shipped.clone());
        objects.insert(path("validatingadmissionpolicybindings"), binding.clone());
        run("local", objects, 1, async |_| {}).await.remove(0).1
    };
    assert_eq!(with(|_| {}).await, ["policy local holds", "guard local-registry-labelled-guard holds"]);
    assert_eq!(
        with(|spec| spec["settings"] = json!({})).await,
        [
            "policy local is missing: its settings.imagesWithoutRegistry is `asWritten`, not local",
            "guard local-registry-labelled-guard holds"
        ]
    );
}

fn objects_of_labelled_guard() -> Vec<Value> {
    objects("charts/local-registry/files/guards/labelled.yaml")
}

#[tokio::test(start_paused = true)]
async fn what_check_calls_a_fault_is_missing_here_too() {
    let policy = async |change: fn(&mut Value), reason: &str| {
        let found = trouble(|objects| change(&mut objects.get_mut(POLICY).unwrap()["spec"])).await;
        assert_eq!(found, [format!("policy local is missing: {reason}")]);
    };
    policy(|spec| spec["mode"] = json!("monitor"), "its mode is `monitor`, not protect").await;
    policy(|spec| spec["failurePolicy"] = json!("Ignore"), "its failurePolicy is `Ignore`, not Fail").await;
    policy(|spec| spec["mutating"] = json!(false), "its mutating is not true").await;
    policy(
        |spec| spec["rules"][0]["apiVersions"] = json!(["v1beta1"]),
        "its rules leave out CREATE of v1alpha1 builds, UPDATE of v1alpha1 builds, CREATE of v1alpha1 buildruns, UPDATE of v1alpha1 buildruns",
    )
    .await;
    policy(
        |spec| spec["policyServer"] = json!("other"),
        "it calls the Service `kubewarden/policy-server-default`, not kubewarden/policy-server-other",
    )
    .await;
    let webhook = async |change: fn(&mut Value), reason: &str| {
        let found = trouble(|objects| change(&mut objects.get_mut(WEBHOOK).unwrap()["webhooks"][0])).await;
        assert_eq!(found, [format!("policy local is missing: {reason}")]);
    };
    webhook(
        |webhook| webhook["rules"][0]["operations"] = json!(["CREATE"]),
        "its rules leave out UPDATE of v1alpha1 builds, UPDATE of v1alpha1 buildruns, UPDATE of v1beta1 builds, UPDATE of v1beta1 buildruns",
    )
    .await;
    webhook(
        |webhook| webhook["namespaceSelector"] = json!({"matchLabels": {"nobody": "has"}}),
        "its namespaceSelector asks for nobody=has, which is not that of the policy",
    )
    .await;
    webhook(
        |webhook| webhook["clientConfig"]["service"]["namespace"] = json!("other"),
        "it calls the Service `other/policy-server-default`, not kubewarden/policy-server-default (--kubewarden-namespace names another)",
    )
    .await;
}

const WORKLOADS: &str = "/apis/policies.kubewarden.io/v1/clusteradmissionpolicies/local-registry-workloads";

#[tokio::test(start_paused = true)]
async fn a_guard_is_looked_at_without_its_policy() {
    let missing = "guard local-registry-workloads-guard is missing: there is no ValidatingAdmissionPolicy local-registry-workloads-guard";
    let has_guard = |lines: &[String]| lines.iter().any(|line| line == missing);
    // It was never read, so its name shows what it is for.
    for answer in [None, Some(json!(403))] {
        let mut objects = cluster();
        objects.extend(answer.map(|answer| (WORKLOADS.to_owned(), answer)));
        let found = run("local local-registry-workloads", objects, 1, async |_| {}).await;
        assert!(has_guard(&found[0].1), "{found:?}");
    }
    // It was read once.
    let mut objects = cluster();
    let mut policy = read("charts/local-registry/files/policies/workloads.yaml");
    policy["metadata"]["name"] = json!("local");
    objects.insert(POLICY.to_owned(), policy);
    let found = run("local", objects, 70, async |objects| {
        tokio::time::sleep(Duration::from_secs(30)).await;
        objects.lock().unwrap().remove(POLICY);
    })
    .await;
    assert!(found.len() == 2 && found.iter().all(|(_, lines)| has_guard(lines)), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_second_policy_that_does_not_mutate_is_a_guard() {
    const OTHER: &str = "/apis/policies.kubewarden.io/v1/clusteradmissionpolicies/other";
    let other = |objects: &mut Objects| {
        let mut policy = objects[POLICY].clone();
        policy["metadata"]["name"] = json!("other");
        policy["spec"]["mutating"] = json!(false);
        objects.insert(OTHER.to_owned(), policy);
    };
    let line = async |change: fn(&mut Objects)| {
        let mut objects = cluster();
        other(&mut objects);
        change(&mut objects);
        let found = run("local other", objects, 1, async |_| {}).await;
        found[0].1.iter().find(|line| line.starts_with("policy other ")).cloned().unwrap()
    };
    assert_eq!(
        line(|_| {}).await,
        "policy other is missing: there is no ValidatingWebhookConfiguration clusterwide-other, or it is empty"
    );
    assert_eq!(line(|objects| drop(objects.remove(POLICY))).await, "policy other is missing: its mutating is not true");
    assert_eq!(
        line(|objects| drop(objects.insert(POLICY.to_owned(), json!(403)))).await,
        "policy other is unknown: it does not mutate, and it is not known whether another policy does"
    );
}
