//! What a cluster declares about its local registry in a ConfigMap (KEP-1755): the ConfigMap's data, its YAML, and
//! which hosts the operator allows.
//!
//! Nothing here performs I/O, and nothing takes more time or memory than its limits.

mod allowed_hosts;
mod data;
mod declared;
mod error;
mod host_pattern;
mod kep_1755;
mod read;
mod yaml;

pub use self::allowed_hosts::AllowedHosts;
pub use self::data::Data;
pub use self::declared::{Declaration, Declared};
pub use self::error::DeclarationError;
pub use self::host_pattern::{HostPattern, HostPatternError};
pub use self::kep_1755::{NAME, NAMESPACE};
pub use self::read::read;
pub use self::read::runtime_names;
