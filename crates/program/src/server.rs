//! What monitoring asks for over HTTP: health, readiness and Prometheus metrics.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// How many connections are served at a time, how long each may take, and how long its headers may be.
const CONNECTIONS: usize = 16;
const LIMIT: Duration = Duration::from_secs(10);
const BUFFER: usize = 16 * 1024;
/// How long nothing is accepted after an error, such as too many open files.
const PAUSE: Duration = Duration::from_secs(1);

/// What a running program tells monitoring.
pub(crate) trait Monitored: Send + Sync + 'static {
    /// Whether it knows what is declared.
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
pub(crate) async fn serve<M: Monitored>(address: SocketAddr, monitored: Arc<M>) -> std::io::Result<()> {
    let (ready, report) = (Arc::clone(&monitored), Arc::clone(&monitored));
    let routes = Router::new()
        .route("/healthz", get(|| async { StatusCode::OK }))
        .route("/readyz", get(|| async move { readiness(&*ready) }))
        .route("/report", get(|| async move { json(report.report()) }))
        .route("/metrics", get(|| async move { text(monitored.registry()) }));
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // Whoever reaches the port may open connections, and the pod has little memory.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                sleep(PAUSE).await;
                continue;
            }
        };
        let mut connection = hyper::server::conn::http1::Builder::new();
        connection.keep_alive(false).max_buf_size(BUFFER);
        let service = TowerToHyperService::new(routes.clone());
        tokio::spawn(async move {
            // What a client does wrong is its own affair.
            let _ = timeout(LIMIT, connection.serve_connection(TokioIo::new(stream), service)).await;
            drop(place);
        });
    }
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
