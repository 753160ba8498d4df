//! The files that say what is promoted: texts in, a tree and findings out. Performs no I/O.
//!
//! The formats are those of Kubernetes' image promoter, and `rules.yaml`. What the promoter ignores in silence is an error here.
//! A [`Tree`] is what the files say, in [`Edge`]s: an image, from where, and to where.
//!
//! ```
//! use local_registry_promotion_tree::{Tree, TreeFiles};
//!
//! let digest = local_registry_oci::digest_of(b"an image");
//! let registries = "registries: [{name: staging.example/team, src: true}, {name: registry.example/team}]";
//! let images = format!("- name: app\n  dmap: {{\"{digest}\": [v1]}}");
//! let (tree, findings) = Tree::read(&TreeFiles::from_iter([
//!     ("manifests/team/promoter-manifest.yaml", registries.to_owned()),
//!     ("images/team/images.yaml", images),
//! ]));
//! assert!(findings.is_empty());
//! assert_eq!(tree.size().to_string(), "1 project, 1 image, 1 digest, 1 edge");
//! let edge = tree.edges().next().unwrap();
//! assert_eq!(edge.source.at(&edge.digest), format!("staging.example/team/app@{digest}"));
//! assert_eq!(edge.target_image(), "registry.example/team/app:v1");
//! ```

#![forbid(unsafe_code)]

mod files;
mod finding;
mod format;
mod projects;
mod rules;

// What the files say, and what is wrong with them.
pub use self::files::TreeFiles;
pub use self::finding::{Finding, Severity};
pub use self::projects::{Edge, ImageTags, Snapshot, Tree};

// How an image is named, and added.
pub use self::format::add::{AddError, Addition};
pub use self::format::registry_name::RegistryName;

// What the projects demand of their images.
pub use self::rules::{Platform, PlatformError, ProjectRules, ProvenanceRule, Rules, SignatureRule};
