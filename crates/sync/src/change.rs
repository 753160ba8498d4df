//! The difference that a run makes to a policy's settings, in words.

use serde_json::Value;
use similar::TextDiff;

use crate::settings::OWNED_FIELDS;

/// The owned fields that differ, as `host: nothing -> "reg.io"`.
pub(super) fn summary(before: &Value, after: &Value) -> String {
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "nothing".to_owned(),
        Some(value) => value.to_string(),
    };
    let changed: Vec<String> = OWNED_FIELDS
        .into_iter()
        .map(|field| (field, text(before.get(field)), text(after.get(field))))
        .filter(|(_, before, after)| before != after)
        .map(|(field, before, after)| format!("{field}: {before} -> {after}"))
        .collect();
    changed.join(", ")
}

/// All settings line by line; `-` and `+` mark the lines that differ.
pub(super) fn diff(before: &Value, after: &Value) -> String {
    let (before, after) = (format!("{before:#}\n"), format!("{after:#}\n"));
    let diff = TextDiff::from_lines(&before, &after);
    let lines: Vec<String> =
        diff.iter_all_changes().map(|change| format!("  {}{}", change.tag(), change.value().trim_end())).collect();
    lines.join("\n")
}
