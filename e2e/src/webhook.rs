//! Webhooks for a test, over TLS, which the API server requires.

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

/// A webhook that ends with the test.
pub(crate) struct Webhook {
    /// The `clientConfig` with which the API server reaches it.
    pub(crate) client_config: Value,
    _runtime: Runtime,
}

impl Webhook {
    /// Starts a webhook. `answer` turns each review into its answer.
    pub(crate) fn start(control_plane: &ControlPlane, answer: impl Fn(Value) -> Value + Send + Sync + 'static) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let certificates = control_plane.certificates();
        let runtime = Runtime::new().unwrap();
        let tls = runtime.block_on(RustlsConfig::from_pem_file(&certificates.certificate, &certificates.key)).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = Arc::new(answer);
        let handler = move |Json(review): Json<Value>| async move { Json(answer(review)) };
        let routes = Router::new().route("/", post(handler)).into_make_service();
        let server = runtime.block_on(async { axum_server::from_tcp_rustls(listener, tls) }).unwrap();
        runtime.spawn(server.serve(routes));
        let authority = STANDARD.encode(std::fs::read(&certificates.authority).unwrap());
        let client_config = json!({"url": format!("https://127.0.0.1:{port}/"), "caBundle": authority});
        Self { client_config, _runtime: runtime }
    }
}
