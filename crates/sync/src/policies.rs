//! What a declaration means for a policy's settings: nothing, or exactly the fields to apply. No I/O.

mod foreign;
mod name;
mod plan;
mod policy;
mod settings;

pub use self::name::{PolicyName, PolicyNameError};
pub(crate) use self::plan::Plan;
pub(crate) use self::policy::{FIELD_MANAGER, Policy};
pub(crate) use self::settings::{OWNED_FIELDS, OwnedSettings};
