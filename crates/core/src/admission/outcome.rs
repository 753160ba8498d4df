//! A decision in the making.

use std::fmt;

use super::Decision;
use crate::json::Edits;
use crate::message::{Fault, Rejection, Warning};

/// What was found about a request so far.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) edits: Edits,
    pub(crate) faults: Vec<Fault>,
    warnings: Vec<Warning>,
}

impl Outcome {
    /// Adds a fault, unless its field has one already: reading several images may fail at the same field.
    pub(crate) fn add(&mut self, fault: Fault) {
        if !self.faults.iter().any(|known| known.has_path_of(&fault)) {
            self.faults.push(fault);
        }
    }

    pub(crate) fn warn(&mut self, message: &impl fmt::Display) {
        self.warnings.push(Warning::new(message));
    }

    /// Drops faults and warnings.
    pub(crate) fn keep_edits_only(&mut self) {
        self.faults.clear();
        self.warnings.clear();
    }

    pub(crate) fn into_decision(self) -> Decision {
        match Rejection::of(self.faults) {
            Some(rejection) => Decision::Reject(rejection),
            None => Decision::Accept { edits: self.edits, warnings: self.warnings },
        }
    }
}
