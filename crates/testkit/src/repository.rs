//! The repository's files.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The module that `make policy.wasm` builds, or the one that `POLICY_WASM` names.
#[track_caller]
pub fn policy_module() -> PathBuf {
    let path = std::env::var_os("POLICY_WASM").map_or_else(|| root().join("policy.wasm"), PathBuf::from);
    assert!(path.is_file(), "{}: not there; build it with `make policy.wasm`", path.display());
    path
}

/// The text of a file, by its path from the root of the repository.
pub fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The value of a YAML file, by its path from the root of the repository.
pub fn read(path: &str) -> Value {
    serde_saphyr::from_str(&text(path)).unwrap()
}
