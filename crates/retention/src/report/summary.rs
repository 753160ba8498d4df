//! What is said at the end.

use std::fmt;

use serde::Serialize;

use super::repository::RepositoryReport;
use super::size::Size;

/// What became of all repositories, or would.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    repositories: usize,
    /// Those of which something failed.
    failed: usize,
    tags: usize,
    deleted_tags: usize,
    deleted_manifests: usize,
    bytes: u64,
    dry_run: bool,
}

impl Summary {
    pub(crate) fn new(dry_run: bool) -> Self {
        Self { dry_run, ..Self::default() }
    }

    pub(crate) fn add(&mut self, report: &RepositoryReport) {
        let ((tags, gone), (manifests, bytes)) = (report.tags(), report.gone());
        self.repositories += 1;
        self.failed += usize::from(!report.is_in_line());
        self.tags += tags;
        self.deleted_tags += gone;
        self.deleted_manifests += manifests;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Whether everything was read, and whatever was to go is gone.
    #[must_use]
    pub fn is_in_line(&self) -> bool {
        self.failed == 0
    }

    /// Whether something would have been deleted.
    #[must_use]
    pub fn is_only_a_plan(&self) -> bool {
        self.dry_run && self.deleted_tags > 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repositories, failed, tags, deleted_tags, deleted_manifests, bytes, dry_run } = self;
        let went = if *dry_run { "would go" } else { "went" };
        write!(
            f,
            "all {repositories} repositories: {deleted_tags} of {tags} tags {went}, with {deleted_manifests} manifests; "
        )?;
        write!(f, "a garbage collection then frees {} at most", Size(*bytes))?;
        if *failed > 0 {
            write!(f, "; {failed} failed")?;
        }
        Ok(())
    }
}
