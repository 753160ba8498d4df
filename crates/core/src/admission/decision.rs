//! The decision about one request, made and in the making.

use std::fmt;

use crate::json::Edits;
use crate::message::{Fault, Rejection, Warning};

/// What the policy answers. [`decide`](crate::decide) shows one.
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

/// What was found about a request so far.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) edits: Edits,
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
}

impl Outcome {
    /// Adds a fault, unless it repeats a known one.
    pub(crate) fn fault(&mut self, fault: Fault) {
        if !self.faults.iter().any(|known| fault.repeats(known)) {
            self.faults.push(fault);
        }
    }

    /// How many faults there are.
    pub(crate) fn fault_count(&self) -> usize {
        self.faults.len()
    }

    pub(crate) fn warn(&mut self, message: &dyn fmt::Display) {
        self.warnings.push(Warning::new(message));
    }

    /// If there is any fault, lets the object pass untouched. An edit of one with faults would be news to a second call about
    /// its result, which would find the faults.
    pub(crate) fn forgive(&mut self) {
        if !self.faults.is_empty() {
            *self = Self::default();
        }
    }

    /// Drops faults and warnings.
    pub(crate) fn keep_edits_only(&mut self) {
        self.faults.clear();
        self.warnings.clear();
    }

    pub(crate) fn into_decision(self) -> Decision {
        match Rejection::from_faults(self.faults) {
            Some(rejection) => Decision::Reject(rejection),
            None => Decision::Accept { edits: self.edits, warnings: self.warnings },
        }
    }
}
