//! `check` against a stand-in for the API server that answers by path.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use sync::{Cluster, Place, PolicyName, Probe, check};
use tower_test::mock::pair;

const CONFIG_MAP: &str = "/api/v1/namespaces/kube-public/configmaps/local-registry-hosting";
const POLICY: &str = "/apis/policies.kubewarden.io/v1/clusteradmissionpolicies/local";
const SERVER: &str = "/apis/policies.kubewarden.io/v1/policyservers/default";
const BUILDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/builds.shipwright.io";
const RUNS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/buildruns.shipwright.io";
const REVIEW: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/// A cluster in which every link holds: its objects by path. What is not here is not found.
fn cluster() -> BTreeMap<&'static str, Value> {
    let image = json!({"properties": {"image": {"type": "string"}, "local": {"type": "boolean"}}});
    let spec = json!({"properties": {"output": image, "source": {"properties": {"ociArtifact": image}}}});
    let crd = |spec: Value| {
        let schema = json!({"openAPIV3Schema": {"properties": {"spec": spec}}});
        json!({"metadata": {"name": "x"}, "spec": {"versions": [{"name": "v1beta1", "served": true, "schema": schema}, {"name": "v1alpha1", "served": false}]}})
    };
    let run = json!({"properties": {"output": image, "build": {"properties": {"spec": spec}}}});
    BTreeMap::from([
        (
            CONFIG_MAP,
            json!({"metadata": {"name": "x"}, "data": {"localRegistryHosting.v1": "hostFromClusterNetwork: kind-registry:5000"}}),
        ),
        (
            POLICY,
            json!({
                "metadata": {"name": "local"},
                "spec": {
                    "mutating": true, "settings": {"host": "kind-registry:5000", "insecure": true},
                    "contextAwareResources": [{"apiVersion": "shipwright.io/v1beta1", "kind": "Build"}],
                },
                "status": {"policyStatus": "active"},
            }),
        ),
        (SERVER, json!({"metadata": {"name": "default"}, "spec": {"serviceAccountName": "policy-server"}})),
        (BUILDS, crd(spec)),
        (RUNS, crd(run)),
        (REVIEW, json!({"spec": {}, "status": {"allowed": true}})),
    ])
}

fn plain_http() -> Probe {
    Probe { addresses: Ok(vec!["10.0.0.5".parse().unwrap()]), https: Err("not TLS".to_owned()), http: Some(Ok(200)) }
}

fn unreachable() -> Probe {
    Probe {
        addresses: Err("unknown".to_owned()),
        https: Err("refused".to_owned()),
        http: Some(Err("refused".to_owned())),
    }
}

async fn run(objects: BTreeMap<&'static str, Value>, policy: &str, place: Place, probe: Probe) -> Vec<String> {
    let (service, mut handle) = pair::<Request<Body>, Response<Body>>();
    let serving = async move {
        while let Some((request, response)) = handle.next_request().await {
            let missing = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 404, "reason": "NotFound", "message": "not found", "details": {"name": "local"}});
            let (code, answer) = match objects.get(request.uri().path()) {
                Some(Value::Number(code)) => {
                    let code = u16::try_from(code.as_u64().unwrap()).unwrap();
                    (
                        code,
                        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": "Forbidden", "message": "no"}),
                    )
                }
                Some(object) => (200, object.clone()),
                None => (404, missing),
            };
            response.send_response(
                Response::builder().status(code).body(Body::from(answer.to_string().into_bytes())).unwrap(),
            );
        }
    };
    let cluster = Cluster::new(Client::new(service, "default"));
    let policies: [PolicyName; 1] = [policy.parse().unwrap()];
    let checking = async move {
        check(&cluster, &policies, "kubewarden", place, async |host: &str| {
            assert_eq!(host, "kind-registry:5000");
            probe
        })
        .await
    };
    let both = async { tokio::join!(checking, serving).0 };
    let links = tokio::time::timeout(Duration::from_secs(60), both).await.expect("the check does not end");
    links.iter().map(ToString::to_string).collect()
}

/// The lines that do not start with ✓.
async fn trouble(change: impl FnOnce(&mut BTreeMap<&'static str, Value>), place: Place, probe: Probe) -> Vec<String> {
    let mut objects = cluster();
    change(&mut objects);
    run(objects, "local", place, probe).await.into_iter().filter(|line| !line.starts_with('✓')).collect()
}

#[tokio::test]
async fn a_chain_that_holds() {
    assert_eq!(
        run(cluster(), "local", Place::Inside, plain_http()).await,
        [
            "✓ ConfigMap: the local registry is kind-registry:5000",
            "✓ host: kind-registry:5000 is what image parsers read back as a registry",
            "✓ name: kind-registry:5000 is 10.0.0.5",
            "✓ registry: http://kind-registry:5000/v2/ answers 200, and the settings say insecure: true",
            "✓ CRD builds.shipwright.io: it has the field local beside every image",
            "✓ CRD buildruns.shipwright.io: it has the field local beside every image",
            "✓ policy local: it is active",
            "✓ policy local settings: they say what the cluster declares",
            "✓ policy local rights: service account kubewarden/policy-server may get Builds",
        ]
    );
}

#[tokio::test]
async fn nothing_is_declared() {
    let lines = trouble(|objects| drop(objects.remove(CONFIG_MAP)), Place::Inside, plain_http()).await;
    assert_eq!(
        lines[0],
        "✗ ConfigMap: no local registry is declared: there is no ConfigMap kube-public/local-registry-hosting; create it with the host under which pods reach the registry, as KEP-1755 says"
    );
    let broken = json!({"metadata": {"name": "x"}, "data": {"localRegistryHosting.v1": "[]"}});
    let lines = trouble(|objects| drop(objects.insert(CONFIG_MAP, broken)), Place::Inside, plain_http()).await;
    assert_eq!(
        lines,
        [
            "✗ ConfigMap: kube-public/local-registry-hosting: localRegistryHosting.v1: the value is a list; expected fields, as in `hostFromClusterNetwork: \"kind-registry:5000\"`"
        ]
    );
    let forbidden = trouble(|objects| drop(objects.insert(CONFIG_MAP, json!(403))), Place::Inside, plain_http()).await;
    assert_eq!(forbidden.len(), 1);
    assert!(forbidden[0].starts_with("✗ ConfigMap: ConfigMap kube-public/local-registry-hosting: get is forbidden"));
}

#[tokio::test]
async fn a_registry_that_is_not_reached_is_a_fault_only_inside() {
    assert_eq!(
        trouble(|_| {}, Place::Inside, unreachable()).await,
        [
            "✗ name: kind-registry:5000 is not resolved: unknown; give the registry that name in the cluster's DNS, or declare another",
            "✗ registry: kind-registry:5000 does not answer: HTTPS: refused; HTTP: refused; start the registry, or declare where it is",
        ]
    );
    let elsewhere = "this only means something inside the cluster: run the check in a pod";
    assert_eq!(
        trouble(|_| {}, Place::Outside, unreachable()).await,
        [
            format!("! name: kind-registry:5000 is not resolved: unknown; {elsewhere}"),
            format!("! registry: kind-registry:5000 does not answer: HTTPS: refused; HTTP: refused; {elsewhere}"),
        ]
    );
}

#[tokio::test]
async fn a_registry_and_settings_that_do_not_fit() {
    let secure = |objects: &mut BTreeMap<&'static str, Value>| {
        objects.get_mut(POLICY).unwrap()["spec"]["settings"] = json!({"host": "kind-registry:5000"});
    };
    assert_eq!(
        trouble(secure, Place::Inside, plain_http()).await,
        [
            "✗ registry: http://kind-registry:5000/v2/ answers 200, but HTTPS does not (not TLS); set insecure: true in the policy's settings, or give the registry a certificate"
        ]
    );
    let https = |status| Probe { addresses: plain_http().addresses, https: Ok(status), http: None };
    assert_eq!(
        trouble(|_| {}, Place::Inside, https(401)).await,
        [
            "! registry: https://kind-registry:5000/v2/ answers 401; insecure: true is not needed in the policy's settings"
        ]
    );
    assert_eq!(trouble(secure, Place::Inside, https(401)).await, Vec::<String>::new());
    assert_eq!(
        trouble(secure, Place::Inside, https(404)).await,
        ["! registry: https://kind-registry:5000/v2/ answers 404; expected 200 or 401: see what else answers there"]
    );
}

#[tokio::test]
async fn crds_without_the_field() {
    let lines = trouble(
        |objects| {
            objects.get_mut(BUILDS).unwrap()["spec"]["versions"][0]["schema"] = json!({});
            objects.remove(RUNS);
        },
        Place::Inside,
        plain_http(),
    )
    .await;
    assert_eq!(
        lines,
        [
            "! CRD builds.shipwright.io: it lacks the field local in v1beta1 spec.output, v1beta1 spec.source.ociArtifact; use the annotations local-registry-hosting/output, /source and /builder, or patch the CRD (Shipwright's operator puts its own back at every upgrade)",
            "✗ CRD buildruns.shipwright.io: there is none; install Shipwright",
        ]
    );
}

#[tokio::test]
async fn policies_that_do_not_work() {
    assert_eq!(
        trouble(|objects| drop(objects.remove(POLICY)), Place::Inside, plain_http()).await.last().unwrap(),
        "✗ policy local: ClusterAdmissionPolicy local: there is none of that name; create it, or correct --policy"
    );
    let broken = json!({"metadata": {"name": "local"}, "spec": {"settings": {"host": "old:5000", "insecure": true}}, "status": {"policyStatus": "pending"}});
    assert_eq!(
        trouble(|objects| drop(objects.insert(POLICY, broken)), Place::Inside, plain_http()).await,
        [
            "✗ policy local: its status is pending, not active; see what the Kubewarden controller says of it: kubectl describe clusteradmissionpolicy local",
            "✗ policy local mutating: spec.mutating is not true; set spec.mutating: true, or nothing is injected",
            "✗ policy local settings: they are {\"host\":\"old:5000\",\"insecure\":true}, and the cluster declares {\"host\":\"kind-registry:5000\"}; run local-registry-sync for this policy",
            "✗ policy local rights: spec.contextAwareResources does not list Builds; add apiVersion shipwright.io/v1beta1, kind Build to spec.contextAwareResources",
        ]
    );
}

#[tokio::test]
async fn a_policy_server_without_the_right_to_read_builds() {
    let denied = json!({"spec": {}, "status": {"allowed": false}});
    assert_eq!(
        trouble(|objects| drop(objects.insert(REVIEW, denied)), Place::Inside, plain_http()).await,
        [
            "✗ policy local rights: service account kubewarden/policy-server of policy server default may not get Builds; bind it to a ClusterRole with the verb get on builds.shipwright.io"
        ]
    );
    assert_eq!(
        trouble(|objects| drop(objects.insert(REVIEW, json!(403))), Place::Inside, plain_http()).await,
        [
            "! policy local rights: SubjectAccessReview: create is forbidden: no; grant `create` on subjectaccessreviews.authorization.k8s.io"
        ]
    );
}

#[tokio::test]
async fn a_namespaced_policy_looks_no_builds_up() {
    let path = "/apis/policies.kubewarden.io/v1/namespaces/team/admissionpolicies/local";
    let mut objects = cluster();
    let mut policy = objects.remove(POLICY).unwrap();
    objects.insert(path, policy.clone());
    let lines = run(objects.clone(), "team/local", Place::Inside, plain_http()).await;
    assert_eq!(
        lines.last().unwrap(),
        "✗ policy team/local rights: a namespaced policy may not look Builds up; set lookupBuilds: false in its settings, or use a ClusterAdmissionPolicy"
    );
    policy["spec"]["settings"]["lookupBuilds"] = json!(false);
    objects.insert(path, policy);
    let lines = run(objects, "team/local", Place::Inside, plain_http()).await;
    assert_eq!(lines.last().unwrap(), "✓ policy team/local rights: it looks no Builds up (lookupBuilds: false)");
}
