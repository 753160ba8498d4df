//! The guest's log lines.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Writes a line of the guest to the log of this program.
pub(super) fn log(payload: &[u8]) {
    #[derive(Deserialize)]
    struct Line {
        level: String,
        message: Option<String>,
        #[serde(flatten)]
        fields: Map<String, Value>,
    }
    let Ok(Line { level, message, fields }) = serde_json::from_slice(payload) else {
        tracing::error!(target: "policy_log", "the policy logged a line that cannot be read");
        return;
    };
    let message = message.unwrap_or_default();
    let data = Value::Object(fields).to_string();
    match level.as_str() {
        "error" => tracing::error!(target: "policy_log", data, "{message}"),
        "warning" => tracing::warn!(target: "policy_log", data, "{message}"),
        "debug" | "trace" => tracing::debug!(target: "policy_log", data, "{message}"),
        _ => tracing::info!(target: "policy_log", data, "{message}"),
    }
}
