//! What is said: of each repository, and at the end.

pub(crate) mod repository;
pub(crate) mod size;
pub(crate) mod summary;
