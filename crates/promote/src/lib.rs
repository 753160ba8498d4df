//! Promotes container images by digest, as the edges of a [tree](local_registry_promotion_tree) say.
//!
//! [`plan`] says what each edge needs, [`run`] promotes it, and [`verify`] compares what the targets have. Each of them reports
//! to a [`Progress`], and refuses what the rules of a project do not accept.
//!
//! ```
//! use std::sync::Arc;
//!
//! use local_registry_oci::Registries;
//! use local_registry_promote::{Progress, Report, plan};
//! use local_registry_promotion_tree::Tree;
//!
//! struct Lines;
//!
//! impl Progress for Lines {
//!     fn edge(&self, report: &Report) {
//!         println!("{report}");
//!     }
//!
//!     fn bytes(&self, _: u64) {}
//! }
//!
//! /// Prints what a promotion of the whole tree would do.
//! async fn print_plan(registries: &Registries, tree: &Tree) {
//!     plan(registries, tree.edges(), &tree.rules(), Arc::new(Lines)).await;
//! }
//! ```

#![forbid(unsafe_code)]

mod attached;
mod attachments;
mod copier;
mod delivery;
mod edges;
mod image;
mod inspection;
mod plan;
mod proof;
mod run;
mod signatures;
mod source;
mod verify;

pub use self::edges::{Progress, Report, State};
pub use self::plan::plan;
pub use self::run::run;
pub use self::signatures::Signatures;
pub use self::verify::verify;
