//! The decision about one request.

use crate::json::Edits;
use crate::message::{Rejection, Warning};

/// What the policy answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The object may pass.
    Accept {
        /// What to change in the object; often nothing.
        edits: Edits,
        /// What to tell the sender.
        warnings: Vec<Warning>,
    },
    /// The object may not pass.
    Reject(Rejection),
}
