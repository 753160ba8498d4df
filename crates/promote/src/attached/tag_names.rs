//! The tags that a repository is known to have.

use std::collections::BTreeSet;
use std::sync::Arc;

use local_registry_core::Tag;

/// Names of tags; `None` if nobody knows.
pub(crate) type TagNames = Option<Arc<BTreeSet<String>>>;

/// Whether a repository may have a tag.
pub(crate) fn may_have(names: &TagNames, tag: &Tag) -> bool {
    names.as_ref().is_none_or(|names| names.contains(tag.as_str()))
}
