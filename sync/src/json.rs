//! Fields of JSON objects.

use serde_json::Value;

static NULL: Value = Value::Null;

/// The value at a path of field names; null where there is none.
pub(crate) fn at<'v>(value: &'v Value, path: &[&str]) -> &'v Value {
    path.iter().fold(value, |value, name| value.get(name).unwrap_or(&NULL))
}
