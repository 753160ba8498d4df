//! What the tests of several crates share.
//!
//! The tests of this crate are those of the repository's own files: manifests, metadata, and the links between pages.

pub mod case;
pub mod properties;
pub mod reference;
pub mod repository;
pub mod review;
pub mod strategy;
