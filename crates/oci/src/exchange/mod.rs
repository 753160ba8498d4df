//! What is sent to a registry, what comes back, and whoever carries it.

pub(crate) mod access;
pub(crate) mod allowance;
pub(crate) mod answers;
pub(crate) mod error;
pub(crate) mod refusal;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod secrets;
pub(crate) mod transport;
pub(crate) mod url;
