//! The files that say what is promoted. Pure: texts in, a tree and findings out.
//!
//! The formats are those of Kubernetes' image promoter. What that ignores in silence is an error here.

mod add;
mod base;
mod edge;
mod fields;
mod files;
mod finding;
mod images;
mod overlap;
mod project;
mod registries;
mod registry_name;
mod rules;
mod snapshot;
mod tree;
mod yaml;

pub use self::add::{AddError, Addition};
pub use self::edge::Edge;
pub use self::files::TreeFiles;
pub use self::finding::{Finding, Severity};
pub use self::registry_name::RegistryName;
pub use self::snapshot::{ImageTags, Snapshot};
pub use self::tree::Tree;
