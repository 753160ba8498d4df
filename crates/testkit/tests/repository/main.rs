//! The repository's files agree with the code and with each other.

mod crates;
mod imports;
mod links;
mod manifests;
mod monitoring;
mod packaging;
mod registry;
mod updates;
