//! The repository's files agree with the code and with each other.

mod chart;
mod crates;
mod images;
mod imports;
mod links;
mod manifests;
mod monitoring;
mod packaging;
mod threats;
mod updates;
