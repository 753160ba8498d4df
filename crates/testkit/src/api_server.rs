//! What every stand-in for the API server sends.

use http::Response;
use kube::client::Body;
use serde_json::{Value, json};
use tower_test::mock::SendResponse;

/// The path of the ConfigMap.
pub const CONFIG_MAP: &str = "/api/v1/namespaces/kube-public/configmaps/local-registry-hosting";
/// The path of the ClusterAdmissionPolicy `local`.
pub const POLICY: &str = "/apis/policies.kubewarden.io/v1/clusteradmissionpolicies/local";

/// The object that comes with an error.
pub fn status(code: u16, reason: &str, message: &str, details: &Value) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": message, "details": details,
    })
}

/// The ConfigMap with this value under the key of version 1.
pub fn config_map(value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "local-registry-hosting", "namespace": "kube-public", "resourceVersion": "2"},
        "data": {"localRegistryHosting.v1": value},
    })
}

/// Answers a request.
pub fn send(response: SendResponse<Response<Body>>, code: u16, body: &impl ToString) {
    let body = Body::from(body.to_string().into_bytes());
    response
        .send_response(Response::builder().status(code).header("content-type", "application/json").body(body).unwrap());
}
