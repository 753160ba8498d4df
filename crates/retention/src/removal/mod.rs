//! Deletes what a decision says, after a last look.

pub(crate) mod fault;
pub(crate) mod pass;
pub(crate) mod refusal;
