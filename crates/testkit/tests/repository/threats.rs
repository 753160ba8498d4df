//! The threat model names tests that are there, and every account of the chart.

use std::path::Path;

use local_registry_testkit::repository::{manifests, root, text};

const PAGE: &str = "docs/threat-model.md";

/// Whether a source has a test of this name, and not only a function.
fn has_test(source: &str, name: &str) -> bool {
    let mut is_test = false;
    source.lines().map(str::trim_start).any(|line| {
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            return false;
        }
        let function = line.trim_start_matches("async ").strip_prefix("fn ");
        let is_named = function.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with('('));
        std::mem::take(&mut is_test) && is_named
    })
}

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let page = text(PAGE);
    let named: Vec<(&str, &str)> = page.split('`').filter_map(|words| words.split_once(".rs::")).collect();
    for (file, name) in &named {
        let file = format!("{file}.rs");
        assert!(root().join(&file).is_file(), "{PAGE}: `{file}::{name}`: there is no such file");
        assert!(has_test(&text(&file), name), "{PAGE}: `{file}::{name}`: the file has no such test");
    }
    assert!(named.len() > 50, "only {} tests are named", named.len());
}

#[test]
fn a_function_is_no_test() {
    let source = "#[test]\nfn one() {}\n\nfn two() {}\n  #[tokio::test(start_paused = true)]\n  async fn three() {}\n";
    for (name, is_test) in [("one", true), ("two", false), ("three", true), ("on", false), ("four", false)] {
        assert_eq!(has_test(source, name), is_test, "{name}");
    }
}

#[test]
fn the_threat_model_has_every_account_of_the_chart() {
    let page = text(PAGE);
    let mut accounts = 0;
    for file in manifests(Path::new("charts/local-registry/templates")) {
        let template = text(&file);
        // A subject of a binding is indented.
        for object in template.split("\nkind: ServiceAccount\n").skip(1) {
            let name = object.lines().find_map(|line| line.strip_prefix("  name: ")).unwrap();
            assert!(page.contains(&format!("`{name}`")), "{file}: {PAGE} does not say what {name} is worth");
            accounts += 1;
        }
    }
    assert!(accounts >= 9, "only {accounts} accounts");
}
