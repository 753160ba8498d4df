//! JSON as the host reads it: answers, and what is asked of it.

use serde::Serialize;
use wapc_guest::CallResult;

/// Writes JSON. Only maps with keys that are no strings fail to become JSON, and there are none; the texts
/// of serde_json's errors would come with those of every error of the system.
pub(crate) fn json(value: &impl Serialize) -> CallResult {
    serde_json::to_vec(value).map_err(|_| "the answer cannot be written as JSON".into())
}
