//! What the program tells monitoring: health, readiness and Prometheus metrics over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use crate::report::{Outcome, Report, State};

/// A label and its value.
type Label = [(&'static str, String); 1];

/// The metrics of a running program, all named `local_registry_sync_…`.
pub struct Metrics {
    registry: Registry,
    syncs: Family<Label, Counter>,
    last_success: Gauge<i64, AtomicI64>,
    state: Family<Label, Gauge>,
    host: Family<Label, Gauge>,
    ready: AtomicBool,
}

impl Default for Metrics {
    fn default() -> Self {
        let (syncs, last_success) = (Family::default(), Gauge::default());
        let (state, host): (Family<Label, Gauge>, Family<Label, Gauge>) = (Family::default(), Family::default());
        let mut registry = Registry::with_prefix("local_registry_sync");
        registry.register("syncs", "Policies looked at, by result", Family::clone(&syncs));
        let help = "When every policy was last in line with the ConfigMap, in seconds since 1970";
        registry.register("last_success_timestamp_seconds", help, Gauge::clone(&last_success));
        registry.register("declared_state", "1 for the state that the cluster declares", Family::clone(&state));
        registry.register("host_info", "1 for the registry host that the cluster declares", Family::clone(&host));
        let metrics = Self { registry, syncs, last_success, state, host, ready: AtomicBool::new(false) };
        metrics.set_state(State::Unknown);
        metrics
    }
}

impl Metrics {
    /// Takes a report into account. The program is ready for as long as it knows what the cluster declares.
    pub fn record(&self, report: &Report) {
        for policy in &report.policies {
            let result = match policy.outcome {
                Outcome::Unchanged => "unchanged",
                Outcome::Changed { .. } => "changed",
                Outcome::WouldChange { .. } => "would-change",
                Outcome::LeftAlone { .. } => "left-alone",
                Outcome::Failed { .. } => "failed",
            };
            self.syncs.get_or_create(&[("result", result.to_owned())]).inc();
        }
        if report.succeeded() {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.last_success.set(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        }
        self.set_state(report.state);
        if report.state.is_usable() {
            self.host.clear();
            if let Some(host) = &report.host {
                self.host.get_or_create(&[("host", host.clone())]).set(1);
            }
        }
        self.ready.store(report.state != State::Unknown, Ordering::Relaxed);
    }

    fn set_state(&self, current: State) {
        for state in State::ALL {
            self.state.get_or_create(&[("state", state.name().to_owned())]).set(i64::from(state == current));
        }
    }

    fn text(&self) -> Response {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => {
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                ([(CONTENT_TYPE, kind)], text).into_response()
            }
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }

    fn readiness(&self) -> StatusCode {
        if self.ready.load(Ordering::Relaxed) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
    }
}

/// Serves `/healthz`, `/readyz` and `/metrics`, until the future is dropped.
///
/// # Errors
/// Where the address cannot be had.
pub async fn serve(address: SocketAddr, metrics: Arc<Metrics>) -> std::io::Result<()> {
    let ready = Arc::clone(&metrics);
    let routes = Router::new()
        .route("/healthz", get(|| async { StatusCode::OK }))
        .route("/readyz", get(|| async move { ready.readiness() }))
        .route("/metrics", get(|| async move { metrics.text() }));
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    axum::serve(listener, routes).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::PolicyReport;
    use serde_json::json;

    fn report(state: State, host: Option<&str>, outcomes: Vec<Outcome>) -> Report {
        let policies = outcomes.into_iter().map(|outcome| PolicyReport { policy: "p".to_owned(), outcome }).collect();
        Report { state, message: String::new(), host: host.map(ToOwned::to_owned), policies }
    }

    /// The lines of a metric, sorted.
    fn lines(metrics: &Metrics, name: &str) -> Vec<String> {
        let mut text = String::new();
        encode(&mut text, &metrics.registry).unwrap();
        let start = format!("local_registry_sync_{name}");
        let mut lines: Vec<String> =
            text.lines().filter_map(|line| line.strip_prefix(&start)).map(ToOwned::to_owned).collect();
        lines.sort();
        lines
    }

    #[test]
    fn reports_are_counted() {
        let metrics = Metrics::default();
        assert_eq!(metrics.readiness(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(lines(&metrics, "last_success_timestamp_seconds"), [" 0"]);

        let changed = Outcome::Changed { before: json!({}), after: json!({}) };
        metrics.record(&report(State::Registry, Some("reg.io"), vec![changed, Outcome::Unchanged, Outcome::Unchanged]));
        assert_eq!(metrics.readiness(), StatusCode::OK);
        assert_eq!(lines(&metrics, "syncs_total"), ["{result=\"changed\"} 1", "{result=\"unchanged\"} 2"]);
        assert_eq!(lines(&metrics, "host_info"), ["{host=\"reg.io\"} 1"]);
        assert_ne!(lines(&metrics, "last_success_timestamp_seconds"), [" 0"]);

        metrics.record(&report(State::Unusable, None, vec![]));
        assert_eq!(
            lines(&metrics, "declared_state"),
            [
                "{state=\"absent\"} 0",
                "{state=\"not-for-pods\"} 0",
                "{state=\"registry\"} 0",
                "{state=\"unknown\"} 0",
                "{state=\"unusable\"} 1",
            ]
        );
        assert_eq!(lines(&metrics, "host_info"), ["{host=\"reg.io\"} 1"], "the last good settings stay");

        metrics.last_success.set(7);
        metrics.record(&report(State::Unknown, None, vec![]));
        assert_eq!(metrics.readiness(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(lines(&metrics, "declared_state").contains(&"{state=\"unknown\"} 1".to_owned()));
        assert_eq!(lines(&metrics, "last_success_timestamp_seconds"), [" 7"]);

        metrics.record(&report(State::Absent, None, vec![Outcome::Failed { error: String::new() }]));
        assert_eq!(metrics.readiness(), StatusCode::OK);
        assert_eq!(lines(&metrics, "host_info"), Vec::<String>::new());
    }
}
