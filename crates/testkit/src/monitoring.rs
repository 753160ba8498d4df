//! What `deploy/monitoring` asks Prometheus for.
//!
//! This reads as much of a query as its selectors need. Whether a query is valid is for Prometheus to say
//! (`make check-monitoring`).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::repository::{read, text};

/// The folders of `deploy/monitoring`.
pub const FOLDERS: [&str; 3] = ["nodes", "registry", "sync"];

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

/// The alerts of a folder of `deploy/monitoring`.
pub fn alerts(folder: &str) -> Vec<Value> {
    let groups = read(&format!("deploy/monitoring/{folder}/alerts.yaml"))["spec"]["groups"].clone();
    groups.as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// Every query of a folder's alerts and of its dashboard.
pub fn queries(folder: &str) -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&text(&format!("deploy/monitoring/{folder}/dashboard.json"))).unwrap();
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
