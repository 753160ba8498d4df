//! The Builds that the cluster stores.

mod build;
mod stored;

pub(super) use self::stored::StoredBuilds;
