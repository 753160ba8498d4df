//! What monitoring asks the sync job for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use local_registry_cluster::crds::crd_name;
use local_registry_cluster::guards::Guard;
use local_registry_core::shipwright::Kind;
use local_registry_sync::aliases::{AliasResult, AliasesReport, AliasesState};
use local_registry_sync::crds::{CrdReport, CrdResult, FieldState};
use local_registry_sync::{Report, Safeguard, Standing, State};
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
    fields: Family<CrdLabels, Gauge>,
    crd_patches: Family<Label, Counter>,
    aliases: Family<Label, Gauge>,
    policy_served: Family<Label, Gauge>,
    guard_enforced: Family<Label, Gauge>,
    ready: AtomicBool,
}

/// A CRD, and what is known of its field `local`.
type CrdLabels = [(&'static str, &'static str); 2];

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
        let (policy_served, guard_enforced): (Family<Label, Gauge>, Family<Label, Gauge>) = Default::default();
        let help = "1 if the API server asks the policy and heeds it, 0 if not, and no sample while that is not known";
        registry.register("policy_served", help, Family::clone(&policy_served));
        let help = "1 if the guard is bound and denies, 0 if not, and no sample while that is not known";
        registry.register("guard_enforced", help, Family::clone(&guard_enforced));
        let (fields, crd_patches, aliases) = (Family::default(), Family::default(), Family::default());
        let ready = AtomicBool::new(false);
        let metrics = Self {
            registry,
            syncs,
            last_success,
            state,
            host,
            fields,
            crd_patches,
            aliases,
            policy_served,
            guard_enforced,
            ready,
        };
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

    /// The same with what becomes of CRDs.
    pub(crate) fn with_crds(mut self) -> Self {
        let help = "1 for what is known of the field local in a CRD, 0 for the other states";
        self.registry.register("crd_field", help, Family::clone(&self.fields));
        let help = "Patches that added the field local to a CRD";
        self.registry.register("crd_patches", help, Family::clone(&self.crd_patches));
        for kind in Kind::ALL {
            self.set_field(crd_name(kind), FieldState::Unknown);
            self.crd_patches.get_or_create(&[("crd", crd_name(kind).to_owned())]).inc_by(0);
        }
        self
    }

    /// The same with what becomes of aliases.
    pub(crate) fn with_aliases(mut self) -> Self {
        let help = "Namespaces by what became of the alias in them, and no sample while that is not known";
        self.registry.register("aliases", help, Family::clone(&self.aliases));
        self
    }

    /// Sets what became of aliases. What is unknown has no sample.
    pub(crate) fn record_aliases(&self, report: &AliasesReport) {
        if matches!(report.aliases, AliasesState::Unusable { .. } | AliasesState::Unknown { .. }) {
            self.aliases.clear();
            return;
        }
        for (state, count) in [
            ("there", report.there()),
            ("failed", report.count(|result| matches!(result, AliasResult::Failed { .. }))),
            ("left-alone", report.count(|result| matches!(result, AliasResult::LeftAlone))),
            ("missing", report.missing),
        ] {
            let gauge = self.aliases.get_or_create(&[("state", state.to_owned())]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Counts a report about a CRD. The program is ready whatever it says: policies do not wait for CRDs.
    pub(crate) fn record_crd(&self, report: &CrdReport) {
        if matches!(report.result, CrdResult::Added { .. }) {
            self.crd_patches.get_or_create(&[("crd", report.crd.to_owned())]).inc();
        }
        self.set_field(report.crd, report.state());
    }

    fn set_field(&self, crd: &'static str, current: FieldState) {
        for state in FieldState::ALL {
            let labels = [("crd", crd), ("state", state.name())];
            self.fields.get_or_create(&labels).set(i64::from(state == current));
        }
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

    /// Sets what was found of the safeguards. What is unknown has no sample: the last one would be a guess.
    pub(crate) fn set_safeguards(&self, found: &BTreeMap<Safeguard, Standing>) {
        for (safeguard, standing) in found {
            let (family, label) = match safeguard {
                Safeguard::Policy(name) => (&self.policy_served, [("policy", name.to_string())]),
                Safeguard::Guard(guard) => (&self.guard_enforced, [("guard", guard.to_string())]),
            };
            let holds = match standing {
                Standing::Holds => 1,
                Standing::Missing(_) => 0,
                Standing::Unknown(_) => {
                    family.remove(&label);
                    continue;
                }
            };
            family.get_or_create(&label).set(holds);
        }
        // No policy needs the others any more.
        for guard in Guard::ALL.into_iter().filter(|guard| !found.contains_key(&Safeguard::Guard(*guard))) {
            self.guard_enforced.remove(&[("guard", guard.to_string())]);
        }
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
    use local_registry_sync::aliases::AliasReport;
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

    #[test]
    fn the_field_of_each_crd_is_in_one_state() {
        assert_eq!(lines(&SyncMetrics::default(), "crd_field"), Vec::<String>::new());
        let metrics = SyncMetrics::default().with_crds();
        let ones = || {
            let lines = lines(&metrics, "crd_field").into_iter();
            lines.filter(|line| line.ends_with(" 1")).collect::<Vec<_>>()
        };
        let unknown = r#"{crd="buildruns.shipwright.io",state="unknown"} 1"#;
        assert_eq!(ones(), [unknown, r#"{crd="builds.shipwright.io",state="unknown"} 1"#]);

        metrics.record_crd(&CrdReport::new(Kind::Build, CrdResult::Added { fields: vec![] }));
        assert_eq!(ones(), [unknown, r#"{crd="builds.shipwright.io",state="there"} 1"#]);
        metrics.record_crd(&CrdReport::new(Kind::Build, CrdResult::OtherShape { error: String::new() }));
        assert_eq!(ones(), [unknown, r#"{crd="builds.shipwright.io",state="other-shape"} 1"#]);
        assert_eq!(
            lines(&metrics, "crd_patches_total"),
            [r#"{crd="buildruns.shipwright.io"} 0"#, r#"{crd="builds.shipwright.io"} 1"#]
        );
        assert!(!metrics.is_ready());
    }

    #[test]
    fn aliases_that_are_not_known_have_no_sample() {
        let metrics = SyncMetrics::default().with_aliases();
        let mut report = AliasesReport::new(AliasesState::Lead { to: "h".to_owned() });
        report.unchanged = 2;
        for result in [AliasResult::Applied, AliasResult::LeftAlone, AliasResult::Deleted] {
            report.namespaces.push(AliasReport { namespace: "team".to_owned(), result });
        }
        report.missing = 5;
        metrics.record_aliases(&report);
        let counts =
            ["{state=\"failed\"} 0", "{state=\"left-alone\"} 1", "{state=\"missing\"} 5", "{state=\"there\"} 3"];
        assert_eq!(lines(&metrics, "aliases"), counts);
        metrics.record_aliases(&AliasesReport::new(AliasesState::Unknown { error: String::new() }));
        assert_eq!(lines(&metrics, "aliases"), Vec::<String>::new());
    }

    #[test]
    fn a_safeguard_that_is_not_known_has_no_sample() {
        let metrics = SyncMetrics::default();
        let policy = || Safeguard::Policy("local-registry".parse().unwrap());
        let guard = || Safeguard::Guard(Guard::Images);
        let unknown = || Standing::Unknown("forbidden".to_owned());
        let missing = || Standing::Missing("there is none".to_owned());
        let (served, enforced) =
            ("policy_served{policy=\"local-registry\"}", "guard_enforced{guard=\"local-registry-guard\"}");
        let check = |policy_stands: Standing, guard_stands: Standing, expected: [&[&str]; 2]| {
            metrics.set_safeguards(&BTreeMap::from([(policy(), policy_stands), (guard(), guard_stands)]));
            assert_eq!([lines(&metrics, served), lines(&metrics, enforced)], expected);
        };
        check(Standing::Holds, unknown(), [&[" 1"], &[]]);
        check(missing(), Standing::Holds, [&[" 0"], &[" 1"]]);
        check(unknown(), missing(), [&[], &[" 0"]]);
        check(Standing::Holds, Standing::Holds, [&[" 1"], &[" 1"]]);
        metrics.set_safeguards(&BTreeMap::from([(policy(), Standing::Holds)]));
        assert_eq!(lines(&metrics, enforced), [""; 0], "no policy needs the guard any more");
    }
}
