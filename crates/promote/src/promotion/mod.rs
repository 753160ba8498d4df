//! Promotions: what each edge needs, and doing it.
//!
//! Asks registries by [`Registries`](local_registry_oci::Registries) alone, and prints nothing.

mod attached;
mod attachments;
mod copier;
mod cosign;
mod cosign_tags;
mod delivery;
mod error;
mod inspection;
mod item;
mod lanes;
mod layer;
mod left_out;
mod limits;
mod manifest_tree;
mod memo;
mod parts;
mod payload;
mod place;
mod plan;
mod progress;
mod proof;
mod referrer_index;
mod referrer_walk;
mod report;
mod room;
mod ruling;
mod run;
mod shipments;
mod signatures;
mod source_reads;
mod spent;
mod tag_names;
mod transfer;
mod verify;

pub use self::plan::plan;
pub use self::progress::Progress;
pub use self::report::{Report, State};
pub use self::run::run;
pub use self::signatures::Signatures;
pub use self::verify::verify;
