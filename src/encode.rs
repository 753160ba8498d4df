//! Encodes answers as JSON.

use serde::Serialize;
use wapc_guest::{CallResult, HandlerResult};

/// Encodes a value as text.
///
/// serde_json fails for maps whose keys are not strings, and there are none. Its own error is dropped, since printing it
/// would bring the texts of every system error into the module.
pub(crate) fn text(value: &impl Serialize) -> HandlerResult<String> {
    serde_json::to_string(value).map_err(|_| "the answer cannot be written as JSON".into())
}

/// Encodes a value as the bytes that the policy server reads.
pub(crate) fn bytes(value: &impl Serialize) -> CallResult {
    text(value).map(String::into_bytes)
}
