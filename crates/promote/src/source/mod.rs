//! What is read of a source once for all of its targets, and the way from there to a target.

mod source_reads;
mod transfer;

pub(crate) use self::source_reads::{Attached, SourceReads};
pub(crate) use self::transfer::{Shared, Transfer};
