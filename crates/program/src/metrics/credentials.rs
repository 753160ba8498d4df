//! The metrics of the program that keeps credentials, all named `local_registry_sync_credentials_…`.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use local_registry_tenants::credentials::{CredentialResult, CredentialsReport, CredentialsState};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use super::watches::EndedWatches;
use super::{Label, Monitored};

/// When the credential ends that ends first. Without a credential, there is no sample.
#[derive(Debug, Clone, Default)]
struct FirstEnd(Arc<Mutex<Option<i64>>>);

impl FirstEnd {
    fn get(&self) -> MutexGuard<'_, Option<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for FirstEnd {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(end) = *self.get() else { return Ok(()) };
        let gauge = ConstGauge::new(end);
        let help = "When the credential ends that ends first, in seconds since 1970; no sample without a credential";
        gauge.encode(encoder.encode_descriptor("expires_timestamp_seconds", help, None, gauge.metric_type())?)
    }
}

/// How the credentials of namespaces are, and when the first of them ends.
pub(crate) struct CredentialMetrics {
    registry: Registry,
    namespaces: Family<Label, Gauge>,
    expires: FirstEnd,
    ready: AtomicBool,
}

impl Default for CredentialMetrics {
    fn default() -> Self {
        let (namespaces, expires): (Family<Label, Gauge>, FirstEnd) = Default::default();
        let mut registry = Registry::with_prefix("local_registry_sync_credentials");
        let help = "Namespaces that ask for a credential, by how it is; no sample while that is not known";
        registry.register("namespaces", help, Family::clone(&namespaces));
        registry.register_collector(Box::new(expires.clone()));
        Self { registry, namespaces, expires, ready: AtomicBool::new(false) }
    }
}

impl CredentialMetrics {
    /// The same with a count of watches that ended.
    pub(crate) fn with_ended_watches(mut self, ended: Arc<AtomicU64>) -> Self {
        self.registry.register_collector(Box::new(EndedWatches(ended)));
        self
    }

    /// Counts a report. The program is ready while it knows the declaration and the namespaces. What is unknown has no sample, but for
    /// when the first credential ends: that stays true.
    pub(crate) fn record(&self, report: &CredentialsReport) {
        let state = &report.credentials;
        self.ready.store(!matches!(state, CredentialsState::Unknown { .. }), Ordering::Relaxed);
        if matches!(state, CredentialsState::Unusable { .. } | CredentialsState::Unknown { .. }) {
            self.namespaces.clear();
            return;
        }
        for (state, count) in [
            ("there", report.there()),
            ("failed", report.count(has_failed)),
            ("left-alone", report.count(|result| matches!(result, CredentialResult::LeftAlone { .. }))),
            ("missing", report.missing),
        ] {
            let gauge = self.namespaces.get_or_create(&[("state", state.to_owned())]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        let mut end = self.expires.get();
        *end = None;
        if let Some(expires) = report.expires {
            *end = Some(expires.as_second());
        }
    }
}

/// Whether a namespace has no credential that works, though it should. One that is being deleted and cannot go is none.
fn has_failed(result: &CredentialResult) -> bool {
    matches!(result, CredentialResult::Failed { .. } | CredentialResult::Ending { .. })
}

impl Monitored for CredentialMetrics {
    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    fn registry(&self) -> &Registry {
        &self.registry
    }
}

#[cfg(test)]
mod tests {
    use local_registry_tenants::credentials::CredentialReport;
    use prometheus_client::encoding::text::encode;

    use super::*;

    /// The samples, sorted, without what all begin with.
    fn samples(metrics: &CredentialMetrics) -> Vec<String> {
        let mut text = String::new();
        encode(&mut text, &metrics.registry).unwrap();
        let start = "local_registry_sync_credentials_";
        let mut samples: Vec<String> =
            text.lines().filter_map(|line| line.strip_prefix(start)).map(ToOwned::to_owned).collect();
        samples.sort();
        samples
    }

    #[test]
    fn what_is_not_known_has_no_sample() {
        let metrics = CredentialMetrics::default();
        assert!(!metrics.is_ready() && samples(&metrics).is_empty());
        let mut report = CredentialsReport::new(CredentialsState::For { host: "h".to_owned() });
        (report.unchanged, report.missing) = (2, 5);
        report.expires = Some("1970-01-01T00:00:09Z".parse().unwrap());
        for result in
            [CredentialResult::Renewed, CredentialResult::Failed { error: String::new() }, CredentialResult::Deleted]
        {
            report.namespaces.push(CredentialReport { namespace: "team".to_owned(), result });
        }
        metrics.record(&report);
        let expected = [
            "expires_timestamp_seconds 9",
            "namespaces{state=\"failed\"} 1",
            "namespaces{state=\"left-alone\"} 0",
            "namespaces{state=\"missing\"} 5",
            "namespaces{state=\"there\"} 3",
        ];
        assert_eq!(samples(&metrics), expected);
        assert!(metrics.is_ready());

        metrics.record(&CredentialsReport::new(CredentialsState::Unusable { error: String::new() }));
        assert_eq!(samples(&metrics), expected[..1], "the tokens end all the same");
        assert!(metrics.is_ready());
        metrics.record(&CredentialsReport::new(CredentialsState::Unknown { error: String::new() }));
        assert!(!metrics.is_ready());
        metrics.record(&CredentialsReport::new(CredentialsState::None { reason: String::new() }));
        assert!(metrics.is_ready() && !samples(&metrics).contains(&expected[0].to_owned()));
    }
}
