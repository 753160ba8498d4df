//! Promotions: what each edge needs, and doing it.
//!
//! Asks registries by [`Registries`](local_registry_oci::Registries) alone, and prints nothing.

mod attached;
mod copier;
mod error;
mod item;
mod look;
mod parts;
mod plan;
mod progress;
mod report;
mod resolve;
mod run;
mod verify;
mod whole;

pub use self::plan::plan;
pub use self::progress::Progress;
pub use self::report::{Report, State, Summary};
pub use self::resolve::{has, resolve};
pub use self::run::{LateSignatures, run};
pub use self::verify::{Signatures, verify};
