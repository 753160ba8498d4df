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

fn package() -> Value {
    read("artifacthub/artifacthub-pkg.yml")
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
    assert_eq!(package()["version"], VERSION);
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
    let expected = json!([
        {"name": "policy", "image": format!("{policy}:v{VERSION}")},
        {"name": "local-registry-sync", "image": format!("{registry}/local-registry-sync:v{VERSION}")},
    ]);
    assert_eq!(package()["containersImages"], expected);
}

#[test]
fn artifact_hub_lists_what_the_metadata_says() {
    let (package, metadata) = (package(), metadata());
    assert_eq!(package["name"], annotation("io.kubewarden.policy.title"));
    assert_eq!(package["displayName"], annotation("io.artifacthub.displayName"));
    assert_eq!(package["description"], annotation("io.kubewarden.policy.description"));
    assert_eq!(package["license"], annotation("io.kubewarden.policy.license"));
    assert_eq!(package["homeURL"], annotation("io.kubewarden.policy.url"));
    let source = annotation("io.kubewarden.policy.source");
    assert!(package["links"].as_array().unwrap().contains(&json!({"name": "source", "url": source})));
    assert_eq!(package["screenshots"][0]["url"], format!("{source}/raw/v{VERSION}/docs/chain.svg"));
    let keywords = annotation("io.artifacthub.keywords");
    assert_eq!(package["keywords"], json!(keywords.split(", ").collect::<Vec<_>>()));
    let author = &package["maintainers"][0];
    assert_eq!(
        format!("{} <{}>", author["name"].as_str().unwrap(), author["email"].as_str().unwrap()),
        annotation("io.kubewarden.policy.author")
    );
    let annotations = &package["annotations"];
    let yaml = |name: &str| serde_saphyr::from_str::<Value>(annotations[name].as_str().unwrap()).unwrap();
    assert_eq!(yaml("kubewarden/mutation"), metadata["mutating"]);
    assert_eq!(yaml("kubewarden/rules"), metadata["rules"]);
    assert_eq!(yaml("kubewarden/contextAwareResources"), metadata["contextAwareResources"]);
    assert_eq!(annotations["kubewarden/resources"], annotation("io.artifacthub.resources"));
    assert_eq!(annotations["kubewarden/questions-ui"], text("policy-metadata/questions-ui.yml"));
}

#[test]
fn artifact_hub_lists_the_changes_of_the_changelog() {
    let changelog = text("CHANGELOG.md");
    let newest = changelog.split("\n## ").nth(1).unwrap();
    let mut changes = Vec::new();
    for section in newest.split("\n### ").skip(1) {
        let (kind, items) = section.split_once('\n').unwrap();
        for item in items.split("\n- ").skip(1) {
            let description = item.split_whitespace().collect::<Vec<_>>().join(" ");
            changes.push(json!({"kind": kind.to_lowercase(), "description": description}));
        }
    }
    assert_eq!(package()["changes"], json!(changes));
}

#[test]
fn every_setting_is_asked_for_in_the_words_of_the_readme() {
    let questions = read("policy-metadata/questions-ui.yml");
    let questions = questions["questions"].as_array().unwrap();
    let (_, warnings) = Settings::parse(br#"{"unknown":0}"#).unwrap();
    let (_, known) =
        warnings[0].to_string().rsplit_once("known are ").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let known: Vec<_> = known.split([',', ' ']).filter(|word| !word.is_empty() && *word != "and").collect();
    let asked: Vec<_> = questions.iter().map(|question| question["variable"].as_str().unwrap()).collect();
    assert_eq!(asked, known);
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
