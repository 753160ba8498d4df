//! What is wrong with a file, or worth a word, and where.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::files::{TreeFiles, rules};
use local_registry_core::text::one_line;

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
    pub(crate) line: u32,
    /// The character in the line.
    pub(crate) column: u32,
}

impl Location {
    /// A file as a whole.
    pub(crate) fn whole_file(file: &str) -> Self {
        Self { file: file.to_owned(), position: None }
    }

    /// A position in a project's file with images.
    pub(crate) fn of_images(project: &str, position: Position) -> Self {
        Self { file: TreeFiles::images_path(project), position: Some(position) }
    }

    /// The project that the file belongs to; `None` for the tree as a whole.
    fn project(&self) -> Option<&str> {
        self.file.split('/').nth(1)
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
    /// What else is known of it.
    #[serde(skip)]
    pub(crate) note: Note,
}

/// What is known of a finding beside its message.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Note {
    /// Nothing.
    #[default]
    None,
    /// Something is there that promotes nothing. Old trees have such, but whoever adds one has made a mistake.
    PromotesNothing,
    /// A field of Kubernetes' promoter is ignored. One line is enough for all of them.
    Ignored,
    /// It stops another project, too.
    AlsoStops(Arc<str>),
    /// The rules of the project refuse an edge. It stops no other one.
    Refused,
}

impl Finding {
    /// The projects that it is about; none if it is about the tree as a whole.
    pub fn projects(&self) -> impl Iterator<Item = &str> {
        let also = match &self.note {
            Note::AlsoStops(other) => Some(&**other),
            _ => None,
        };
        self.location.project().into_iter().chain(also)
    }

    /// Whether a project must not be promoted because of it: an error of its own files, or of the tree as a whole. An edge that
    /// is refused by the rules stops no other one.
    #[must_use]
    pub fn stops(&self, project: &str) -> bool {
        let mut about = self.projects().peekable();
        self.stops_projects() && (about.peek().is_none() || about.any(|name| name == project))
    }

    /// Whether it stops the projects that it is about, and not only an edge that their rules refuse.
    #[must_use]
    pub fn stops_projects(&self) -> bool {
        self.severity == Severity::Error && self.note != Note::Refused
    }

    /// The warnings that an earlier state did not have become errors, if they are about something that promotes nothing: a
    /// change that adds such a thing does not do what its author thinks.
    ///
    /// ```
    /// use local_registry_promotion_tree::{Finding, Severity, Tree, TreeFiles};
    ///
    /// let files = |images: &str| TreeFiles::from_iter([
    ///     ("manifests/team/promoter-manifest.yaml", "registries: [{name: s.example/x, src: true}, {name: p.example}]"),
    ///     ("images/team/images.yaml", images),
    /// ]);
    /// let (_, before) = Tree::read(&files("- {name: old, dmap: }"));
    /// let (_, mut now) = Tree::read(&files("- {name: old, dmap: }\n- {name: new, dmap: }"));
    /// Finding::hold_against(&mut now, &before);
    /// assert_eq!(now.iter().map(|finding| finding.severity).collect::<Vec<_>>(), [Severity::Warning, Severity::Error]);
    /// ```
    pub fn hold_against(findings: &mut [Self], before: &[Self]) {
        let known: HashSet<(&str, &str)> =
            before.iter().map(|finding| (finding.location.file.as_str(), finding.message.as_str())).collect();
        let is_new = |finding: &&mut Self| {
            finding.note == Note::PromotesNothing
                && !known.contains(&(finding.location.file.as_str(), finding.message.as_str()))
        };
        for finding in findings.iter_mut().filter(is_new) {
            finding.severity = Severity::Error;
        }
    }

    /// The errors about links among these files. A comparison with a commit does not follow them, so what they lead to would
    /// change unseen.
    pub fn of_links(files: &TreeFiles) -> impl Iterator<Item = Self> {
        files.links().map(|path| {
            let message = "is a link, which no comparison with a commit follows; make it a file or a folder".to_owned();
            Self::error(Location::whole_file(path), message)
        })
    }

    /// The warning that a project promotes by other rules, or by none, to where another one did by some in an earlier state.
    pub(crate) fn of_changed_rules(project: &str, before: &str, has_rules: bool, earlier: &str) -> Self {
        let before = rules(before);
        let message = if has_rules {
            format!(
                "differs from `{before}` in {earlier}, for the same repositories; look at what it does not ask for any more"
            )
        } else {
            format!(
                "is not there, and `{before}` in {earlier} holds for the same repositories; nothing is asked of their images any more"
            )
        };
        Self { severity: Severity::Warning, ..Self::error(Location::whole_file(&rules(project)), message) }
    }

    /// An error at a place.
    pub(crate) fn error(location: Location, message: String) -> Self {
        Self { location, severity: Severity::Error, message, note: Note::None }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.severity == Severity::Warning { "warning: " } else { "" };
        write!(f, "{}: {severity}{}", self.location, one_line(&self.message))
    }
}

/// How many findings of a file are kept. Whoever fixes those sees the others then.
const MOST: usize = 1000;

/// The findings about one file, as they are gathered.
pub(crate) struct Findings<'a> {
    file: &'a str,
    found: Vec<Finding>,
    /// How many more there are, and whether one of them is an error.
    others: usize,
    lacks_errors: bool,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(file: &'a str) -> Self {
        Self { file, found: Vec::new(), others: 0, lacks_errors: false }
    }

    /// A position in the file.
    pub(crate) fn location(&self, position: Position) -> Location {
        Location { file: self.file.to_owned(), position: Some(position) }
    }

    pub(crate) fn error(&mut self, position: Position, message: impl Into<String>) {
        self.push(Finding::error(self.location(position), message.into()));
    }

    pub(crate) fn warning(&mut self, position: Position, message: impl Into<String>) {
        self.warn(self.location(position), message.into(), Note::None);
    }

    /// Something is there that promotes nothing.
    pub(crate) fn promotes_nothing(&mut self, position: Position, message: impl Into<String>) {
        self.warn(self.location(position), message.into(), Note::PromotesNothing);
    }

    /// The file as a whole promotes nothing.
    pub(crate) fn file_promotes_nothing(&mut self, message: impl Into<String>) {
        self.warn(Location::whole_file(self.file), message.into(), Note::PromotesNothing);
    }

    /// A field of Kubernetes' promoter is ignored.
    pub(crate) fn ignored(&mut self, position: Position, message: impl Into<String>) {
        self.warn(self.location(position), message.into(), Note::Ignored);
    }

    /// An error about the file as a whole.
    pub(crate) fn about_file(&mut self, message: impl Into<String>) {
        self.push(Finding::error(Location::whole_file(self.file), message.into()));
    }

    fn warn(&mut self, location: Location, message: String, note: Note) {
        self.push(Finding { location, severity: Severity::Warning, message, note });
    }

    fn push(&mut self, finding: Finding) {
        if self.found.len() < MOST {
            self.found.push(finding);
        } else {
            self.others += 1;
            self.lacks_errors |= finding.severity == Severity::Error;
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn into_vec(mut self) -> Vec<Finding> {
        if self.others > 0 {
            let message = format!("there are {} more; fix these first", self.others);
            let severity = if self.lacks_errors { Severity::Error } else { Severity::Warning };
            self.found.push(Finding { severity, ..Finding::error(Location::whole_file(self.file), message) });
        }
        self.found
    }
}
