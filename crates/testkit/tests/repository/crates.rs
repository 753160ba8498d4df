//! The crates are where their names say, small enough to be known as a whole, and use each other in one direction only.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use local_registry_testkit::repository::root;
use serde_json::Value;

/// What every name begins with.
const PREFIX: &str = "local-registry-";

/// The most lines of product code that a crate may have.
const LIMIT: usize = 7_000;

/// Which crates each crate may use, apart from its tests: only those that ARCHITECTURE.md puts before it.
const USES: [(&str, &[&str]); 22] = [
    ("core", &[]),
    ("system", &[]),
    ("policy", &["core"]),
    ("declaration", &["core"]),
    ("cluster", &["core", "declaration"]),
    ("oci", &["core"]),
    ("sync", &["cluster", "core", "declaration"]),
    ("node", &["cluster", "core", "declaration", "system"]),
    // It reads the settings that `sync` writes, and the report that `node` writes.
    ("check", &["cluster", "core", "declaration", "node", "oci", "sync"]),
    ("tenants", &["cluster", "core", "declaration"]),
    ("storage", &["core", "system"]),
    ("collection", &["cluster", "core"]),
    ("retention", &["cluster", "core", "oci"]),
    (
        "program",
        &[
            "check",
            "cluster",
            "collection",
            "core",
            "declaration",
            "node",
            "oci",
            "retention",
            "storage",
            "sync",
            "system",
            "tenants",
        ],
    ),
    ("signatures", &["core"]),
    ("promotion-tree", &["core", "oci", "signatures"]),
    ("promote", &["core", "oci", "promotion-tree", "signatures", "system"]),
    ("harness", &["system"]),
    ("nothing", &[]),
    ("testkit", &[]),
    ("xtask", &["core"]),
    ("e2e", &["cluster", "core", "declaration", "harness", "node", "oci", "tenants", "testkit"]),
];

/// What Cargo says of the workspace.
fn workspace() -> Value {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root());
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A package's name without what every name begins with.
fn name(package: &Value) -> String {
    let name = package["name"].as_str().unwrap();
    name.strip_prefix(PREFIX).unwrap_or_else(|| panic!("{name}: does not begin with `{PREFIX}`")).to_owned()
}

/// The folder of a package, by its path from the root of the repository.
fn folder(package: &Value) -> PathBuf {
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    manifest.parent().unwrap().strip_prefix(root()).unwrap().to_owned()
}

#[test]
fn every_folder_of_crates_is_a_crate_of_that_name_and_is_tested_by_default() {
    let workspace = workspace();
    let default: BTreeSet<&str> =
        workspace["workspace_default_members"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let packages = workspace["packages"].as_array().unwrap();
    let folders = std::fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut count = 0;
    for found in folders.map(|name| name.into_string().unwrap()) {
        let package = packages.iter().find(|package| folder(package) == Path::new("crates").join(&found));
        let package = package.unwrap_or_else(|| panic!("crates/{found}: not a member of the workspace"));
        assert_eq!(name(package), found);
        assert!(default.contains(package["id"].as_str().unwrap()), "crates/{found}: not among default-members");
        count += 1;
    }
    assert!(count > 9, "only {count} crates");
}

#[test]
fn crates_use_each_other_in_one_direction() {
    let workspace = workspace();
    let packages = workspace["packages"].as_array().unwrap();
    let mut checked = BTreeSet::new();
    for package in packages {
        let name = name(package);
        let (_, allowed) =
            USES.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{name}: not in USES"));
        for dependency in package["dependencies"].as_array().unwrap() {
            // Tests may use whatever they need. What is built for a release has no such dependencies.
            if dependency["path"].is_null() || dependency["kind"] == "dev" {
                continue;
            }
            let used = dependency["name"].as_str().unwrap().trim_start_matches(PREFIX);
            assert!(allowed.contains(&used), "{name}: uses {used}; only {allowed:?} come before it");
        }
        checked.insert(name);
    }
    for (name, allowed) in USES {
        assert!(checked.contains(name), "{name}: in USES, and not in the workspace");
        // So no crate uses itself by way of others.
        let position = |name: &str| USES.iter().position(|(known, _)| *known == name).unwrap();
        assert!(allowed.iter().all(|used| position(used) < position(name)), "{name}: comes before what it may use");
    }
}

/// The lines of a file before its unit tests.
pub(crate) fn product_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(|pair| pair == ["#[cfg(test)]", "mod tests {"]);
    tests.unwrap_or(lines.len())
}

/// Whether only tests build a file: the module beside it, or above it, declares it for them.
fn is_for_tests(file: &Path) -> bool {
    let name = format!("mod {};", file.file_stem().unwrap().to_string_lossy());
    ["mod.rs", "lib.rs", "main.rs"].iter().any(|parent| {
        let text = std::fs::read_to_string(file.with_file_name(parent)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let is_condition = |line: &str| line == "#[cfg(test)]" || line.starts_with("#[cfg(any(test,");
        lines.windows(2).any(|pair| is_condition(pair[0]) && pair[1] == name)
    })
}

/// The Rust files in a folder and below it.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn no_crate_has_too_much_product_code() {
    for package in workspace()["packages"].as_array().unwrap() {
        let files = sources(&root().join(folder(package)).join("src"));
        let files = files.iter().filter(|file| !is_for_tests(file));
        let lines: usize = files.map(|file| product_lines(&std::fs::read_to_string(file).unwrap())).sum();
        assert!(lines > 0, "{}: no code in src", name(package));
        assert!(lines <= LIMIT, "{}: {lines} lines of product code, and at most {LIMIT} are allowed", name(package));
    }
}

#[test]
fn lines_are_counted_up_to_the_unit_tests() {
    let text =
        "use a;\n\n#[cfg(test)]\nmod only_in_tests;\n\nfn b() {}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\n";
    assert_eq!(product_lines(text), 7);
    assert_eq!(product_lines("use a;\nfn b() {}\n"), 2);
}
