//! What users read: faults that reject a request, and warnings beside an accepted one.

mod fault;
mod field_path;
mod warning;

pub(crate) use self::fault::Fault;
pub use self::fault::{Code, Rejection};
pub(crate) use self::field_path::FieldPath;
pub use self::warning::Warning;
