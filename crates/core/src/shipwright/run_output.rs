//! The output of a BuildRun itself, which takes the place of its Build's.

use super::Case;
use super::fields::{ImageField, OUTPUT, Version};
use super::remark::Remark;
use crate::admission::Outcome;
use crate::json::Node;

/// Whether a run has an output of its own.
pub(super) fn has_output(run: &Node<'_>) -> bool {
    matches!(run.at(OUTPUT.path), Ok(Some(_)))
}

/// Sets `insecure: true` beside an output's image, and warns if Shipwright will drop it.
pub(super) fn set_insecure(case: &Case<'_>, field: &ImageField, outcome: &mut Outcome) {
    outcome.edits.set_true(field.insecure);
    if case.version == Version::V1Alpha1 && field.path == OUTPUT.path {
        outcome.warn(&Remark::InsecureDropped);
    }
}
