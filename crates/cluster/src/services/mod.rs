//! Services, and where they are.

mod service;
mod url;

pub use self::service::{ServiceName, ServicePort, ServiceSpec};
pub use self::url::{AddressFamily, ServiceError};
