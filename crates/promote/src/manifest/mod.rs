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
mod registries;
mod registry_name;
mod tree;
mod yaml;

pub use self::add::{AddError, Addition, add};
pub use self::base::{moved_tags, new_edges};
pub use self::edge::Edge;
pub use self::files::images_file;
pub use self::files::{Content, TreeFiles};
pub(crate) use self::files::{IMAGES, MANIFESTS};
pub(crate) use self::finding::OneLine;
pub use self::finding::{Finding, Place, Position, Severity};
pub use self::registry_name::RegistryName;
pub use self::tree::{Size, Tree};
