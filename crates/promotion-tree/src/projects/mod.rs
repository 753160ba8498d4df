//! The projects of a tree: what they promote where, and what is wrong with them together.

mod base;
mod edge;
mod overlap;
mod project;
mod snapshot;
mod tree;

pub use self::edge::Edge;
pub use self::snapshot::{ImageTags, Snapshot};
pub use self::tree::Tree;
