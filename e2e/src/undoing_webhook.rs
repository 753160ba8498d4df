//! A mutating webhook of somebody else's, which the API server calls after the policy's.

use std::net::TcpListener;
use std::sync::Arc;

use axum::routing::post;
use axum::{Json, Router};
use axum_server::tls_rustls::RustlsConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::control_plane::ControlPlane;

/// Applies the same JSONPatch to every BuildRun that is created.
pub struct UndoingWebhook {
    _runtime: Runtime,
}

impl UndoingWebhook {
    /// Starts it, and registers it under a name that sorts behind the policy's.
    #[must_use]
    pub fn start(control_plane: &ControlPlane, patch: &Value) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let certificates = control_plane.certificates();
        let runtime = Runtime::new().unwrap();
        let tls = runtime.block_on(RustlsConfig::from_pem_file(&certificates.certificate, &certificates.key)).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let patch = Arc::new(STANDARD.encode(patch.to_string()));
        let answer = move |Json(review): Json<Value>| async move {
            let response =
                json!({"uid": review["request"]["uid"], "allowed": true, "patchType": "JSONPatch", "patch": *patch});
            Json(json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}))
        };
        let routes = Router::new().route("/", post(answer)).into_make_service();
        let server = runtime.block_on(async { axum_server::from_tcp_rustls(listener, tls) }).unwrap();
        runtime.spawn(server.serve(routes));
        let configuration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "undoing"},
            "webhooks": [{
                "name": "undoing.example.com",
                "clientConfig": {
                    "url": format!("https://127.0.0.1:{port}/"),
                    "caBundle": STANDARD.encode(std::fs::read(&certificates.authority).unwrap()),
                },
                "rules": [{"apiGroups": ["shipwright.io"], "apiVersions": ["v1beta1"], "resources": ["buildruns"],
                           "operations": ["CREATE"]}],
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }],
        });
        control_plane.kubectl().ok_with(&["create", "-f", "-"], &configuration);
        Self { _runtime: runtime }
    }
}
