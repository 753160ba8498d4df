//! The crate's tests, against a stand-in for the API server.

#![cfg(test)]

mod check;
mod kit;
mod malformed_policy;
mod pull;
mod safeguards;
