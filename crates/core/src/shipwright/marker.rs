//! What made an image local.

use std::fmt;

use super::fields::Role;

/// What made an image local.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// The field `local` beside the image.
    Field,
    /// The annotation for images of this role.
    Annotation(Role),
    /// The same annotation, as the record of a field `local: true` that is gone.
    Record(Role),
    /// The annotation of the BuildRun that inherits the image.
    Run,
}

impl Marker {
    /// How users undo it, as messages say it.
    pub(super) fn undo(self) -> impl fmt::Display {
        Undo(self)
    }
}

struct Undo(Marker);

impl fmt::Display for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Marker::Field => f.write_str("set local: false"),
            Marker::Annotation(role) => write!(f, "remove the annotation {}", role.annotation()),
            Marker::Record(role) => {
                write!(f, "set local: false, or the annotation {} to \"false\"", role.annotation())
            }
            Marker::Run => write!(f, "remove the annotation {} of the BuildRun", Role::Output.annotation()),
        }
    }
}
