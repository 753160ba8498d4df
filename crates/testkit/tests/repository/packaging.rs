//! Published files agree about the version, the registry, the settings and the changes.

use local_registry_core::Settings;
use local_registry_testkit::repository::{read, text};
use serde_json::{Value, json};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn metadata() -> Value {
    read("policy-metadata/metadata.yml")
}

fn annotation(name: &str) -> String {
    metadata()["annotations"][name].as_str().unwrap().to_owned()
}

/// Every version in a text, as in `v1.2.3`.
fn versions(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
    let is_version = |word: &&str| {
        word.strip_prefix('v')
            .is_some_and(|rest| rest.split('.').count() == 3 && rest.split('.').all(|part| part.parse::<u32>().is_ok()))
    };
    words.map(|word| word.trim_end_matches('.')).filter(is_version).collect()
}

/// A text without backticks, in one line.
fn prose(text: &str) -> String {
    text.replace('`', "").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_file_names_the_same_version() {
    assert_eq!(annotation("io.kubewarden.policy.version"), VERSION);
    let chart = read("charts/local-registry/Chart.yaml");
    assert_eq!([&chart["version"], &chart["appVersion"]], [VERSION; 2]);
    let changelog = text("CHANGELOG.md");
    let newest = changelog.lines().find_map(|line| line.strip_prefix("## ")).unwrap();
    assert_eq!(newest.split(' ').next(), Some(VERSION));
    let of_the_project = |line: &&str| {
        ["policy:v", "promote:v", "sync:v"].iter().any(|end| line.contains(&format!("local-registry-{end}")))
    };
    let pages = ["docs/quick-start-kind.md", "docs/install.md"].map(text).join("\n");
    let lines: Vec<&str> = pages.lines().filter(of_the_project).collect();
    assert!(lines.len() >= 4, "{lines:?}");
    for line in lines {
        assert!(versions(line).iter().all(|version| *version == format!("v{VERSION}")), "{line}");
    }
}

#[test]
fn every_file_names_the_same_registry() {
    let policy = annotation("io.kubewarden.policy.ociUrl");
    let registry = policy.strip_suffix("/local-registry-policy").unwrap();
    let values = read("charts/local-registry/values.yaml");
    for (image, name) in [
        (&values["image"], "local-registry-sync"),
        (&values["policy"]["module"], "local-registry-policy"),
        (&values["promote"]["image"], "local-registry-promote"),
    ] {
        assert_eq!(image["repository"], format!("{registry}/{name}"));
    }
    // What is released comes from a part of it.
    let release = read("release/manifests/local-registry/promoter-manifest.yaml");
    let registries = json!([{"name": format!("{registry}/staging"), "src": true}, {"name": registry}]);
    assert_eq!(release["registries"], registries);
}

#[test]
fn the_changelog_uses_the_headings_that_artifact_hub_knows() {
    let changelog = text("CHANGELOG.md");
    let newest = changelog.split("\n## ").nth(1).unwrap();
    let kinds: Vec<_> = newest.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert!(!kinds.is_empty());
    for kind in kinds {
        assert!(["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"].contains(&kind), "{kind}");
    }
}

/// The names of all settings. A warning about an unknown setting lists them.
fn settings() -> Vec<String> {
    let (_, warnings) = Settings::parse(br#"{"unknown":0}"#).unwrap();
    let known = warnings[0].to_string().rsplit_once("known are ").unwrap().1.to_owned();
    known.split([',', ' ']).filter(|word| !word.is_empty() && *word != "and").map(str::to_owned).collect()
}

#[test]
fn the_usage_page_is_short_and_lists_every_setting() {
    let usage = text("policy-metadata/usage.md");
    assert!(usage.lines().count() <= 40);
    let table = usage.split("## Settings").nth(1).unwrap();
    let listed: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("- `")?.split('`').next()).collect();
    assert_eq!(listed, settings());
    let source = annotation("io.kubewarden.policy.source");
    assert!(usage.contains(&format!("<{source}>")), "{source}");
    // kwctl and Artifact Hub show the page alone, where a relative link leads nowhere.
    assert!(!usage.contains("]("), "a relative link");
}

#[test]
fn ranchers_form_describes_every_setting_as_the_readme_does() {
    let questions = read("policy-metadata/questions-ui.yml");
    let questions = questions["questions"].as_array().unwrap();
    let asked: Vec<_> = questions.iter().map(|question| question["variable"].as_str().unwrap()).collect();
    assert_eq!(asked, settings());
    let readme = text("README.md");
    let table = readme.split("## Settings").nth(1).unwrap();
    for (key, question) in asked.iter().zip(questions) {
        let row = table.lines().find(|line| line.starts_with(&format!("| `{key}` |"))).unwrap();
        let meaning = prose(row.trim_end_matches('|').rsplit(" | ").next().unwrap());
        let description = prose(question["description"].as_str().unwrap());
        let said = description.to_lowercase().starts_with(&meaning.to_lowercase());
        assert!(said, "{key}\nREADME: {meaning}\nquestion: {description}");
    }
}

#[test]
fn an_untouched_form_gives_the_default_settings() {
    let questions = read("policy-metadata/questions-ui.yml");
    // Rancher leaves a field without a default empty.
    let form: serde_json::Map<String, Value> = questions["questions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|question| {
            let default = question.get("default").cloned().unwrap_or_else(|| json!(""));
            (question["variable"].as_str().unwrap().to_owned(), default)
        })
        .collect();
    let (settings, warnings) = Settings::parse(json!(form).to_string().as_bytes()).unwrap();
    assert_eq!(settings, Settings::default());
    assert_eq!(warnings, []);
}
