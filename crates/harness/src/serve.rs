//! The policy as an admission webhook: `POST /validate/{policy}`.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use local_registry_system::until_stopped;
use serde_json::{Value, json};

use crate::engine::Policy;
use crate::review::{AdmissionRequest, AdmissionReview, Terms};
use crate::tls;

/// Room for the old and the new object, each as large as etcd accepts, and for JSON's escapes.
const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// How long running requests may still take after the signal to stop.
const GRACE: Duration = Duration::from_secs(5);

/// A certificate and its key, both PEM.
pub struct Tls {
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The key's file.
    pub key: PathBuf,
}

/// What is served.
pub struct Webhook {
    /// The policy.
    pub policy: Policy,
    /// Its settings.
    pub settings: Value,
    /// What its custom resource would say about its answers.
    pub terms: Terms,
}

/// Serves until SIGTERM or SIGINT. Prints the URL on stdout once it listens.
///
/// # Errors
/// If the address cannot be used, or certificate and key cannot.
pub fn serve(webhook: Webhook, address: SocketAddr, tls: Option<Tls>) -> anyhow::Result<()> {
    tls::install_provider();
    let runtime = tokio::runtime::Runtime::new().context("no threads can be started")?;
    runtime.block_on(serve_async(webhook, address, tls))
}

async fn serve_async(webhook: Webhook, address: SocketAddr, tls: Option<Tls>) -> anyhow::Result<()> {
    let routes = Router::new()
        .route("/validate/{policy}", post(validate))
        .route("/readiness", get(|| async { StatusCode::OK }))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(Arc::new(webhook))
        .into_make_service();
    let tls = match tls {
        Some(Tls { certificate, key }) => {
            let place = || format!("{} and {}: no usable certificate and key", certificate.display(), key.display());
            let tls = RustlsConfig::from_pem_file(&certificate, &key).await.with_context(place)?;
            Some(http_1_only(&tls))
        }
        None => None,
    };
    let listener = TcpListener::bind(address).with_context(|| format!("{address}: cannot listen there"))?;
    listener.set_nonblocking(true)?;
    let handle = Handle::new();
    tokio::spawn(stop_on_signal(handle.clone()));
    let scheme = if tls.is_some() { "https" } else { "http" };
    println!("listening on {scheme}://{}", listener.local_addr()?);
    match tls {
        Some(tls) => axum_server::from_tcp_rustls(listener, tls)?.handle(handle).serve(routes).await?,
        None => axum_server::from_tcp(listener)?.handle(handle).serve(routes).await?,
    }
    tracing::info!("stopped");
    Ok(())
}

/// Offers HTTP/1.1 alone. The API server speaks that with Kubewarden's policy server, which offers no protocol by name, and
/// opens another connection while one is busy.
fn http_1_only(tls: &RustlsConfig) -> RustlsConfig {
    let mut config = (*tls.get_inner()).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    RustlsConfig::from_config(Arc::new(config))
}

async fn stop_on_signal(handle: Handle<SocketAddr>) {
    if let Err(error) = until_stopped(std::future::pending::<()>()).await {
        tracing::error!(%error, "the server can only be killed");
        return;
    }
    tracing::info!("stopping");
    handle.graceful_shutdown(Some(GRACE));
}

async fn validate(State(webhook): State<Arc<Webhook>>, Path(name): Path<String>, body: Bytes) -> Response {
    let request = match AdmissionRequest::parse_review(&body) {
        Ok(request) => request,
        Err(error) => return failure(StatusCode::BAD_REQUEST, &format!("{:#}", anyhow::Error::from(error))),
    };
    let evaluation = tokio::task::spawn_blocking(move || {
        let review = AdmissionReview::evaluate(&webhook.policy, &request, &webhook.settings).unwrap_or_else(|error| {
            tracing::error!(policy = name, %error, "the policy gave no answer");
            AdmissionReview::failure(&request, &error)
        });
        review.under(&webhook.terms, &name)
    });
    match evaluation.await {
        Ok(review) => Json(review).into_response(),
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// An answer in the form of the policy server's own errors.
fn failure(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message, "status": status.as_u16()}))).into_response()
}
