//! What Helm has rendered, without its hooks: whoever applies files has no Helm that runs them.

use serde::Deserialize;

/// The documents of a preset.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// What is installed.
    pub(crate) installed: String,
    /// What `helm test` runs: the pod of `check`.
    pub(crate) check: Option<String>,
}

/// What separates two documents. In a text that is itself in YAML, the line would be indented.
const SEPARATOR: &str = "---\n";
/// The annotation of a hook, and the beginning of all that are about one.
const HOOK: &str = "helm.sh/hook";
const TEST: &str = "test";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    annotations: Option<Annotations>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotations {
    #[serde(rename = "helm.sh/hook")]
    hook: Option<String>,
}

impl Rendered {
    /// Reads what `helm template` prints. What Helm does with a hook at another time than that of `helm test` is left out.
    pub(crate) fn of(text: &str) -> Result<Self, String> {
        let (mut installed, mut check) = (String::new(), String::new());
        for document in documents(text) {
            match hook(&document)? {
                None => installed.extend([SEPARATOR, &document]),
                Some(hook) if hook == TEST => check.extend([SEPARATOR, &without_hook(&document)?]),
                Some(_) => {}
            }
        }
        Ok(Self { installed, check: (!check.is_empty()).then_some(check) })
    }
}

/// The documents of a text, with their comments, and without those that have nothing in them.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.split_inclusive('\n') {
        match documents.last_mut() {
            Some(last) if line != SEPARATOR => last.push_str(line),
            _ => documents.push(String::new()),
        }
    }
    documents.retain(|document| document.lines().any(|line| !line.trim().is_empty() && !line.starts_with('#')));
    documents
}

/// When Helm applies a document, if that is not when it installs the others.
fn hook(document: &str) -> Result<Option<String>, String> {
    let object: Object = serde_saphyr::from_str(document).map_err(|error| error.to_string())?;
    Ok(object.metadata.annotations.and_then(|annotations| annotations.hook))
}

/// A document without the annotations that make it a hook.
fn without_hook(document: &str) -> Result<String, String> {
    let is_about_hook = |line: &&str| line.trim_start().trim_start_matches(['"', '\'']).starts_with(HOOK);
    let mut lines = document.split_inclusive('\n').filter(|line| !is_about_hook(line)).peekable();
    let mut plain = String::new();
    while let Some(line) = lines.next() {
        let is_empty = |next: &&str| indentation(next) <= indentation(line);
        if line.trim() != "annotations:" || lines.peek().is_some_and(|next| !is_empty(next)) {
            plain.push_str(line);
        }
    }
    match hook(&plain)? {
        None => Ok(plain),
        Some(_) => Err(format!("the annotation {HOOK} is not on a line of its own; write it so in the chart")),
    }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "---
# Source: local-registry/templates/service.yaml
apiVersion: v1
kind: Service
metadata:
  name: registry
  annotations:
    helm.sh/resource-policy: keep
---
# Source: local-registry/templates/empty.yaml
---
# Source: local-registry/templates/config.yaml
apiVersion: v1
kind: ConfigMap
data:
  text: |
    ---
    a: b
---
# Source: local-registry/templates/uninstall.yaml
kind: Job
metadata:
  annotations: {helm.sh/hook: pre-delete}
---
# Source: local-registry/templates/check.yaml
kind: Pod
metadata:
  name: check
  annotations:
    helm.sh/hook: test
    \"helm.sh/hook-weight\": \"1\"
    helm.sh/hook-delete-policy: before-hook-creation
  labels: {a: b}
---
# Source: local-registry/templates/check.yaml
kind: Pod
metadata:
  annotations:
    a: b
    helm.sh/hook: test
";

    #[test]
    fn hooks_are_left_out_but_for_the_check() {
        let Rendered { installed, check } = Rendered::of(TEXT).unwrap();
        let (service, rest) = TEXT.split_once("---\n# Source: local-registry/templates/empty.yaml\n").unwrap();
        let (config, _) = rest.split_once("---\n# Source: local-registry/templates/uninstall.yaml\n").unwrap();
        assert_eq!(installed, format!("{service}{config}"));
        assert_eq!(
            check.unwrap(),
            "---\n# Source: local-registry/templates/check.yaml\nkind: Pod\nmetadata:\n  name: check\n  labels: {a: b}\n\
             ---\n# Source: local-registry/templates/check.yaml\nkind: Pod\nmetadata:\n  annotations:\n    a: b\n"
        );
    }

    #[test]
    fn what_has_no_check_has_no_file_of_one() {
        assert_eq!(Rendered::of("kind: Service\n").unwrap().check, None);
    }

    #[test]
    fn a_hook_that_would_stay_is_reported() {
        let problem = "the annotation helm.sh/hook is not on a line of its own; write it so in the chart";
        let text = "kind: Pod\nmetadata:\n  annotations: {helm.sh/hook: test}\n";
        assert_eq!(Rendered::of(text).unwrap_err(), problem);
    }
}
