//! Why a text is not JSON, and where.

use std::fmt;

/// Why a text is not JSON, or that an object in it has the same key twice.
///
/// Prints as ``what was found at line L column C``; columns count bytes from 1. The text is never quoted, since it may
/// hold secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonError {
    kind: ErrorKind,
    line: usize,
    column: usize,
}

/// The same with a position in place of line and column, which are only counted once they are shown.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) kind: ErrorKind,
    pub(super) at: usize,
}

// As large as a position, so that `Result<usize, Stop>` is moved in whole words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum ErrorKind {
    End,
    Value,
    Key,
    Colon,
    CommaOrBrace,
    CommaOrBracket,
    Digit,
    LeadingZero,
    Trailing,
    Control,
    Escape,
    Surrogate,
    DoubleKey,
}

impl Stop {
    /// The error in terms of the text that was read.
    #[expect(clippy::naive_bytecount, reason = "it counts once, for an error that is shown")]
    pub(super) fn within(self, text: &str) -> JsonError {
        let read = text.as_bytes().get(..self.at).unwrap_or_default();
        let line = read.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = read.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        JsonError { kind: self.kind, line, column }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = match self.kind {
            ErrorKind::End => "it ends too early",
            ErrorKind::Value => "expected a value",
            ErrorKind::Key => "expected a key",
            ErrorKind::Colon => "expected `:`",
            ErrorKind::CommaOrBrace => "expected `,` or `}`",
            ErrorKind::CommaOrBracket => "expected `,` or `]`",
            ErrorKind::Digit => "expected a digit",
            ErrorKind::LeadingZero => "a number has a leading zero",
            ErrorKind::Trailing => "something follows the value",
            ErrorKind::Control => "a string has a control character that is not escaped",
            ErrorKind::Escape => "a string has an unknown escape",
            ErrorKind::Surrogate => "a string has one half of a surrogate pair",
            ErrorKind::DoubleKey => "an object has the same key twice",
        };
        write!(f, "{found} at line {} column {}", self.line, self.column)
    }
}

impl std::error::Error for JsonError {}
