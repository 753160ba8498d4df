//! Which parts of a JSON value are kept.

/// Which parts of a JSON value are kept; the others are checked and skipped.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mask {
    /// The value itself where it is a scalar. Of an object or array, only its type.
    Scalar,
    /// The text of the value, unread. It is parsed later, by another mask, in the few cases that need it.
    Raw,
    /// Every key of an object, each with a scalar value. The named keys may not appear twice.
    Scalars(&'static [&'static str]),
    /// The named fields of an object; of an array, the same fields of each element that is an object.
    Fields(&'static [(&'static str, Mask)]),
}

impl Mask {
    /// How many fields to make room for. Growing a list costs more than some room that stays empty.
    pub(super) fn room(self) -> usize {
        match self {
            Self::Scalar | Self::Raw => 0,
            Self::Scalars(names) => names.len(),
            Self::Fields(fields) => fields.len(),
        }
    }
}
