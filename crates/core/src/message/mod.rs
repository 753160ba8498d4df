//! What users read: faults that reject a request, warnings beside an accepted one, and how values of others are quoted.

mod fault;
mod field_path;
mod see;
mod warning;

pub use self::fault::{Code, Fault, Rejection};
pub(crate) use self::field_path::FieldPath;
pub use crate::text::{Excerpt, Quoted};
pub(crate) use self::see::See;
pub use self::warning::Warning;
