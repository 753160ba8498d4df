//! What monitoring asks the sync job for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use local_registry_sync::{Report, State};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::watches::EndedWatches;
use super::{Label, Monitored, now};

/// The metrics of a running sync job, all named `local_registry_sync_…`.
pub(crate) struct SyncMetrics {
    registry: Registry,
    syncs: Family<Label, Counter>,
    last_success: Gauge<i64, AtomicI64>,
    state: Family<Label, Gauge>,
    host: Family<Label, Gauge>,
    ready: AtomicBool,
}

impl Default for SyncMetrics {
    fn default() -> Self {
        let (syncs, last_success) = (Family::default(), Gauge::default());
        let (state, host): (Family<Label, Gauge>, Family<Label, Gauge>) = (Family::default(), Family::default());
        let mut registry = Registry::with_prefix("local_registry_sync");
        registry.register("syncs", "Policies that were read, by what was done", Family::clone(&syncs));
        let help = "When a run last succeeded for every policy, in seconds since 1970";
        registry.register("last_success_timestamp_seconds", help, Gauge::clone(&last_success));
        registry.register(
            "declared_state",
            "1 for the current state of the declaration, 0 for the others",
            Family::clone(&state),
        );
        registry.register("host_info", "1 for the registry host that was last declared", Family::clone(&host));
        let metrics = Self { registry, syncs, last_success, state, host, ready: AtomicBool::new(false) };
        metrics.set_state(State::Unknown);
        metrics
    }
}

impl SyncMetrics {
    /// The same with a count of watches that ended.
    pub(crate) fn with_ended_watches(mut self, ended: Arc<AtomicU64>) -> Self {
        self.registry.register_collector(Box::new(EndedWatches(ended)));
        self
    }

    /// Counts a report. The program is ready while the ConfigMap can be read.
    pub(crate) fn record(&self, report: &Report) {
        for policy in &report.policies {
            self.syncs.get_or_create(&[("result", policy.result.name().to_owned())]).inc();
        }
        if report.succeeded() {
            self.last_success.set(now());
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
}

impl Monitored for SyncMetrics {
    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    fn registry(&self) -> &Registry {
        &self.registry
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use local_registry_sync::{PolicyReport, PolicyResult};
    use prometheus_client::encoding::text::encode;
    use serde_json::json;

    fn report(state: State, host: Option<&str>, results: Vec<PolicyResult>) -> Report {
        let policies = results.into_iter().map(|result| PolicyReport { policy: "p".to_owned(), result }).collect();
        Report {
            state,
            message: String::new(),
            warnings: Vec::new(),
            host: host.map(ToOwned::to_owned),
            runtime_host: None,
            policies,
        }
    }

    /// The lines of a metric, sorted.
    fn lines(metrics: &SyncMetrics, name: &str) -> Vec<String> {
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
        let metrics = SyncMetrics::default();
        assert!(!metrics.is_ready());
        assert_eq!(lines(&metrics, "last_success_timestamp_seconds"), [" 0"]);

        let changed = PolicyResult::Changed { before: json!({}), after: json!({}) };
        metrics.record(&report(
            State::Registry,
            Some("reg.io"),
            vec![changed, PolicyResult::Unchanged, PolicyResult::Unchanged],
        ));
        assert!(metrics.is_ready());
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
        assert!(!metrics.is_ready());
        assert!(lines(&metrics, "declared_state").contains(&"{state=\"unknown\"} 1".to_owned()));
        assert_eq!(lines(&metrics, "last_success_timestamp_seconds"), [" 7"]);

        metrics.record(&report(State::Absent, None, vec![PolicyResult::Failed { error: String::new() }]));
        assert!(metrics.is_ready());
        assert_eq!(lines(&metrics, "host_info"), Vec::<String>::new());
    }
}
