//! Structured log lines, which the policy server adds to its own log.

use serde::Serialize;

use crate::encode;

/// The level of a line, in the policy server's words.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Info,
    Warning,
    Error,
}

/// Writes a line. A line that is lost must not fail a request, so there is no error.
///
/// The SDK uses slog here, which makes the module a quarter larger, mostly by formatting numbers of every type.
pub(crate) fn log(level: Level, message: &str, fields: impl Serialize) {
    #[derive(Serialize)]
    struct Line<'a, F> {
        level: Level,
        message: &'a str,
        #[serde(flatten)]
        fields: F,
    }
    if let Ok(line) = encode::bytes(&Line { level, message, fields }) {
        let _ = wapc_guest::host_call("kubewarden", "tracing", "log", &line);
    }
}
