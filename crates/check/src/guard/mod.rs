//! The guards: whether each is there, is bound, denies, and is what is shipped.

mod links;
mod shipped;

pub(super) use self::links::guards;
