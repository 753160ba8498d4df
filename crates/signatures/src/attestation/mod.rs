//! What a statement says about an image: that somebody signs it, or how it was built.

mod provenance;
mod source;
mod statement;

pub use self::provenance::Provenance;
pub use self::source::plain_source;
pub use self::statement::Statement;
pub(crate) use self::statement::StatementFault;
