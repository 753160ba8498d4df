//! Entries of the transparency log (Rekor): when a signature was recorded, and which.

mod body;
mod entry;
mod signed_bytes;

pub(crate) use self::body::{Body, LogFault};
pub(crate) use self::entry::LogEntry;
pub(crate) use self::signed_bytes::SignedBytes;
