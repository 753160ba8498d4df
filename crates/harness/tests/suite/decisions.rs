//! Every case of `core/tests/cases` through the built module, in its engine.

use crate::module;
use assert_json_diff::assert_json_eq;
use local_registry_harness::capabilities::Capabilities;
use local_registry_harness::engine::Policy;
use local_registry_harness::objects::{Folder, Objects};
use local_registry_harness::review::{AdmissionRequest, AdmissionReview};
use local_registry_testkit::case::{self, Case};
use local_registry_testkit::review::patch;
use serde_json::{Value, json};

struct Policies {
    granted: Policy,
    denied: Policy,
}

impl Policies {
    fn load() -> Self {
        let objects = || Objects::Folder(Folder::read(&case::folder().join("objects")).unwrap());
        Self {
            granted: module::load(Capabilities::new(module::granted(), objects())),
            denied: module::load(Capabilities::new([], objects())),
        }
    }

    /// The response, as the API server gets it.
    fn evaluate(&self, case: &Case, request: &Value) -> Value {
        let policy = if case.granted { &self.granted } else { &self.denied };
        let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
        let request = AdmissionRequest::parse_review(review.to_string().as_bytes()).unwrap();
        let review = AdmissionReview::evaluate(policy, &request, &case.settings).unwrap();
        serde_json::to_value(review).unwrap()["response"].clone()
    }
}

fn answer(response: &Value) -> Value {
    let warnings: Vec<String> = serde_json::from_value(response["warnings"].clone()).unwrap_or_default();
    case::answer(
        response["allowed"].as_bool().unwrap(),
        response["status"]["code"].as_u64().map(|code| code.try_into().unwrap()),
        response["status"]["message"].as_str(),
        patch(response),
        &warnings,
    )
}

#[test]
fn every_case_gets_its_expected_answer() {
    let policies = Policies::load();
    for case in case::all() {
        println!("{}", case.name);
        let response = policies.evaluate(&case, &case.request);
        let found = answer(&response);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&case.response_path, format!("{found:#}\n")).unwrap();
        }
        assert_eq!(response["uid"], case.request["uid"]);
        assert_json_eq!(found, case.expected());
    }
}

#[test]
fn a_patched_object_passes_unchanged() {
    let policies = Policies::load();
    let mut patched = 0;
    for case in case::all() {
        println!("{}", case.name);
        let response = policies.evaluate(&case, &case.request);
        let Some(found) = patch(&response) else { continue };
        let mut again = case.request.clone();
        let changes: json_patch::Patch = serde_json::from_value(found).unwrap();
        json_patch::patch(&mut again["object"], &changes).unwrap();
        let second = policies.evaluate(&case, &again);
        assert_eq!(second["allowed"], true, "{second}");
        assert_eq!(patch(&second), None);
        patched += 1;
    }
    assert!(patched > 30, "only {patched} cases have a patch");
}
