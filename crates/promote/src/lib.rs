//! Promotes container images by digest.
#![forbid(unsafe_code)]

mod manifest;
mod promotion;
mod registry;
mod tree_files;

pub use manifest::*;
pub use promotion::*;
pub use registry::*;
pub use tree_files::*;
