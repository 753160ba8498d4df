//! How many bytes the documents may have that answer a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::Kind;

/// How many bytes a document may have. A registry need not take larger manifests.
pub(crate) const LONGEST_DOCUMENT: usize = 4 << 20;
/// How many bytes a list may have, with all of its pages. Whoever may push fills the lists of referrers, descriptions and
/// all, and in memory they take ten times as much. It is room for some 300 referrers.
#[cfg(feature = "registries")]
const LONGEST_LIST: usize = 128 << 10;

/// How many bytes a document counts at least.
const SHORTEST: usize = 1 << 10;

/// How many bytes are left of what documents may have together. The request for a next page shares it with the first one.
#[derive(Debug, Clone)]
pub(crate) struct Allowance {
    whole: usize,
    left: Arc<AtomicUsize>,
}

impl Default for Allowance {
    /// For one document.
    fn default() -> Self {
        Self::of(LONGEST_DOCUMENT)
    }
}

impl Allowance {
    /// For a list, with all of its pages.
    #[cfg(feature = "registries")]
    pub(crate) fn of_list() -> Self {
        Self::of(LONGEST_LIST)
    }

    fn of(whole: usize) -> Self {
        Self { whole, left: Arc::new(AtomicUsize::new(whole)) }
    }

    pub(crate) fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    /// Takes what was read. A document that is cut off, and read once more, counts once. An empty page counts, too: they may
    /// lead in circles.
    pub(crate) fn take(&self, bytes: usize) {
        self.left.store(self.left().saturating_sub(bytes.max(SHORTEST)), Ordering::Relaxed);
    }

    /// The error of an answer that is longer.
    pub(crate) fn exceeded(&self) -> Kind {
        Kind::TooLong { expected: self.whole as u64 }
    }
}
