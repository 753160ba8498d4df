//! The field masks of a lookup.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Drops the fields that no mask names, as the policy server does. It always keeps type and metadata. A mask reaches
/// into arrays, and keeps everything below the field that it names.
pub(super) fn prune(object: &mut Value, masks: &BTreeSet<String>) {
    let paths: Vec<Vec<&str>> = masks.iter().map(|mask| mask.split('.').collect()).collect();
    let paths: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    if let Value::Object(fields) = object {
        let kept = ["apiVersion", "kind", "metadata"].map(|key| (key, fields.remove(key)));
        prune_fields(fields, &paths);
        fields.extend(kept.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    }
}

fn prune_fields(fields: &mut Map<String, Value>, paths: &[&[&str]]) {
    fields.retain(|key, value| {
        let below: Vec<&[&str]> = paths
            .iter()
            .filter_map(|path| path.split_first())
            .filter_map(|(first, rest)| (first == key).then_some(rest))
            .collect();
        if !below.iter().any(|path| path.is_empty()) {
            prune_value(value, &below);
        }
        !below.is_empty()
    });
}

fn prune_value(value: &mut Value, paths: &[&[&str]]) {
    match value {
        Value::Object(fields) => prune_fields(fields, paths),
        Value::Array(elements) => elements.iter_mut().for_each(|element| prune_value(element, paths)),
        _ => {}
    }
}
