//! Promotes container images by digest: from files that say what is promoted, to registries that have it.
//!
//! A [`Tree`] is what the files say, in [`Edge`]s: an image, from where, and to where. [`plan`] says what each edge needs,
//! [`run`] promotes it, and [`verify`] compares what the targets have. Each of them reports to a [`Progress`].
//!
//! ```
//! use local_registry_promote::{Tree, TreeFiles};
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

mod manifest;
mod one_line;
mod promotion;
mod rules;

// What the files say.
pub use self::manifest::{
    AddError, Addition, Edge, Finding, ImageTags, RegistryName, Severity, Snapshot, Tree, TreeFiles,
};

// What the projects demand.
pub use self::rules::ProjectRules;

// What is done about it.
pub use self::promotion::{Progress, Report, Signatures, State, plan, run, verify};
