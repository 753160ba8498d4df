//! Shipwright's custom resource definitions: as much of them as shows where images are, and JSON patches of them.

mod calls;
mod crd;
mod schema;

pub use self::crd::{Crd, CrdVersion, crd_name};
pub use self::schema::Schema;
