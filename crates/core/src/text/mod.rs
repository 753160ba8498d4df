//! Texts for people and for machines: errors with their causes, what a terminal must not obey, and hexadecimal digits.

mod causes;
mod hex;
mod quote;

pub use self::causes::{printable, root_cause, with_causes};
pub use self::hex::hex;
pub use self::quote::{Excerpt, Quoted};
