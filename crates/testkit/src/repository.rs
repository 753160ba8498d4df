//! The repository's files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The policy's module: the one that `POLICY_WASM` names, as `make` does, else one that is built now.
#[track_caller]
pub fn policy_module() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| module("POLICY_WASM", "policy")).clone()
}

/// The same of the policy that does nothing, by `NOTHING_WASM`.
#[track_caller]
pub fn nothing_module() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| module("NOTHING_WASM", "nothing")).clone()
}

#[track_caller]
fn module(variable: &str, name: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(|| build(name), PathBuf::from);
    assert!(path.is_file(), "{}: not there; build it with `make {name}.wasm`", path.display());
    path
}

/// Builds a module, so that `cargo test` tests what the sources say, also in a fresh clone.
#[track_caller]
fn build(name: &str) -> PathBuf {
    let package = format!("local-registry-{name}");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--profile", "policy", "--target", "wasm32-wasip1", "--package", &package]);
    let output = cargo.current_dir(root()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}.wasm: it cannot be built here; see what `make {name}.wasm` says\n{said}");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let built = root().join(target).join(format!("wasm32-wasip1/policy/{name}.wasm"));
    // The harness looks for the policy's metadata beside the module.
    let module = root().join(format!("{name}.wasm"));
    std::fs::copy(built, &module).unwrap();
    module
}

/// The text of a file, by its path from the root of the repository.
pub fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The value of a YAML file, by its path from the root of the repository.
pub fn read(path: &str) -> Value {
    serde_saphyr::from_str(&text(path)).unwrap()
}

/// The objects of a YAML file with several documents.
pub fn objects(path: &str) -> Vec<Value> {
    text(path).split("\n---\n").map(|object| serde_saphyr::from_str(object).unwrap()).collect()
}

/// Every YAML file below a folder, by its path from the root of the repository.
pub fn manifests(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            found.extend(manifests(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path.to_str().unwrap().to_owned());
        }
    }
    found
}
