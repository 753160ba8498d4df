//! What is wrong with a file, or worth a word, and where.

use std::fmt;

use serde::Serialize;

/// A place in a file of the tree. Prints as `file:line:column`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file's path, from the root of the tree on.
    pub file: String,
    /// The position in it; `None` if the place is the file as a whole.
    #[serde(flatten)]
    pub position: Option<Position>,
}

/// A position in a file. Both numbers count from 1; a column is a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Place {
    /// A file as a whole.
    pub(crate) fn of_file(file: &str) -> Self {
        Self { file: file.to_owned(), position: None }
    }
}

impl fmt::Display for Place {
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

/// One thing that is wrong with a file, or worth a word.
///
/// Prints as ``file:line:column: what was found; what was expected; how to fix it``.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// Whether it stands in the way.
    pub severity: Severity,
    /// What was found, what was expected, and how to fix it.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.severity == Severity::Warning { "warning: " } else { "" };
        write!(f, "{}: {severity}{}", self.place, OneLine(&self.message))
    }
}

/// A text without what a terminal, or a log, obeys. Parts of it may come from others.
pub(crate) struct OneLine<'a>(pub(crate) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| {
            if character.is_control() { write!(f, "{}", character.escape_default()) } else { write!(f, "{character}") }
        })
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

    /// A place in the file.
    pub(super) fn place(&self, position: Position) -> Place {
        Place { file: self.file.to_owned(), position: Some(position) }
    }

    pub(super) fn error(&mut self, position: Position, message: impl Into<String>) {
        let place = self.place(position);
        self.found.push(Finding { place, severity: Severity::Error, message: message.into() });
    }

    pub(super) fn warning(&mut self, position: Position, message: impl Into<String>) {
        let place = self.place(position);
        self.found.push(Finding { place, severity: Severity::Warning, message: message.into() });
    }

    /// An error about the file as a whole.
    pub(super) fn about_file(&mut self, message: impl Into<String>) {
        let place = Place::of_file(self.file);
        self.found.push(Finding { place, severity: Severity::Error, message: message.into() });
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    pub(super) fn into_vec(self) -> Vec<Finding> {
        self.found
    }
}
