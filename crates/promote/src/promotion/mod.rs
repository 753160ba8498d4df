//! Promotions: what each edge needs, and doing it.
//!
//! Asks registries by [`Registries`](local_registry_oci::Registries) alone, and prints nothing.

mod attached;
mod copier;
mod error;
mod inspection;
mod item;
mod manifest_tree;
mod parts;
mod plan;
mod progress;
mod report;
mod run;
mod signatures;
mod verify;

pub use self::plan::plan;
pub use self::progress::Progress;
pub use self::report::{Report, State};
pub use self::run::run;
pub use self::signatures::Signatures;
pub use self::verify::verify;
