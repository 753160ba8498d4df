//! What monitoring asks the agent for.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use local_registry_node::{NameResult, Report, RuntimeReads, State};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::watches::EndedWatches;
use super::{Label, Monitored, now};

/// The metrics of a running agent, all named `local_registry_sync_node_…`, and its last report.
pub(crate) struct NodeMetrics {
    registry: Registry,
    names: Family<Label, Gauge>,
    writes: Counter,
    runtime_reads: Family<Label, Gauge>,
    state: Family<Label, Gauge>,
    last_success: Gauge<i64, AtomicI64>,
    ready: AtomicBool,
    report: Mutex<Option<String>>,
}

impl Default for NodeMetrics {
    fn default() -> Self {
        let (names, runtime_reads, state): (Family<Label, Gauge>, Family<Label, Gauge>, Family<Label, Gauge>) =
            Default::default();
        let (writes, last_success) = (Counter::default(), Gauge::default());
        let mut registry = Registry::with_prefix("local_registry_sync_node");
        registry.register("names", "Declared names, by what the last look did to their files", Family::clone(&names));
        registry.register("writes", "Files that were written", Counter::clone(&writes));
        let help = "1 for whether the container runtime reads the files, 0 for the other answers";
        registry.register("runtime_reads", help, Family::clone(&runtime_reads));
        let help = "1 for the current state of the declaration, 0 for the others";
        registry.register("declared_state", help, Family::clone(&state));
        let help = "When every name was last in line, in seconds since 1970";
        registry.register("last_success_timestamp_seconds", help, Gauge::clone(&last_success));
        let (ready, report) = (AtomicBool::new(false), Mutex::default());
        let metrics = Self { registry, names, writes, runtime_reads, state, last_success, ready, report };
        metrics.set_state(State::Unknown);
        metrics
    }
}

impl NodeMetrics {
    /// The same with a count of watches that ended.
    pub(crate) fn with_ended_watches(mut self, ended: Arc<AtomicU64>) -> Self {
        self.registry.register_collector(Box::new(EndedWatches(ended)));
        self
    }

    /// Counts a report. The agent is ready while it knows what is declared.
    pub(crate) fn record(&self, report: &Report) {
        for result in NameResult::NAMES {
            let count = report.names.iter().filter(|name| name.result.name() == result).count();
            self.names.get_or_create(&[("result", result.to_owned())]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        let written = report.names.iter().filter(|name| matches!(name.result, NameResult::Written { .. }));
        self.writes.inc_by(written.count() as u64);
        for answer in RuntimeReads::ALL {
            let is_it = report.runtime.as_ref().is_some_and(|config| config.reads == answer);
            self.runtime_reads.get_or_create(&[("answer", answer.name().to_owned())]).set(i64::from(is_it));
        }
        self.set_state(report.state);
        if report.succeeded() {
            self.last_success.set(now());
        }
        self.ready.store(report.state != State::Unknown, Ordering::Relaxed);
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = report.to_json().ok();
    }

    fn set_state(&self, current: State) {
        for state in State::ALL {
            self.state.get_or_create(&[("state", state.name().to_owned())]).set(i64::from(state == current));
        }
    }
}

impl Monitored for NodeMetrics {
    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn report(&self) -> Option<String> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
