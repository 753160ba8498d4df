//! The crate's tests, against a stand-in for the API server.

#![cfg(test)]

mod api_server;
mod credentials;
mod keys;
mod laws;
mod requests;
