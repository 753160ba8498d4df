//! Texts for people: errors with their causes on one line, and what others wrote without what a terminal obeys.

use std::error::Error;
use std::iter::successors;

/// The message of an error and those of its causes, joined by colons. Some errors say what their cause says: that is there
/// once.
pub fn with_causes(error: &dyn Error) -> String {
    let mut messages: Vec<String> = causes(error).map(ToString::to_string).collect();
    messages.dedup();
    messages.join(": ")
}

/// The message of the innermost cause.
pub fn root_cause(error: &dyn Error) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

/// An error, its cause, the cause of that, and so on.
fn causes<'e>(error: &'e dyn Error) -> impl Iterator<Item = &'e dyn Error> {
    successors(Some(error), |&error: &&'e dyn Error| error.source())
}

/// A text whose control characters, but for the ends of lines, are escaped. Others may have written it, and a terminal obeys
/// such characters.
#[must_use]
pub fn printable(text: &str) -> String {
    let escape = |character: char| {
        let is_plain = character == '\n' || !character.is_control();
        if is_plain { character.to_string() } else { character.escape_default().to_string() }
    };
    text.chars().map(escape).collect()
}
