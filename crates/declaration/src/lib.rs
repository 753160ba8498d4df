//! What a cluster declares about its local registry in the ConfigMap `kube-public/local-registry-hosting` (KEP-1755).
//!
//! [`Declared::read`] is the one reader: the sync job, the nodes' agent and `check` each get one value of it. Nothing here
//! performs I/O, and nothing takes more time or memory than its limits.
//!
//! ```
//! use local_registry_declaration::{AllowedHosts, Data, Declared};
//!
//! let data: Data = [("localRegistryHosting.v1", "hostFromClusterNetwork: kind-registry:5000")].into_iter().collect();
//! let declared = Declared::read(&data, &AllowedHosts::default())?;
//! assert_eq!(declared.to_string(), "the local registry is kind-registry:5000");
//! # Ok::<(), local_registry_declaration::DeclarationError>(())
//! ```

#![forbid(unsafe_code)]

mod allowed_hosts;
mod data;
mod declared;
mod error;
mod host_pattern;
mod kep_1755;
mod read;
mod yaml;

// The ConfigMap, and what it declares.
pub use self::data::Data;
pub use self::declared::{DeclarationWarning, Declared};
pub use self::error::DeclarationError;
pub use self::kep_1755::{NAME, NAMESPACE};

// What the operator allows.
pub use self::allowed_hosts::AllowedHosts;
pub use self::host_pattern::{HostPattern, HostPatternError};
