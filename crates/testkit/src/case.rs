//! The cases in `crates/core/tests/cases`: requests, each with the expected answer.
//!
//! `NAME.yaml` describes the request: `object` and `oldObject`, the `operation` (default: CREATE), the `settings`
//! (default: those of a KinD cluster), `granted: false` if the policy may not read Builds, and `request` with other
//! fields of the AdmissionRequest. `NAME.response.json` is the answer, with its patch decoded and its message split
//! into lines. `objects/` has the cluster's Builds. To rewrite the answers, run the harness's tests with `BLESS=1`, and
//! read the diff.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::repository;

/// A request, and the file with the expected answer.
pub struct Case {
    /// The name of its files, without extensions.
    pub name: String,
    /// The AdmissionRequest.
    pub request: Value,
    /// The policy's settings.
    pub settings: Value,
    /// Whether the policy may read Builds.
    pub granted: bool,
    /// The file with the expected answer.
    pub response_path: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Question {
    operation: Option<String>,
    settings: Option<Value>,
    granted: Option<bool>,
    #[serde(default)]
    request: Map<String, Value>,
    #[serde(default)]
    object: Value,
    #[serde(default)]
    old_object: Value,
}

/// The folder of cases.
pub fn folder() -> PathBuf {
    repository::root().join("crates/core/tests/cases")
}

/// Every case, sorted by name.
pub fn all() -> Vec<Case> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() > 100, "only {} cases in {}", files.len(), folder().display());
    files.into_iter().map(|path| read(&path)).collect()
}

fn read(path: &Path) -> Case {
    let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
    let text = std::fs::read_to_string(path).unwrap();
    let question: Question = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let subject = if question.object.is_null() { &question.old_object } else { &question.object };
    let api_version = subject["apiVersion"].as_str().unwrap_or_default();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let mut request = json!({
        "uid": name,
        "kind": {"group": group, "version": version, "kind": subject["kind"]},
        "resource": {"group": group, "version": version, "resource": "any"},
        "name": "subject",
        "namespace": "team",
        "operation": question.operation.unwrap_or("CREATE".to_owned()),
        "userInfo": {"username": "jane"},
        "object": question.object,
        "oldObject": question.old_object,
        "dryRun": false,
    });
    request.as_object_mut().unwrap().extend(question.request);
    Case {
        request,
        settings: question.settings.unwrap_or_else(|| json!({"host": "kind-registry:5000"})),
        granted: question.granted.unwrap_or(true),
        response_path: path.with_file_name(format!("{name}.response.json")),
        name,
    }
}

impl Case {
    /// The expected answer.
    pub fn expected(&self) -> Value {
        let text = std::fs::read_to_string(&self.response_path)
            .unwrap_or_else(|error| panic!("{}: {error}", self.response_path.display()));
        serde_json::from_str(&text).unwrap()
    }
}

/// The Builds that the cases look up.
pub fn builds() -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join("objects/builds.yaml")).unwrap();
    serde_saphyr::from_multiple(&text).unwrap()
}

/// A Build as the policy leaves it: it has the label if its output is local.
pub fn labelled(mut build: Value) -> Value {
    let annotation = &build["metadata"]["annotations"]["local-registry-hosting/output"];
    let is_marked = *annotation == "true" || *annotation == "recorded";
    if build["spec"]["output"]["local"].as_bool().unwrap_or(is_marked) {
        build["metadata"]["labels"]["local-registry-hosting/output"] = json!("local");
    }
    build
}

/// An answer in the form of a `NAME.response.json`.
pub fn answer(
    allowed: bool,
    code: Option<u16>,
    message: Option<&str>,
    patch: Option<Value>,
    warnings: &[String],
) -> Value {
    let mut answer = Map::from_iter([("allowed".to_owned(), json!(allowed))]);
    let mut add = |key: &str, value: Option<Value>| {
        answer.extend(value.map(|value| (key.to_owned(), value)));
    };
    add("code", code.map(Value::from));
    add("message", message.map(|text| text.lines().collect()));
    add("patch", patch);
    add("warnings", (!warnings.is_empty()).then(|| json!(warnings)));
    Value::Object(answer)
}
