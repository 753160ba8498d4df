//! What monitoring asks for over HTTP: health, readiness and Prometheus metrics.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::server::{self, Limits};

/// The kubelet asks here, too, and waits for a second. So nobody else may have all the places.
const LIMITS: Limits = Limits {
    connections: 64,
    of_an_address: 4,
    beginning: Duration::from_secs(1),
    time: Duration::from_secs(5),
    headers: 8 * 1024,
};

/// What a running program tells monitoring.
pub(crate) trait Monitored: Send + Sync + 'static {
    /// Whether it can do its work.
    fn is_ready(&self) -> bool;
    /// Its metrics.
    fn registry(&self) -> &Registry;
    /// Its last report as JSON, if it serves one.
    fn report(&self) -> Option<String> {
        None
    }
}

/// Serves `/healthz`, `/readyz`, `/metrics`, and `/report` if there is one, until the future is dropped.
///
/// # Errors
/// If the address cannot be listened on.
pub(crate) async fn serve<M: Monitored>(address: SocketAddr, monitored: Arc<M>) -> std::io::Result<Infallible> {
    let (ready, report) = (Arc::clone(&monitored), Arc::clone(&monitored));
    let routes = Router::new()
        .route("/healthz", get(|| async { StatusCode::OK }))
        .route("/readyz", get(|| async move { readiness(&*ready) }))
        .route("/report", get(|| async move { json(report.report()) }))
        .route("/metrics", get(|| async move { text(monitored.registry()) }));
    server::serve(address, routes, LIMITS, None).await
}

fn readiness(monitored: &impl Monitored) -> StatusCode {
    if monitored.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn json(report: Option<String>) -> Response {
    match report {
        Some(report) => ([(CONTENT_TYPE, "application/json")], report).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn text(registry: &Registry) -> Response {
    let mut text = String::new();
    match encode(&mut text, registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
