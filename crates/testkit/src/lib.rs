//! What the tests of several crates share.
//!
//! This crate's own tests check the repository's files: manifests, metadata, and the links between pages.

#[cfg(feature = "api-server")]
pub mod api_server;
pub mod case;
pub mod monitoring;
pub mod properties;
pub mod reference;
pub mod repository;
pub mod review;
pub mod strategy;
