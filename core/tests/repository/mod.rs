//! Files of the repository, for tests of what they say.

use std::path::Path;

use serde_json::Value;

/// A file's text; the path is that from the root of the repository.
pub(crate) fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)).unwrap()
}

/// What a YAML file holds.
pub(crate) fn read(path: &str) -> Value {
    serde_saphyr::from_str(&text(path)).unwrap()
}
