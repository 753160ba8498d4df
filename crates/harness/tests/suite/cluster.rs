//! Lookups in a cluster, by a kubeconfig. A server on loopback stands in for the API server and gives the same answers.

use local_registry_testkit::repository::{policy_module, root};
use local_registry_testkit::review::patch;
use std::net::TcpListener;

use assert_cmd::Command;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

fn status(code: StatusCode, reason: &str, message: &str) -> impl IntoResponse + use<> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code.as_u16(),
    });
    (code, Json(status))
}

async fn build(Path((namespace, name)): Path<(String, String)>) -> axum::response::Response {
    assert_eq!(namespace, "team");
    match name.as_str() {
        "portable" => Json(json!({
            "apiVersion": "shipwright.io/v1beta1",
            "kind": "Build",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"output": {"image": "team/app", "local": true}, "strategy": {"name": "buildah"}},
        }))
        .into_response(),
        "secret" => {
            let message = r#"builds.shipwright.io "secret" is forbidden: User "jane" cannot get resource "builds" in API group "shipwright.io" in the namespace "team""#;
            status(StatusCode::FORBIDDEN, "Forbidden", message).into_response()
        }
        _ => status(StatusCode::NOT_FOUND, "NotFound", &format!("builds.shipwright.io {name:?} not found"))
            .into_response(),
    }
}

async fn resources() -> Json<Value> {
    let build =
        json!({"name": "builds", "singularName": "build", "namespaced": true, "kind": "Build", "verbs": ["get"]});
    Json(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "shipwright.io/v1beta1", "resources": [build],
    }))
}

/// Serves an API until the test ends, and returns a kubeconfig for it.
fn cluster(api: Router) -> tempfile::NamedTempFile {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            axum_server::from_tcp(listener).unwrap().serve(api.into_make_service()).await.unwrap();
        });
    });
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "elsewhere",
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), kubeconfig.to_string()).unwrap();
    file
}

/// The response about a BuildRun that names a Build.
fn run(kubeconfig: &tempfile::NamedTempFile, build: &str) -> Value {
    let request = json!({
        "uid": "1", "operation": "CREATE", "namespace": "team",
        "kind": {"group": "shipwright.io", "version": "v1beta1", "kind": "BuildRun"},
        "object": {"spec": {"build": {"name": build}}},
    });
    let output = Command::cargo_bin("harness")
        .unwrap()
        .current_dir(root())
        .args(["run", "--request-path", "-", "--settings-path", "examples/settings.yaml"])
        .args(["--context", "x", "--kubeconfig"])
        .arg(kubeconfig.path())
        .arg(policy_module())
        .write_stdin(request.to_string())
        .output()
        .unwrap();
    let review: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    review["response"].clone()
}

#[test]
fn builds_are_read_from_the_cluster() {
    let api = Router::new()
        .route("/apis/shipwright.io/v1beta1", get(resources))
        .route("/apis/shipwright.io/v1beta1/namespaces/{namespace}/builds/{name}", get(build));
    let kubeconfig = cluster(api);

    let found = run(&kubeconfig, "portable");
    let value = json!({"image": "kind-registry:5000/team/app", "insecure": true});
    assert_eq!(patch(&found), Some(json!([{"op": "add", "path": "/spec/output", "value": value}])));

    let missing = run(&kubeconfig, "nowhere");
    let message = "spec.build.name: there is no Build `nowhere` in namespace `team`; create the Build first";
    assert_eq!(missing["status"], json!({"code": 404, "message": message}));

    let forbidden = run(&kubeconfig, "secret");
    let message = r#"spec.build.name: Build `secret` cannot be read: ApiError: builds.shipwright.io "secret" is forbidden: User "jane" cannot get resource "builds" in API group "shipwright.io" in the namespace "team": Forbidden; an operator lets the policy server's service account get builds.shipwright.io in this namespace"#;
    assert_eq!(forbidden["status"], json!({"code": 500, "message": message}));
}

#[test]
fn a_cluster_without_shipwright_is_reported_as_such() {
    let api = Router::new().fallback(|| async { (StatusCode::NOT_FOUND, "404 page not found\n") });
    let response = run(&cluster(api), "portable");
    let message = "spec.build.name: Build `portable` cannot be read: error finding resource shipwright.io/v1beta1 / Build: ApiError: 404 page not found: Failed to parse error data; an operator installs Shipwright with its v1beta1 API";
    assert_eq!(response["status"], json!({"code": 500, "message": message}));
}
