//! The chart, by both releases of Helm.

mod adopted;
mod gitops;
mod monitoring;
mod parts;
mod refused;
mod release;
mod sets;
mod uninstalled;
mod whole;

use e2e::Chart;
use serde_json::Value;

/// The objects of these values.
fn objects(values: &Value) -> Vec<Value> {
    Chart::alone("4").objects(values)
}

/// The one object of this kind and name.
#[track_caller]
fn object<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    let first = found.next().unwrap_or_else(|| panic!("{kind} {name}: not rendered"));
    assert!(found.next().is_none(), "{kind} {name}: rendered twice");
    first
}

/// The item of a list with this name.
#[track_caller]
fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let items = list.as_array().unwrap_or_else(|| panic!("{list}: no list"));
    items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("{name}: not in {list}"))
}

/// The value of a container's variable.
fn variable(container: &Value, name: &str) -> Option<String> {
    let variables = container["env"].as_array()?.iter();
    let value = variables.filter(|found| found["name"] == name).find_map(|found| found["value"].as_str());
    value.map(str::to_owned)
}
