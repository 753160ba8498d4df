//! The decision about one repository: what stays, and why; what goes, and in which order. No I/O, and no clock.

pub(crate) mod attachment;
pub(crate) mod closure;
pub(crate) mod date;
pub(crate) mod decide;
pub(crate) mod fate;
pub(crate) mod inventory;
#[cfg(test)]
mod laws;
pub(crate) mod mentions;
pub(crate) mod order;
pub(crate) mod ranking;
pub(crate) mod rules;
