//! What is wrong with a file, or worth a word, and where.

use std::fmt;

use serde::Serialize;

use crate::one_line::one_line;

/// Where something stands in the files of the tree. Prints as `file:line:column`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Location {
    /// The file's path, from the root of the tree on.
    pub(crate) file: String,
    /// The position in it; `None` if it is the file as a whole.
    #[serde(flatten)]
    pub(crate) position: Option<Position>,
}

/// A position in a file. Both numbers count from 1; a column is a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Position {
    /// The line.
    pub(crate) line: usize,
    /// The character in the line.
    pub(crate) column: usize,
}

impl Location {
    /// A file as a whole.
    pub(crate) fn whole_file(file: &str) -> Self {
        Self { file: file.to_owned(), position: None }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A file's name may be anything, and a terminal obeys control characters.
        write!(f, "{}", self.file.escape_debug())?;
        self.position.map_or(Ok(()), |Position { line, column }| write!(f, ":{line}:{column}"))
    }
}

/// Whether something stands in the way of a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is promoted as long as it is there.
    Error,
    /// It changes nothing.
    Warning,
}

/// One thing that is wrong with a file, or worth a word. [`Tree::read`](crate::Tree::read) has an example.
///
/// Prints as ``file:line:column: what was found; what was expected; how to fix it``.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Where it is.
    #[serde(flatten)]
    pub(crate) location: Location,
    /// Whether it stands in the way.
    pub severity: Severity,
    /// What was found, what was expected, and how to fix it.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.severity == Severity::Warning { "warning: " } else { "" };
        write!(f, "{}: {severity}{}", self.location, one_line(&self.message))
    }
}

/// The findings about one file, as they are gathered.
pub(super) struct Findings<'a> {
    file: &'a str,
    found: Vec<Finding>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(file: &'a str) -> Self {
        Self { file, found: Vec::new() }
    }

    /// A position in the file.
    pub(super) fn location(&self, position: Position) -> Location {
        Location { file: self.file.to_owned(), position: Some(position) }
    }

    pub(super) fn error(&mut self, position: Position, message: impl Into<String>) {
        let location = self.location(position);
        self.found.push(Finding { location, severity: Severity::Error, message: message.into() });
    }

    pub(super) fn warning(&mut self, position: Position, message: impl Into<String>) {
        let location = self.location(position);
        self.found.push(Finding { location, severity: Severity::Warning, message: message.into() });
    }

    /// An error about the file as a whole.
    pub(super) fn about_file(&mut self, message: impl Into<String>) {
        let location = Location::whole_file(self.file);
        self.found.push(Finding { location, severity: Severity::Error, message: message.into() });
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    pub(super) fn into_vec(self) -> Vec<Finding> {
        self.found
    }
}
