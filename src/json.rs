//! JSON as the host reads it: answers, and what is asked of it.

use serde::Serialize;
use wapc_guest::{CallResult, HandlerResult};

/// Writes JSON as text. Only maps with keys that are no strings fail to become JSON, and there are none; the
/// texts of serde_json's errors would come with those of every error of the system.
pub(crate) fn text(value: &impl Serialize) -> HandlerResult<String> {
    serde_json::to_string(value).map_err(|_| "the answer cannot be written as JSON".into())
}

/// Writes JSON as the bytes that the host takes.
pub(crate) fn json(value: &impl Serialize) -> CallResult {
    text(value).map(String::into_bytes)
}
