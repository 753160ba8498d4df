//! One run against a stand-in for the API server that follows a scenario, request by request.

use std::time::Duration;

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use local_registry_cluster::Cluster;
use local_registry_cluster::policies::{ApplyMode, PolicyName};
use local_registry_declaration::AllowedHosts;
use local_registry_sync::{Report, Task, once};
use local_registry_testkit::api_server::{Answer, CONFIG_MAP, POLICY, config_map, send, status};
use serde_json::{Value, json};
use tower_test::mock::{Handle, SendResponse, pair};

/// The API server's side of a scenario.
struct Server(Handle<Request<Body>, Response<Answer>>);

impl Server {
    /// Awaits a request, and returns its body.
    async fn expect(&mut self, method: &str, uri: &str) -> (Value, SendResponse<Response<Answer>>) {
        let (request, response) = self.0.next_request().await.expect("the program makes no more requests");
        assert_eq!(format!("{} {}", request.method(), request.uri()), format!("{method} {uri}"));
        let body = request.into_body().collect_bytes().await.unwrap();
        (serde_json::from_slice(&body).unwrap_or_default(), response)
    }

    async fn answer(&mut self, method: &str, uri: &str, code: u16, answer: Value) -> Value {
        let (body, response) = self.expect(method, uri).await;
        send(response, code, &answer);
        body
    }

    /// Awaits an Event, and refuses it: the program works without the right to create Events.
    async fn event(&mut self, namespace: &str) -> Value {
        let uri = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events?");
        self.answer("POST", &uri, 403, status(403, "Forbidden", "no", &json!({}))).await
    }

    async fn config_map(&mut self, value: &str) {
        self.answer("GET", CONFIG_MAP, 200, config_map(value)).await;
    }
}

fn policy(settings: &Value) -> Value {
    json!({
        "apiVersion": "policies.kubewarden.io/v1", "kind": "ClusterAdmissionPolicy",
        "metadata": {"name": "local"}, "spec": {"module": "m", "settings": settings},
    })
}

fn named(name: &str, mut policy: Value) -> Value {
    policy["metadata"]["name"] = json!(name);
    policy
}

/// Runs the program against a scenario. Both have to end, and no request may be left over.
async fn run(policies: &[&str], mode: ApplyMode, scenario: impl AsyncFnOnce(&mut Server)) -> Report {
    run_with(policies, mode, &[], scenario).await
}

/// The same with `--allow-host`.
async fn run_with(
    policies: &[&str],
    mode: ApplyMode,
    allowed: &[&str],
    scenario: impl AsyncFnOnce(&mut Server),
) -> Report {
    let (service, handle) = pair();
    let mut server = Server(handle);
    let cluster = Cluster::new(Client::new(service, "default"));
    let policies: Vec<PolicyName> = policies.iter().map(|name| name.parse().unwrap()).collect();
    let allowed = AllowedHosts::new(allowed.iter().map(|pattern| pattern.parse().unwrap()).collect());
    let task = Task { policies, mode, allowed };
    let both = async { tokio::join!(once(&cluster, &task), scenario(&mut server)) };
    let (report, ()) = tokio::time::timeout(Duration::from_mins(1), both).await.expect("the scenario does not end");
    drop(cluster);
    let left_over = server.0.next_request().await.map(|(request, _)| request.uri().to_string());
    assert_eq!(left_over, None);
    report
}

fn policies(report: &Report) -> Value {
    serde_json::to_value(&report.policies).unwrap()
}

const DECLARED: &str = "hostFromClusterNetwork: kind-registry:5000\nhelp: https://a.b\n";

#[tokio::test]
async fn settings_are_applied_where_they_differ() {
    let report = run(&["local"], ApplyMode::default(), async |server: &mut Server| {
        server.config_map(DECLARED).await;
        server.answer("GET", POLICY, 200, policy(&json!({"insecure": true}))).await;
        let after = json!({"host": "kind-registry:5000", "help": "https://a.b", "insecure": true});
        let applied =
            server.answer("PATCH", &format!("{POLICY}?&fieldManager=local-registry-sync"), 200, policy(&after)).await;
        let expected = json!({
            "apiVersion": "policies.kubewarden.io/v1", "kind": "ClusterAdmissionPolicy", "metadata": {"name": "local"},
            "spec": {"settings": {"host": "kind-registry:5000", "help": "https://a.b"}},
        });
        assert_eq!(applied, expected, "no field but ours is sent");
        let event = server.event("default").await;
        assert_eq!(event["reason"], "SettingsChanged");
        assert_eq!(
            event["note"],
            "the local registry is kind-registry:5000 (host: nothing -> \"kind-registry:5000\", help: nothing -> \"https://a.b\")"
        );
        assert_eq!(event["regarding"]["kind"], "ClusterAdmissionPolicy");
    })
    .await;
    assert!(report.succeeded());
    assert_eq!(
        report.to_text(),
        "the local registry is kind-registry:5000\nlocal: changed\n   {\n  +  \"help\": \"https://a.b\",\n  +  \"host\": \"kind-registry:5000\",\n     \"insecure\": true\n   }",
    );
}

#[tokio::test]
async fn the_host_for_nodes_is_applied_too() {
    // As in the recipe of KinD. Pods reach nothing there, but nodes do.
    for (declared, host, runtime_host) in [
        ("host: localhost:5001\nhostFromContainerRuntime: kind-registry:5000", None, "kind-registry:5000"),
        ("host: localhost:5001", None, "localhost:5001"),
        ("host: localhost:5001\nhostFromClusterNetwork: reg.io", Some("reg.io"), "localhost:5001"),
    ] {
        let report = run(&["local"], ApplyMode::default(), async |server: &mut Server| {
            server.config_map(declared).await;
            server.answer("GET", POLICY, 200, policy(&json!({}))).await;
            let mut after = json!({"runtimeHost": runtime_host});
            if let Some(host) = host {
                after["host"] = json!(host);
            }
            let uri = format!("{POLICY}?&fieldManager=local-registry-sync");
            let applied = server.answer("PATCH", &uri, 200, policy(&after)).await;
            assert_eq!(applied["spec"]["settings"], after, "{declared}");
            let event = server.event("default").await;
            let note = event["note"].as_str().unwrap();
            assert!(note.ends_with(&format!("runtimeHost: nothing -> \"{runtime_host}\")")), "{note}");
        })
        .await;
        assert!(report.succeeded());
        assert_eq!((report.host.as_deref(), report.runtime_host.as_deref()), (host, Some(runtime_host)));
    }
}

#[tokio::test]
async fn nothing_is_written_where_nothing_changes() {
    let report = run(&["local"], ApplyMode::default(), async |server: &mut Server| {
        server.config_map("hostFromClusterNetwork: reg.io").await;
        server.answer("GET", POLICY, 200, policy(&json!({"host": "reg.io"}))).await;
    })
    .await;
    assert!(report.succeeded());
    assert_eq!(
        report.to_json_lines().unwrap(),
        "{\"state\":\"registry\",\"message\":\"the local registry is reg.io\",\"host\":\"reg.io\"}\n{\"policy\":\"local\",\"result\":\"unchanged\"}",
    );
}

#[tokio::test]
async fn fields_are_given_up_where_nothing_is_declared() {
    let report = run(&["local"], ApplyMode::default(), async |server: &mut Server| {
        let missing = status(
            404,
            "NotFound",
            "configmaps \"local-registry-hosting\" not found",
            &json!({"name": "local-registry-hosting", "kind": "configmaps"}),
        );
        server.answer("GET", CONFIG_MAP, 404, missing).await;
        let mut current = policy(&json!({"host": "reg.io", "insecure": true}));
        current["metadata"]["managedFields"] = json!([
            {"manager": "local-registry-sync", "fieldsV1": {"f:spec": {"f:settings": {"f:host": {}}}}},
        ]);
        server.answer("GET", POLICY, 200, current).await;
        let uri = format!("{POLICY}?&fieldManager=local-registry-sync");
        let applied = server.answer("PATCH", &uri, 200, policy(&json!({"insecure": true}))).await;
        assert_eq!(applied.get("spec"), None);
        server.event("default").await;
    })
    .await;
    assert!(report.succeeded());
    assert_eq!(
        report.message,
        "no local registry is declared: there is no ConfigMap kube-public/local-registry-hosting"
    );
}

#[tokio::test]
async fn a_dry_run_is_the_api_servers_own() {
    let report = run(&["team/local"], ApplyMode { dry_run: true, force: true }, async |server: &mut Server| {
        server.config_map("hostFromClusterNetwork: reg.io").await;
        let path = "/apis/policies.kubewarden.io/v1/namespaces/team/admissionpolicies/local";
        server.answer("GET", path, 200, policy(&json!(null))).await;
        let uri = format!("{path}?&dryRun=All&force=true&fieldManager=local-registry-sync");
        let applied = server.answer("PATCH", &uri, 200, policy(&json!({"host": "reg.io"}))).await;
        assert_eq!(applied["kind"], "AdmissionPolicy");
        assert_eq!(applied["metadata"], json!({"name": "local", "namespace": "team"}));
    })
    .await;
    let expected =
        json!([{"policy": "team/local", "result": "would-change", "before": null, "after": {"host": "reg.io"}}]);
    assert_eq!(policies(&report), expected);
}

#[tokio::test]
async fn an_unusable_config_map_touches_no_policy() {
    let report = run(&["local"], ApplyMode::default(), async |server: &mut Server| {
        server.config_map("hostFromClusterNetwork: localhost:5000").await;
        let event = server.event("kube-public").await;
        assert_eq!((&event["type"], &event["reason"]), (&json!("Warning"), &json!("Unusable")));
        assert_eq!(event["regarding"]["name"], "local-registry-hosting");
    })
    .await;
    assert!(!report.succeeded());
    assert_eq!(policies(&report), json!([]));
    assert_eq!(
        report.message,
        "kube-public/local-registry-hosting: localRegistryHosting.v1, line 1: hostFromClusterNetwork: `localhost:5000` means the build pod itself when used inside a cluster; write the host under which pods reach the registry",
    );
}

#[tokio::test]
async fn a_host_that_is_not_allowed_touches_no_policy() {
    let allowed = ["kind-registry:5000", "*.svc.cluster.local:5000"];
    let report = run_with(&["local"], ApplyMode::default(), &allowed, async |server: &mut Server| {
        server.config_map("hostFromClusterNetwork: svc.evil.io:5000").await;
        let event = server.event("kube-public").await;
        assert_eq!((&event["type"], &event["reason"]), (&json!("Warning"), &json!("Unusable")));
    })
    .await;
    assert!(!report.succeeded());
    assert_eq!(
        report.to_json_lines().unwrap(),
        "{\"state\":\"unusable\",\"message\":\"kube-public/local-registry-hosting: hostFromClusterNetwork: `svc.evil.io:5000` is not allowed; expected `kind-registry:5000` or `*.svc.cluster.local:5000`; declare such a host, or allow this one by --allow-host\"}",
    );
    for host in ["r.a.svc.cluster.local:5000", "kind-registry:5000"] {
        let report = run_with(&["local"], ApplyMode::default(), &allowed, async |server: &mut Server| {
            // A `host` that stands in for the nodes' one and is not allowed takes nothing from pods.
            server.config_map(&format!("hostFromClusterNetwork: {host}\nhost: localhost:5001")).await;
            server.answer("GET", POLICY, 200, policy(&json!({"host": host}))).await;
        })
        .await;
        assert!(report.succeeded(), "{host}");
    }
}

#[tokio::test]
async fn every_foreign_field_is_reported_with_its_managers() {
    let report = run(&["local"], ApplyMode::default(), async |server: &mut Server| {
        server.config_map("host: my-laptop").await;
        let mut theirs = policy(&json!({"host": "reg.io", "help": "https://a.b"}));
        let owned = json!({"f:spec": {"f:settings": {"f:host": {}}}});
        let entry = |manager: &str| json!({"manager": manager, "fieldsV1": owned});
        theirs["metadata"]["managedFields"] = json!([entry("kubectl"), entry("argocd"), entry("kubectl")]);
        server.answer("GET", POLICY, 200, theirs).await;
    })
    .await;
    assert!(report.succeeded());
    assert_eq!(
        policies(&report)[0]["reason"],
        "spec.settings.host: the cluster does not declare it, and it is owned by argocd, kubectl, not by this program; spec.settings.help: the cluster does not declare it, and no field manager owns it; remove them where they were set, if they are no longer right"
    );
}

#[tokio::test]
async fn a_dry_run_publishes_no_events() {
    let dry_run = ApplyMode { dry_run: true, force: false };
    let report = run(&["local"], dry_run, async |server: &mut Server| server.config_map("- no").await).await;
    assert!(!report.succeeded());
}

#[tokio::test]
async fn a_config_map_that_may_not_be_read_touches_no_policy() {
    let report = run(&["local"], ApplyMode::default(), async |server: &mut Server| {
        let message = "configmaps \"local-registry-hosting\" is forbidden: User \"x\" cannot get resource";
        server.answer("GET", CONFIG_MAP, 403, status(403, "Forbidden", message, &json!({}))).await;
    })
    .await;
    assert_eq!(
        report.message,
        "ConfigMap kube-public/local-registry-hosting: get is forbidden: configmaps \"local-registry-hosting\" is forbidden: User \"x\" cannot get resource; grant `get` on configmaps/local-registry-hosting in kube-public",
    );
    assert!(!report.succeeded());
}

#[tokio::test]
async fn one_policy_that_fails_does_not_stop_the_others() {
    let path = |name: &str| format!("/apis/policies.kubewarden.io/v1/clusteradmissionpolicies/{name}");
    let names = ["missing", "no-crd", "forbidden", "broken", "list", "theirs", "local"];
    let report = run(&names, ApplyMode::default(), async |server: &mut Server| {
        server.config_map("help: https://a.b").await;
        let message = "clusteradmissionpolicies.policies.kubewarden.io \"missing\" not found";
        let missing = status(404, "NotFound", message, &json!({"name": "missing", "kind": "clusteradmissionpolicies"}));
        server.answer("GET", &path("missing"), 404, missing).await;
        let unknown = status(404, "NotFound", "the server could not find the requested resource", &json!({}));
        server.answer("GET", &path("no-crd"), 404, unknown).await;
        let forbidden = status(403, "Forbidden", "no", &json!({}));
        server.answer("GET", &path("forbidden"), 403, forbidden).await;
        server.answer("GET", &path("broken"), 500, status(500, "InternalError", "etcd is down", &json!({}))).await;
        server.answer("GET", &path("list"), 200, named("list", policy(&json!([])))).await;
        let mut theirs = policy(&json!({"host": "reg.io", "help": "https://a.b"}));
        theirs["metadata"]["managedFields"] =
            json!([{"manager": "argocd", "fieldsV1": {"f:spec": {"f:settings": {"f:host": {}}}}}]);
        server.answer("GET", &path("theirs"), 200, named("theirs", theirs)).await;
        server.answer("GET", &path("local"), 200, policy(&json!({"help": "https://a.b"}))).await;
    })
    .await;
    let errors: Vec<String> = policies(&report)
        .as_array()
        .unwrap()
        .iter()
        .map(|policy| policy["error"].as_str().unwrap_or("-").to_owned())
        .collect();
    assert_eq!(
        errors,
        [
            "ClusterAdmissionPolicy missing: not found; create it, or correct --policy",
            "ClusterAdmissionPolicy no-crd: the cluster does not know policies.kubewarden.io/v1; install Kubewarden's CRDs",
            "ClusterAdmissionPolicy forbidden: get is forbidden: no; grant `get` on clusteradmissionpolicies.policies.kubewarden.io/forbidden",
            "ClusterAdmissionPolicy broken: the API server answered 500: etcd is down",
            "spec.settings: found an array; expected an object; correct the policy",
            "-",
            "-",
        ]
    );
    assert_eq!(
        policies(&report)[5],
        json!({"policy": "theirs", "result": "left-alone", "reason": "spec.settings.host: the cluster does not declare it, and it is owned by argocd, not by this program; remove it where it was set, if it is no longer right"}),
    );
    assert!(!report.succeeded());
}

#[tokio::test]
async fn what_others_set_is_no_failure_where_nothing_is_declared() {
    let report = run(&["local"], ApplyMode::default(), async |server: &mut Server| {
        server.config_map("help: https://a.b").await;
        server.answer("GET", POLICY, 200, policy(&json!({"host": "reg.io", "help": "https://a.b"}))).await;
    })
    .await;
    assert!(report.succeeded());
    assert!(report.to_text().contains("\nlocal: left alone: spec.settings.host: "), "{}", report.to_text());
}

#[tokio::test]
async fn a_conflict_names_the_other_manager_and_the_field() {
    let report = run(&["local"], ApplyMode::default(), async |server: &mut Server| {
        server.config_map("hostFromClusterNetwork: reg.io").await;
        server.answer("GET", POLICY, 200, policy(&json!({"host": "other.io"}))).await;
        let cause = json!({
            "reason": "FieldManagerConflict", "field": ".spec.settings.host",
            "message": "conflict with \"kubectl\" using policies.kubewarden.io/v1",
        });
        let conflict = status(409, "Conflict", "Apply failed with 1 conflict", &json!({"causes": [cause]}));
        server.answer("PATCH", &format!("{POLICY}?&fieldManager=local-registry-sync"), 409, conflict).await;
    })
    .await;
    assert_eq!(
        policies(&report)[0]["error"],
        "ClusterAdmissionPolicy local: spec.settings.host: conflict with \"kubectl\" using policies.kubewarden.io/v1; let that manager give the field up, or take it over with --force",
    );
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_does_not_answer_is_given_up() {
    let mut unanswered = None;
    let report = run(&["local"], ApplyMode::default(), async |server: &mut Server| {
        let (_, response) = server.expect("GET", CONFIG_MAP).await;
        unanswered = Some(response);
    })
    .await;
    assert!(unanswered.is_some());
    assert_eq!(
        report.message,
        "ConfigMap kube-public/local-registry-hosting: the API server did not answer within 15 seconds"
    );
}
