//! What is published says the same in every place: version, rules, settings and changes.

use local_registry_core::Settings;
use serde_json::{Value, json};
use testkit::repository::{read, text};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn metadata() -> Value {
    read("policy-metadata/metadata.yml")
}

fn annotation(name: &str) -> String {
    metadata()["annotations"][name].as_str().unwrap().to_owned()
}

/// Every `v1.2.3` of a text.
fn versions(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
    let is_version = |word: &&str| {
        word.strip_prefix('v')
            .is_some_and(|rest| rest.split('.').count() == 3 && rest.split('.').all(|part| part.parse::<u32>().is_ok()))
    };
    words.map(|word| word.trim_end_matches('.')).filter(is_version).collect()
}

/// A text in one line, as prose.
fn prose(text: &str) -> String {
    text.replace('`', "").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn there_is_one_version() {
    assert_eq!(annotation("io.kubewarden.policy.version"), VERSION);
    let images = text("deploy/images/kustomization.yaml");
    assert_eq!(versions(&images), [format!("v{VERSION}"), format!("v{VERSION}")]);
    let changelog = text("CHANGELOG.md");
    let newest = changelog.lines().find_map(|line| line.strip_prefix("## ")).unwrap();
    assert_eq!(newest.split(' ').next(), Some(VERSION));
    let of_the_project =
        |line: &&str| line.contains("local-registry-policy:v") || line.contains("local-registry-sync:v");
    let pages = ["docs/quick-start-kind.md", "docs/install.md"].map(text).join("\n");
    let lines: Vec<&str> = pages.lines().filter(of_the_project).collect();
    assert!(lines.len() >= 4, "{lines:?}");
    for line in lines {
        assert!(versions(line).iter().all(|version| *version == format!("v{VERSION}")), "{line}");
    }
}

#[test]
fn there_is_one_registry() {
    let policy = annotation("io.kubewarden.policy.ociUrl");
    let registry = policy.strip_suffix("/local-registry-policy").unwrap();
    let images = text("deploy/images/kustomization.yaml");
    assert!(images.contains(&format!("value: registry://{policy}:v{VERSION}\n")), "{images}");
    assert!(images.contains(&format!("newName: {registry}/local-registry-sync\n")), "{images}");
}

#[test]
fn artifact_hub_knows_the_kinds_of_changes() {
    let changelog = text("CHANGELOG.md");
    let newest = changelog.split("\n## ").nth(1).unwrap();
    let kinds: Vec<_> = newest.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert!(!kinds.is_empty());
    for kind in kinds {
        assert!(["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"].contains(&kind), "{kind}");
    }
}

/// The names of all settings, as the code knows them.
fn settings() -> Vec<String> {
    let (_, warnings) = Settings::parse(br#"{"unknown":0}"#).unwrap();
    let known = warnings[0].to_string().rsplit_once("known are ").unwrap().1.to_owned();
    known.split([',', ' ']).filter(|word| !word.is_empty() && *word != "and").map(str::to_owned).collect()
}

#[test]
fn the_usage_is_short_and_lists_every_setting() {
    let usage = text("policy-metadata/usage.md");
    assert!(usage.lines().count() <= 40);
    let table = usage.split("## Settings").nth(1).unwrap();
    let listed: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("- `")?.split('`').next()).collect();
    assert_eq!(listed, settings());
    let source = annotation("io.kubewarden.policy.source");
    assert!(usage.contains(&format!("<{source}>")), "{source}");
    // It is read where the repository is not.
    assert!(!usage.contains("]("), "a relative link");
}

#[test]
fn every_setting_is_asked_for_in_the_words_of_the_readme() {
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
fn the_form_as_it_comes_up_is_the_default() {
    let questions = read("policy-metadata/questions-ui.yml");
    // A field without a default stays empty.
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
