//! Runs against stand-ins for a registry and for the API server.

#![cfg(test)]

mod cluster;
mod dates;
mod faults;
mod fixture;
mod kept;
mod meanwhile;
mod registry;
mod requests;
