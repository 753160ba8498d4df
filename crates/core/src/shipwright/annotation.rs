//! The annotations that say which images of an object are local.

use super::fields::Role;
use super::messages::BuildProblem;
use crate::admission::annotations;
use crate::json::{Edits, Node};
use crate::message::Fault;

/// What an annotation ([`Role::annotation`]) says about the images of a role.
///
/// ```
/// use local_registry_core::shipwright::Mark;
///
/// assert!(Mark::parse("recorded").is_some_and(Mark::is_local));
/// assert_eq!(Mark::parse("yes"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// `"true"`: they are local.
    Local,
    /// `"false"`: they are not.
    NotLocal,
    /// `"recorded"`: the field `local` was true when the Build was written. The field may have been lost since:
    /// whatever reads a Build and writes it back without knowing the field drops it, but keeps annotations.
    Recorded,
}

impl Mark {
    const LOCAL: &str = "true";
    const NOT_LOCAL: &str = "false";
    const RECORDED: &str = "recorded";

    /// Reads the value of an annotation; `None` for any other value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            Self::LOCAL => Some(Self::Local),
            Self::NOT_LOCAL => Some(Self::NotLocal),
            Self::RECORDED => Some(Self::Recorded),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Local => Self::LOCAL,
            Self::NotLocal => Self::NOT_LOCAL,
            Self::Recorded => Self::RECORDED,
        }
    }

    /// Whether the images are local if the field `local` is absent.
    #[must_use]
    pub fn is_local(self) -> bool {
        self != Self::NotLocal
    }
}

/// The marks of an object, by role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks([Option<Mark>; Role::ALL.len()]);

impl Marks {
    /// Reads the annotations of an object. One whose value is not a [`Mark`] is a fault, and counts as absent.
    pub(super) fn read(object: &Node<'_>) -> (Self, Vec<Fault>) {
        let mut marks = Self::default();
        let mut faults = Vec::new();
        match annotations(object) {
            Ok(Some(annotations)) => {
                for (mark, role) in marks.0.iter_mut().zip(Role::ALL) {
                    match mark_in(annotations, role) {
                        Ok(found) => *mark = found,
                        Err(fault) => faults.push(fault),
                    }
                }
            }
            Ok(None) => {}
            Err(fault) => faults.push(fault),
        }
        (marks, faults)
    }

    /// Reads the mark for one role alone.
    pub(super) fn read_one(object: &Node<'_>, role: Role) -> Result<Self, Fault> {
        let mark = mark_for(object, role)?;
        Ok(Self(Role::ALL.map(|each| mark.filter(|_| each == role))))
    }

    /// The mark for a role.
    pub(super) fn mark(self, role: Role) -> Option<Mark> {
        self.0.get(role as usize).copied().flatten()
    }

    /// Whether the mark for a role says that its images are local.
    pub(super) fn say_local(self, role: Role) -> bool {
        self.mark(role).is_some_and(Mark::is_local)
    }
}

/// Gives an object another mark for a role, or none.
#[inline(never)]
pub(super) fn set_mark(edits: &mut Edits, role: Role, mark: Option<Mark>) {
    let path = role.annotation_path();
    match mark {
        Some(mark) => edits.set_text(path, mark.as_str()),
        None => edits.remove(path),
    }
}

/// The mark of an object for a role.
pub(super) fn mark_for(object: &Node<'_>, role: Role) -> Result<Option<Mark>, Fault> {
    annotations(object)?.map_or(Ok(None), |annotations| mark_in(annotations, role))
}

fn mark_in(annotations: &Node<'_>, role: Role) -> Result<Option<Mark>, Fault> {
    let path = role.annotation_path();
    match annotations.field(role.annotation()) {
        None => Ok(None),
        Some(Node::String(text)) => {
            Mark::parse(text).map(Some).ok_or_else(|| BuildProblem::AnnotationValue { found: text }.at(path))
        }
        Some(other) => Err(Fault::wrong_type(path, other.type_name(), "\"true\" or \"false\"")),
    }
}
