//! The chart's values, their schema and their table agree.

use std::fmt::Write as _;

use local_registry_testkit::repository::{read, root, text};
use serde_json::Value;

const README: &str = "charts/local-registry/README.md";
const BEGIN: &str = "<!-- values: begin -->\n";
const END: &str = "<!-- values: end -->\n";

/// Every value that has a comment which begins with `# --`: its key, and the comment. In values.yaml, these comments stand above
/// the key that they are about.
fn documented() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut comment = String::new();
    for line in text("charts/local-registry/values.yaml").lines() {
        let (depth, line) = ((line.len() - line.trim_start().len()) / 2, line.trim());
        if let Some(text) = line.strip_prefix("# -- ") {
            text.clone_into(&mut comment);
        } else if let Some(text) = line.strip_prefix("# ") {
            comment = if comment.is_empty() { comment } else { format!("{comment} {text}") };
        } else if let Some((key, _)) = line.split_once(':').filter(|_| !line.starts_with('-')) {
            path.truncate(depth);
            path.push(key.to_owned());
            if !comment.is_empty() {
                found.push((path.join("."), std::mem::take(&mut comment)));
            }
        }
    }
    found
}

/// The value that a key leads to.
fn value<'a>(values: &'a Value, key: &str) -> &'a Value {
    key.split('.').fold(values, |value, key| &value[key])
}

/// Every key of the values that leads to no further keys.
fn leaves(value: &Value, key: &str, found: &mut Vec<String>) {
    match value.as_object() {
        Some(members) if !members.is_empty() => {
            for (name, value) in members {
                leaves(value, &format!("{key}{}{name}", if key.is_empty() { "" } else { "." }), found);
            }
        }
        _ => found.push(key.to_owned()),
    }
}

/// `BLESS=1` writes it.
#[test]
fn the_readme_has_a_table_of_all_values() {
    let values = read("charts/local-registry/values.yaml");
    let mut table = "| key | default | meaning |\n| --- | --- | --- |\n".to_owned();
    for (key, meaning) in documented() {
        writeln!(table, "| `{key}` | `{}` | {} |", value(&values, &key), meaning.replace('|', "\\|")).unwrap();
    }
    let readme = text(README);
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(root().join(README), format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        for (written, row) in written.lines().zip(table.lines()) {
            assert_eq!(written, row, "{README}: `make reference` writes the table");
        }
        assert_eq!(written.lines().count(), table.lines().count(), "{README}: `make reference` writes the table");
    }
}

#[test]
fn every_value_is_documented() {
    let mut keys = Vec::new();
    leaves(&read("charts/local-registry/values.yaml"), "", &mut keys);
    let documented: Vec<String> = documented().into_iter().map(|(key, _)| key).collect();
    for key in keys {
        let is_documented =
            documented.iter().any(|documented| key == *documented || key.starts_with(&format!("{documented}.")));
        assert!(is_documented, "{key}: no comment that begins with `# --` is above it");
    }
}

/// Asserts that a schema allows exactly the keys of these values.
fn assert_closed(schema: &Value, values: &Value, key: &str) {
    let Some(members) = values.as_object().filter(|members| !members.is_empty()) else { return };
    assert_eq!(schema["additionalProperties"], false, "values.schema.json: {key}: other keys are allowed");
    let properties =
        schema["properties"].as_object().unwrap_or_else(|| panic!("values.schema.json: {key}: no properties"));
    // Helm itself gives every chart `global`.
    for name in properties.keys().filter(|name| *name != "global") {
        assert!(members.contains_key(name), "values.schema.json: {key}.{name}: not in values.yaml");
    }
    for (name, value) in members {
        let schema = properties.get(name).unwrap_or_else(|| panic!("values.schema.json: {key}.{name}: missing"));
        assert_closed(schema, value, &format!("{key}.{name}"));
    }
}

#[test]
fn the_schema_has_every_key_and_no_other() {
    let schema: Value = serde_json::from_str(&text("charts/local-registry/values.schema.json")).unwrap();
    assert_closed(&schema, &read("charts/local-registry/values.yaml"), "");
}

/// What is left as it is has the chart's default, and what is chosen is a value that the chart takes.
#[test]
fn the_form_of_rancher_asks_for_values_of_the_chart() {
    let schema: Value = serde_json::from_str(&text("charts/local-registry/values.schema.json")).unwrap();
    let values = read("charts/local-registry/values.yaml");
    let questions = read("charts/local-registry/questions.yaml");
    let questions = questions["questions"].as_array().unwrap();
    let asked: Vec<&str> = questions.iter().map(|question| question["variable"].as_str().unwrap()).collect();
    for question in questions {
        let key = question["variable"].as_str().unwrap();
        assert_eq!(question["default"], *value(&values, key), "{key}: another default than in values.yaml");
        let schema = key.split('.').fold(&schema, |schema, key| &schema["properties"][key]);
        assert_eq!(question["options"], schema["enum"], "{key}: other options than in values.schema.json");
        for condition in question["show_if"].as_str().into_iter().flat_map(|conditions| conditions.split("&&")) {
            let (other, _) = condition.split_once('=').unwrap();
            assert!(asked.contains(&other), "{key}: {other} is not asked for");
        }
        for text in ["label", "group"] {
            assert!(question[text].is_string(), "{key}: no {text}");
        }
    }
}
