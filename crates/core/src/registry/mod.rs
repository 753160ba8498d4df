//! Hosts, references, tags and digests: the grammar and the parts of each, once for everybody.
//!
//! Only text is looked at; no registry is asked.
//!
//! ```
//! use local_registry_core::registry::{ImageReference, RegistryHost};
//!
//! let host: RegistryHost = "kind-registry:5000".parse()?;
//! let written = ImageReference::parse("team/app:v1")?;
//! assert_eq!((written.registry(), written.path(), written.tag()), (None, "team/app", Some("v1")));
//! assert_eq!(written.at(&host), "kind-registry:5000/team/app:v1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checked_text;
mod digest;
mod host;
mod portable;
mod reference;
mod tag;
mod url;

pub use self::digest::{Digest, DigestError};
pub use self::host::{Host, HostError, HostWarning, RegistryHost, RuntimeHost, is_unusual_ipv4};
pub use self::portable::{PORTABLE_HOST, begins_a_host};
pub(crate) use self::portable::{names_portable_host, resembles_portable_host, with_host};
pub use self::reference::{ImageReference, ReferenceError};
pub(crate) use self::reference::{named_registry, other_registry};
pub use self::tag::{Tag, TagError};
pub use self::url::{RegistryUrl, Scheme};
