//! What alerts and dashboards ask Prometheus for, and whether it finds the pods that they are about.
//!
//! This reads as much of a query as its selectors need. Whether a query is valid is for Prometheus to say
//! (`make check-monitoring`).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::repository::{read, text};

/// The folders with alerts and a dashboard: of the agents, of the registry, and of the sync job.
pub const FOLDERS: [&str; 3] = [
    "charts/local-registry/files/monitoring/nodes",
    "charts/local-registry/files/monitoring/registry",
    "charts/local-registry/files/monitoring/sync",
];

/// Words of the language that are no metrics, where no `(` follows them at once.
const WORDS: [&str; 12] =
    ["and", "by", "count", "group", "group_left", "ignoring", "max", "min", "on", "or", "sum", "unless"];

/// A metric that a query asks for, and the values of labels that it asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    /// The metric's name.
    pub metric: String,
    /// Labels, and the values that count. A label has several if the query has a pattern.
    pub labels: Vec<(String, Vec<String>)>,
}

/// The alerts of a folder. Its file is what a PrometheusRule has in its `spec`.
pub fn alerts(folder: &str) -> Vec<Value> {
    let file = read(&format!("{folder}/alerts.yaml"));
    let groups = file["groups"].as_array();
    groups.unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// Every query of a folder's alerts and of its dashboard.
pub fn queries(folder: &str) -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&text(&format!("{folder}/dashboard.json"))).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap().clone());
    let queries = alerts(folder).into_iter().chain(targets).map(|asking| asking["expr"].as_str().unwrap().to_owned());
    queries.collect()
}

/// What a query asks for.
pub fn selectors(query: &str) -> BTreeSet<Selector> {
    let mut found = BTreeSet::new();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len()).max(first.len_utf8());
        let (word, after) = rest.split_at(length);
        rest = match (word, after.trim_start()) {
            // A time such as `5m`, or a variable of Grafana's.
            ("[", after) => after.split_once(']').unwrap().1,
            // These have the names of labels.
            ("by" | "on" | "ignoring" | "group_left", labels) if labels.starts_with('(') => {
                labels.split_once(')').unwrap().1
            }
            (_, after) if after.starts_with('(') || WORDS.contains(&word) => after,
            (_, after) if first.is_ascii_alphabetic() => {
                let (labels, after) = match after.strip_prefix('{') {
                    Some(labels) => labels.split_once('}').unwrap(),
                    None => ("", after),
                };
                found.insert(Selector { metric: word.to_owned(), labels: matchers(labels) });
                after
            }
            (_, after) => after,
        };
    }
    found
}

/// Reads `a="b", c=~"d|e"`. No value of ours has a comma or a quote in it.
fn matchers(labels: &str) -> Vec<(String, Vec<String>)> {
    let matchers = labels.split(',').map(str::trim).filter(|matcher| !matcher.is_empty());
    matchers
        .map(|matcher| {
            let (label, value) = matcher.split_once('=').unwrap();
            let value = value.trim_start_matches('~').trim_matches('"');
            (label.to_owned(), value.split('|').map(str::to_owned).collect())
        })
        .collect()
}

/// The values of all fields with this name in a value.
fn fields<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, value)| if key == name { vec![value] } else { fields(value, name) })
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| fields(item, name)).collect(),
        _ => Vec::new(),
    }
}

/// Asserts that a `PodMonitor` finds the pods of a workload and their ports, and that a `NetworkPolicy` of these opens each of them.
#[track_caller]
pub fn assert_scraped(monitor: &Value, workload: &Value, policies: &[Value]) {
    assert_eq!(monitor["metadata"]["namespace"], workload["metadata"]["namespace"]);
    let labels = &workload["spec"]["template"]["metadata"]["labels"];
    let selected = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
    assert!(!selected.is_empty(), "{monitor}: all pods");
    for (label, value) in selected {
        assert_eq!(labels[label], *value, "{label}");
    }
    let ports: Vec<&Value> = fields(workload, "ports").into_iter().filter_map(Value::as_array).flatten().collect();
    let ingress = policies.iter().flat_map(|policy| fields(&policy["spec"]["ingress"], "port"));
    let opened: BTreeSet<String> = ingress.map(Value::to_string).collect();
    let scraped = monitor["spec"]["podMetricsEndpoints"].as_array().unwrap();
    assert!(!scraped.is_empty());
    for endpoint in scraped {
        let port = ports.iter().find(|port| port["name"] == endpoint["port"]);
        let port = port.unwrap_or_else(|| panic!("{endpoint}: no such port"));
        let is_open = ["name", "containerPort"].iter().any(|key| opened.contains(&port[key].to_string()));
        assert!(is_open, "{port}: no NetworkPolicy lets Prometheus in: {opened:?}");
    }
}

/// Asserts that queries about targets name the job and the namespace of one of these `PodMonitors`, each with its workload. Returns
/// how many queries there are.
#[track_caller]
pub fn assert_jobs_named(scraped: &[(&Value, &Value)], queries: &[String]) -> usize {
    let named = scraped.iter().map(|(monitor, workload)| {
        let label = monitor["spec"]["jobLabel"].as_str().unwrap();
        let job = workload["spec"]["template"]["metadata"]["labels"][label].as_str().unwrap();
        let namespace = monitor["metadata"]["namespace"].as_str().unwrap();
        [("job", job), ("namespace", namespace)].map(|(label, value)| (label.to_owned(), vec![value.to_owned()]))
    });
    let named: Vec<_> = named.collect();
    let mut asked = 0;
    for query in queries {
        for Selector { metric, labels } in selectors(query) {
            // Others have metrics of these names, too.
            if metric == "up" || metric.starts_with("registry_") {
                let is_named = named.iter().any(|expected| expected.iter().all(|label| labels.contains(label)));
                assert!(is_named, "{metric}: none of {named:?} is asked for: {query}");
                asked += 1;
            }
        }
    }
    asked
}
