//! One entry as a signature brings it with it, and the log's promise that it is there.

use crate::encoding::{Base64, Whole};
use crate::trust::PublicKey;

/// An entry of the log. What it says counts only once [`is_signed_by`](Self::is_signed_by) has said so.
#[derive(Debug, Clone)]
pub(crate) struct LogEntry {
    /// What was recorded, as JSON.
    pub(crate) body: Base64,
    /// When that was, in seconds since 1970.
    pub(crate) time: Whole,
    /// Its number in the log.
    pub(crate) index: Whole,
    /// The log's name: the [`id`](PublicKey::id) of its key.
    pub(crate) log: String,
    /// The log's signature of the four above: the signed entry timestamp.
    pub(crate) promise: Base64,
}

impl LogEntry {
    /// Whether the log with this key has signed that the entry is in it, and when it came.
    pub(crate) fn is_signed_by(&self, log: &PublicKey) -> bool {
        self.log == log.id() && log.verify(self.canonical().as_bytes(), &self.promise.0)
    }

    /// What the log signs: JSON in its canonical form (RFC 8785). No value in it needs an escape.
    fn canonical(&self) -> String {
        let Self { body, time: Whole(time), index: Whole(index), log, .. } = self;
        format!(r#"{{"body":"{body}","integratedTime":{time},"logID":"{log}","logIndex":{index}}}"#)
    }
}
