//! Files of the repository, for tests of what they say.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A file's text; the path is that from the root of the repository.
pub(crate) fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// What a YAML file holds.
pub(crate) fn read(path: &str) -> Value {
    serde_saphyr::from_str(&text(path)).unwrap()
}
