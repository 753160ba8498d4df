//! Reads what a registry has, as far as the decision needs it.

pub(crate) mod document;
pub(crate) mod error;
pub(crate) mod reader;
pub(crate) mod repositories;
