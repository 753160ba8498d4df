//! Registry hosts and image references: their grammars, and how the two become one.
//!
//! Only text is looked at; no registry is asked.

mod digest;
mod host;
mod reference;
mod resolution;
mod tag;
mod url;

pub use self::digest::{Digest, DigestError};
pub use self::host::{Host, HostError, RegistryHost, RuntimeHost};
pub(crate) use self::reference::named_registry;
pub use self::reference::{ImageReference, ReferenceError};
pub(crate) use self::resolution::{Resolution, Unresolvable, resolve};
pub use self::tag::{Tag, TagError};
pub use self::url::{RegistryUrl, Scheme};
