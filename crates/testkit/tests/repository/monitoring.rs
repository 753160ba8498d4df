//! Alerts and dashboards ask for metrics that somebody serves, and lead to the docs.

use std::collections::BTreeSet;

use local_registry_testkit::monitoring::{FOLDERS, Selector, alerts, queries, selectors};
use local_registry_testkit::repository::{read, text};
use serde_json::Value;

/// What the programs of this project serve. Their own tests know the rest (`program/src/metrics/mod.rs`).
const OURS: &str = "local_registry_sync_";

/// The metrics of others, by who serves them, and where that is written.
const OTHERS: [(&str, &[&str]); 5] = [
    ("Prometheus, of each target", &["up"]),
    // registry/handlers/app.go and registry/storage/driver/base/base.go of distribution, and namespace.go of docker/go-metrics.
    (
        "distribution",
        &[
            "registry_http_in_flight_requests",
            "registry_http_request_duration_seconds_bucket",
            "registry_http_requests_total",
            "registry_storage_action_seconds_bucket",
        ],
    ),
    // pkg/kubelet/metrics/collectors/volume_stats.go of Kubernetes.
    (
        "the kubelet",
        &[
            "kubelet_volume_stats_available_bytes",
            "kubelet_volume_stats_capacity_bytes",
            "kubelet_volume_stats_inodes",
            "kubelet_volume_stats_inodes_free",
        ],
    ),
    // docs/metrics/workload/daemonset-metrics.md of kube-state-metrics.
    (
        "kube-state-metrics",
        &[
            "kube_cronjob_status_last_schedule_time",
            "kube_cronjob_status_last_successful_time",
            "kube_daemonset_status_number_unavailable",
        ],
    ),
    // pkg/metrics of cert-manager.
    (
        "cert-manager",
        &["certmanager_certificate_expiration_timestamp_seconds", "certmanager_certificate_renewal_timestamp_seconds"],
    ),
];

#[test]
fn every_metric_is_served_by_somebody() {
    let known: BTreeSet<&str> = OTHERS.iter().flat_map(|(_, metrics)| *metrics).copied().collect();
    let mut asked = BTreeSet::new();
    for query in FOLDERS.into_iter().flat_map(queries) {
        for Selector { metric, .. } in selectors(&query) {
            assert!(metric.starts_with(OURS) || known.contains(&*metric), "{metric}: nobody serves it: {query}");
            asked.insert(metric);
        }
    }
    for metric in known {
        assert!(asked.contains(metric), "{metric}: nothing asks for it");
    }
    assert!(asked.iter().filter(|metric| metric.starts_with(OURS)).count() > 9, "{asked:?}");
}

#[test]
fn selectors_are_found_in_a_query() {
    let query = r#"time() - max by (namespace, node) (max_over_time(a_total{x=~"b|c", y="d"}[5m])) > 900
        unless on (node) last_over_time(e[$__rate_interval]) == 1 or count(f) or sum by (le) (g:h{}) / 2"#;
    let selector = |metric: &str, labels: &[(&str, &[&str])]| Selector {
        metric: metric.to_owned(),
        labels: labels
            .iter()
            .map(|(label, values)| ((*label).to_owned(), values.iter().map(|value| (*value).to_owned()).collect()))
            .collect(),
    };
    let expected = [
        selector("a_total", &[("x", &["b", "c"]), ("y", &["d"])]),
        selector("e", &[]),
        selector("f", &[]),
        selector("g:h", &[]),
    ];
    assert_eq!(selectors(query), BTreeSet::from(expected));
}

#[test]
fn every_alert_leads_to_its_section_and_every_section_has_an_alert() {
    let source = read("policy-metadata/metadata.yml")["annotations"]["io.kubewarden.policy.source"].clone();
    let source = source.as_str().unwrap();
    let docs = text("docs/alerts.md");
    let sections: BTreeSet<&str> = docs.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let mut names = BTreeSet::new();
    for alert in FOLDERS.into_iter().flat_map(alerts) {
        let name = alert["alert"].as_str().unwrap().to_owned();
        let page = format!("{source}/blob/main/docs/alerts.md#{}", name.to_lowercase());
        assert_eq!(alert["annotations"]["runbook_url"], page.as_str());
        for annotation in ["summary", "description"] {
            let text = alert["annotations"][annotation].as_str().unwrap_or_default();
            assert!(text.ends_with('.'), "{name}: {annotation}: `{text}` is not a sentence");
        }
        assert!(alert["for"].is_string(), "{name}: fires at once");
        assert!(["critical", "warning"].map(Value::from).contains(&alert["labels"]["severity"]), "{name}");
        assert!(names.insert(name), "{alert}: there are two");
    }
    assert_eq!(names.iter().map(String::as_str).collect::<BTreeSet<_>>(), sections);
    for section in docs.split("\n### ").skip(1) {
        for part in ["What it means", "What is at stake", "How to see it", "How to fix it", "When it ends"] {
            assert!(section.contains(&format!("\n**{part}.**")), "{part}: missing in {section}");
        }
    }
}
