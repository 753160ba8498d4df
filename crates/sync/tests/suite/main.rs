//! The crate's tests, against a stand-in for the API server.

#![cfg(test)]

mod aliases;
mod crds;
mod once;
mod safeguards;
mod watch;
