//! Texts for people and for machines: values of others in messages, errors with their causes, what a terminal must not
//! obey, hexadecimal digits, names of objects, and patterns.
//!
//! ```
//! use local_registry_core::text::{Excerpt, Quoted, hex};
//!
//! assert_eq!(format!("{} is not a host", Quoted("a\nb")), r"`a\nb` is not a host");
//! assert_eq!(Excerpt("connection refused\ncaused by …").to_string(), "connection refused");
//! assert_eq!(hex(&[0x0f]), "0f");
//! ```

mod causes;
mod find;
mod hex;
mod object_name;
mod printable;
mod quote;
mod wildcard;

pub use self::causes::{root_cause, with_causes};
pub use self::find::find;
pub(crate) use self::find::scheme;
pub use self::hex::hex;
pub use self::object_name::is_object_name;
pub use self::printable::{one_line, printable};
pub use self::quote::{Excerpt, Quoted};
pub use self::wildcard::matches_wildcard;
