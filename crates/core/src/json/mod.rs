//! JSON, read sparsely and changed in place.
//!
//! An object under admission may have 300 KB, of which the policy looks at some ten fields. So a text is read by a
//! [`Mask`] of the fields that matter: they are kept as [`Node`]s that borrow from the text and know their position in
//! it, and everything else is checked and skipped. [`Edits`] are spliced into the text at those positions, so that
//! whatever does not change keeps its form. Why this is not serde_json is in `docs/performance.md`.

#[cfg(any(test, fuzzing))]
mod differential;
mod edit;
mod error;
mod mask;
mod node;
mod parse;
mod reader;
mod skip;

#[cfg(fuzzing)]
pub use self::differential::compare_with_serde_json;
pub use self::edit::{EditError, Edits};
pub(crate) use self::edit::{copy, json_string};
pub(crate) use self::error::JsonError;
pub(crate) use self::mask::{Field, Mask};
pub(crate) use self::node::{Entry, Node};
pub(crate) use self::parse::elements;

/// A path of field names from the root of an object.
pub(crate) type Path = &'static [&'static str];
