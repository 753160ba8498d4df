//! The crate's tests, against a stand-in for the API server.

#![cfg(test)]

mod collection;
