//! What monitoring asks for: health, readiness and metrics, of the programs that keep running.

mod credentials;
mod monitored;
mod node;
mod sync;
mod tokens;
mod watches;

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use self::credentials::CredentialMetrics;
pub(crate) use self::monitored::{Monitored, serve};
pub(crate) use self::node::NodeMetrics;
pub(crate) use self::sync::SyncMetrics;
pub(crate) use self::tokens::TokenMetrics;

/// A label of a metric, and its value.
type Label = [(&'static str, String); 1];

/// The time, as metrics have it: in seconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use local_registry_cluster::guards::Guard;
    use local_registry_sync::aliases::{AliasesReport, AliasesState};
    use local_registry_sync::{PolicyReport, PolicyResult, Report, Safeguard, Standing, State};
    use local_registry_tenants::credentials::{CredentialsReport, CredentialsState};
    use local_registry_tenants::{Right, Scope, TokenEvent};
    use local_registry_testkit::monitoring::{FOLDERS, Selector, queries, selectors};
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;
    use serde_json::json;

    use super::{CredentialMetrics, Monitored, NodeMetrics, SyncMetrics, TokenMetrics};

    /// What Prometheus adds to each sample of a pod, as the chart tells it.
    const OF_TARGETS: [&str; 2] = ["job", "namespace"];

    /// The values of the labels of each metric that a program serves.
    type Served = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

    fn add(served: &mut Served, registry: &Registry) {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        for sample in text.lines().filter(|line| !line.starts_with('#')) {
            let found = selectors(sample);
            let Selector { metric, labels } = found.first().unwrap();
            let known = served.entry(metric.clone()).or_default();
            for (label, values) in labels {
                known.entry(label.clone()).or_default().extend(values.iter().cloned());
            }
        }
    }

    /// The metrics of all programs, with a sample of each.
    fn served() -> Served {
        let sync = SyncMetrics::default().with_ended_watches(Arc::default()).with_crds().with_aliases();
        let policies = vec![PolicyReport { policy: "local-registry".to_owned(), result: PolicyResult::Unchanged }];
        sync.record(&Report {
            state: State::Registry,
            message: String::new(),
            warnings: Vec::new(),
            host: Some("reg.io".to_owned()),
            runtime_host: None,
            policies,
        });
        sync.record_aliases(&AliasesReport::new(AliasesState::Lead {
            to: "registry.infra.svc.cluster.local".to_owned(),
        }));
        let safeguards = [Safeguard::Policy("local-registry".parse().unwrap()), Safeguard::Guard(Guard::Images)];
        sync.set_safeguards(&safeguards.into_iter().map(|safeguard| (safeguard, Standing::Holds)).collect());

        let node = NodeMetrics::default().with_ended_watches(Arc::default());
        node.record(&serde_json::from_value(json!({"state": "declared"})).unwrap());

        let tokens = TokenMetrics::default();
        let scope = Scope::parse("repository:team/app:push").unwrap();
        Right::of(&scope).for_each(|right| tokens.record(&TokenEvent::Missing(right)));

        let credentials = CredentialMetrics::default().with_ended_watches(Arc::default());
        let mut report = CredentialsReport::new(CredentialsState::For { host: "reg.io".to_owned() });
        report.expires = Some("2026-11-30T00:00:00Z".parse().unwrap());
        credentials.record(&report);

        let mut served = Served::new();
        add(&mut served, credentials.registry());
        add(&mut served, tokens.registry());
        add(&mut served, sync.registry());
        add(&mut served, node.registry());
        served
    }

    #[test]
    fn alerts_and_dashboards_ask_for_what_is_served() {
        let served = served();
        let mut asked = BTreeSet::new();
        for query in FOLDERS.into_iter().flat_map(queries) {
            for Selector { metric, labels } in selectors(&query) {
                if !metric.starts_with("local_registry_sync_") {
                    continue;
                }
                let Some(known) = served.get(&metric) else { panic!("{metric}: it is not among {:?}", served.keys()) };
                for (label, values) in labels.into_iter().filter(|(label, _)| !OF_TARGETS.contains(&label.as_str())) {
                    for value in values {
                        let is_known = known.get(&label).is_some_and(|known| known.contains(&value));
                        assert!(is_known, "{metric}: {label}=\"{value}\" is not among {known:?}");
                    }
                }
                asked.insert(metric);
            }
        }
        // Whatever is served is of use to somebody.
        assert_eq!(asked.iter().collect::<Vec<_>>(), served.keys().collect::<Vec<_>>());
    }
}
