//! Errors with their causes, on one line.

use std::error::Error;
use std::iter::successors;

/// The message of an error and those of its causes, joined by colons. Some errors say what their cause says: that is there
/// once.
///
/// ```
/// use std::io;
///
/// use local_registry_core::text::with_causes;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("the file cannot be read")]
/// struct Unreadable(#[source] io::Error);
///
/// let error = Unreadable(io::Error::other("the disk is gone"));
/// assert_eq!(with_causes(&error), "the file cannot be read: the disk is gone");
/// ```
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut messages: Vec<String> = causes(error).map(ToString::to_string).collect();
    messages.dedup();
    messages.join(": ")
}

/// The message of the innermost cause.
///
/// ```
/// use std::io;
///
/// use local_registry_core::text::root_cause;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("the file cannot be read")]
/// struct Unreadable(#[source] io::Error);
///
/// assert_eq!(root_cause(&Unreadable(io::Error::other("the disk is gone"))), "the disk is gone");
/// ```
#[must_use]
pub fn root_cause(error: &dyn Error) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

/// An error, its cause, the cause of that, and so on.
fn causes<'e>(error: &'e dyn Error) -> impl Iterator<Item = &'e dyn Error> {
    successors(Some(error), |&error: &&'e dyn Error| error.source())
}
