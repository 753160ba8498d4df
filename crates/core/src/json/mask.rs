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
    Fields(&'static [Field]),
}

/// A field by its name, and what is kept of it.
pub(crate) type Field = (&'static str, Mask);

impl Mask {
    /// The fields of two lists in one. No name may be in both.
    #[expect(
        clippy::indexing_slicing,
        reason = "the compiler evaluates it, and reports an index that is out of bounds"
    )]
    pub(crate) const fn joined<const N: usize>(first: &[Field], second: &[Field]) -> [Field; N] {
        assert!(first.len() + second.len() == N);
        let mut all = [("", Self::Scalar); N];
        let mut index = 0;
        while index < N {
            all[index] = if index < first.len() { first[index] } else { second[index - first.len()] };
            index += 1;
        }
        all
    }

    /// How many fields to make room for. Growing a list costs more than some room that stays empty.
    pub(super) fn room(self) -> usize {
        match self {
            Self::Scalar | Self::Raw => 0,
            Self::Scalars(names) => names.len(),
            Self::Fields(fields) => fields.len(),
        }
    }
}
