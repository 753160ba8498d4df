//! Our parsers accept and read what the parsers of the ecosystem do. `parsers/verdicts.jsonl` has the verdicts of
//! distribution/reference, go-containerregistry and containers/image. Both of the first two count; where the third differs
//! is known.

use local_registry_core::registry::Host;
use local_registry_core::{ImageReference, RegistryHost};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Row {
    text: Option<String>,
    host: Option<String>,
    docker: Option<Verdict>,
    ggcr: Option<Verdict>,
    containers: Option<Verdict>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Verdict {
    registry: String,
    repository: String,
    #[serde(default)]
    identifier: String,
}

impl Row {
    /// What both parsers read; `None` if they differ or one refuses.
    fn agreed(&self) -> Option<Verdict> {
        let normal = |verdict: &Verdict| Verdict {
            registry: verdict.registry.replace("index.docker.io", "docker.io"),
            repository: verdict.repository.clone(),
            identifier: verdict.identifier.clone(),
        };
        let (docker, ggcr) = (normal(self.docker.as_ref()?), normal(self.ggcr.as_ref()?));
        (docker == ggcr).then_some(docker)
    }
}

/// The committed verdicts, or those in the file that `VERDICTS` names.
fn rows() -> Vec<Row> {
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parsers/verdicts.jsonl");
    let path = std::env::var("VERDICTS").unwrap_or_else(|_| committed.to_owned());
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn a_reference_is_valid_if_both_parsers_read_the_same() {
    let mut valid = 0;
    let mut wrong = Vec::new();
    for row in rows() {
        let Some(text) = &row.text else { continue };
        let ours = ImageReference::parse(text);
        if ours.is_ok() != row.agreed().is_some() {
            wrong.push(format!("{text:?}: ours {ours:?}, theirs {:?} and {:?}", row.docker, row.ggcr));
        }
        let (Ok(ours), Some(theirs)) = (ours, row.agreed()) else { continue };
        valid += 1;
        let registry = ours.registry().unwrap_or("docker.io").replace("index.docker.io", "docker.io");
        let repository_and_identifier = match theirs.identifier.as_str() {
            "" => theirs.repository.clone(),
            digest if digest.contains(':') => format!("{}@{digest}", theirs.repository),
            tag => format!("{}:{tag}", theirs.repository),
        };
        // Both parsers drop the tag if there is a digest, and add `library/` for Docker Hub only.
        let remainder = match ours.remainder().split_once('@') {
            Some((name, digest)) => {
                format!("{}@{digest}", name.rsplit_once(':').map_or(name, |(path, _)| path))
            }
            None => ours.remainder().to_owned(),
        };
        let bare = repository_and_identifier.strip_prefix("library/").unwrap_or(&repository_and_identifier);
        if registry != theirs.registry || (remainder != repository_and_identifier && remainder != bare) {
            wrong.push(format!("{text:?}: ours {ours:?}, theirs {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    assert!(valid > 300, "only {valid} valid references");
}

#[test]
fn both_parsers_read_a_valid_host_back() {
    let mut valid = 0;
    for row in rows() {
        let Some(host) = &row.host else { continue };
        if RegistryHost::parse(host).is_ok() {
            let expected =
                Some(Verdict { registry: host.clone(), repository: "x/y".into(), identifier: String::new() });
            assert_eq!(row.docker, expected, "{host}");
            assert_eq!(row.ggcr, expected, "{host}");
            valid += 1;
        }
    }
    assert!(valid > 30, "only {valid} valid hosts");
}

#[test]
fn the_third_parser_differs_only_where_there_is_a_warning_or_a_name_is_too_long() {
    let mut compared = 0;
    for row in rows() {
        if let Some(host) = row.host.as_ref().and_then(|host| RegistryHost::parse(host).ok()) {
            assert_eq!(row.containers.is_none(), host.warning().is_some(), "{host}");
            compared += 1;
        }
        let Some(reference) = row.text.as_ref().and_then(|text| ImageReference::parse(text).ok()) else { continue };
        let is_ipv6 = reference.registry().is_some_and(|registry| registry.starts_with('['));
        // It counts the registry, and `docker.io` where there is none.
        let name = row.docker.as_ref().map_or(0, |theirs| theirs.registry.len() + 1 + theirs.repository.len());
        if !is_ipv6 && name <= 255 {
            assert_eq!(row.containers, row.docker, "{:?}", row.text);
            compared += 1;
        }
    }
    assert!(compared > 330, "only {compared} compared");
}
