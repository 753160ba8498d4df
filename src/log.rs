//! Structured log lines, which the host writes beside its own.

use serde::Serialize;

use crate::json::json;

/// How much a line matters, in the host's words.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Info,
    Warning,
    Error,
}

/// Hands a line to the host. One that is lost must not fail a request, so there is no error.
///
/// The SDK's way here is slog; with it come numbers of every kind, and their formatting makes the
/// module a quarter larger.
pub(crate) fn log(level: Level, message: &str, fields: impl Serialize) {
    #[derive(Serialize)]
    struct Line<'a, F> {
        level: Level,
        message: &'a str,
        #[serde(flatten)]
        fields: F,
    }
    if let Ok(line) = json(&Line { level, message, fields }) {
        let _ = wapc_guest::host_call("kubewarden", "tracing", "log", &line);
    }
}
