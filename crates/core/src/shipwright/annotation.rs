//! The annotations that say which images of an object are local.

use super::fields::{ANNOTATIONS, Role};
use super::messages::Problem;
use crate::admission::value_at;
use crate::json::Node;
use crate::message::Fault;

/// What an annotation ([`Role::annotation`]) says about the images of a role.
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
    pub(super) const RECORDED: &str = "recorded";
    pub(super) const NOT_LOCAL: &str = "false";

    /// Reads the value of an annotation; `None` for any other value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "true" => Some(Self::Local),
            Self::NOT_LOCAL => Some(Self::NotLocal),
            Self::RECORDED => Some(Self::Recorded),
            _ => None,
        }
    }

    /// Whether the images are local if the field `local` is absent.
    #[must_use]
    pub fn is_local(self) -> bool {
        self != Self::NotLocal
    }
}

/// The marks of an object, by role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Annotations([Option<Mark>; 3]);

impl Annotations {
    /// Reads the annotations of an object. One whose value is not a [`Mark`] is a fault, and counts as absent.
    pub(super) fn read(object: &Node<'_>, faults: &mut Vec<Fault>) -> Self {
        let mut found = |read: Result<Option<Mark>, Fault>| {
            read.unwrap_or_else(|fault| {
                faults.push(fault);
                None
            })
        };
        match annotations_of(object) {
            Ok(Some(annotations)) => Self(Role::ALL.map(|role| found(mark_in(annotations, role)))),
            Ok(None) => Self([None; 3]),
            Err(fault) => {
                found(Err(fault));
                Self([None; 3])
            }
        }
    }

    /// Annotations with a mark for one role alone.
    pub(super) fn of(role: Role, mark: Option<Mark>) -> Self {
        Self(Role::ALL.map(|each| mark.filter(|_| each == role)))
    }

    /// The mark for a role.
    pub(super) fn mark(self, role: Role) -> Option<Mark> {
        let [output, source, builder] = self.0;
        match role {
            Role::Output => output,
            Role::Source => source,
            Role::Builder => builder,
        }
    }

    /// Whether the mark for a role says that its images are local.
    pub(super) fn say_local(self, role: Role) -> bool {
        self.mark(role).is_some_and(Mark::is_local)
    }
}

/// The mark of an object for a role.
pub(super) fn mark_of(object: &Node<'_>, role: Role) -> Result<Option<Mark>, Fault> {
    annotations_of(object)?.map_or(Ok(None), |annotations| mark_in(annotations, role))
}

fn annotations_of<'n, 'a>(object: &'n Node<'a>) -> Result<Option<&'n Node<'a>>, Fault> {
    match value_at(object, ANNOTATIONS)? {
        Some(other) if !matches!(other, Node::Object(_)) => {
            Err(Fault::wrong_type(ANNOTATIONS, other.type_name(), "an object"))
        }
        annotations => Ok(annotations),
    }
}

fn mark_in(annotations: &Node<'_>, role: Role) -> Result<Option<Mark>, Fault> {
    let path = role.annotation_path();
    match annotations.field(role.annotation()) {
        None => Ok(None),
        Some(Node::String(text)) => {
            Mark::parse(text).map(Some).ok_or_else(|| Problem::AnnotationValue { found: text }.at(path))
        }
        Some(other) => Err(Fault::wrong_type(path, other.type_name(), "\"true\" or \"false\"")),
    }
}
