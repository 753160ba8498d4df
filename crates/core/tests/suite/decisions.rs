//! Every case, decided by the library alone. The harness's tests run the same cases through the built module.

use assert_json_diff::assert_json_eq;
use local_registry_core::shipwright::LookupError;
use local_registry_core::{Decision, Request, decide};
use local_registry_testkit::case::{self, Case};
use serde_json::{Value, json};

fn decide_case(case: &Case, builds: &[Value]) -> Value {
    let payload = json!({"request": case.request, "settings": case.settings}).to_string();
    let request = match Request::parse(payload.as_bytes()) {
        Ok(request) => request,
        Err(error) => return case::answer(false, Some(400), Some(&error.to_string()), None, &[]),
    };
    let mut lookup = |namespace: &str, name: &str| {
        if !case.granted {
            return Err(LookupError::NotGranted("Policy has not been granted access to Kubernetes shipwright.io/v1beta1/Build resources. The violation has been reported".to_owned()));
        }
        let found = builds
            .iter()
            .find(|build| build["metadata"]["name"] == name && build["metadata"]["namespace"] == namespace);
        found.map(Value::to_string).ok_or(LookupError::NotFound)
    };
    match decide(&request, &mut lookup) {
        Err(error) => {
            let message = format!("the policy's settings are invalid: {error}");
            case::answer(false, Some(400), Some(&message), None, &[])
        }
        Ok(Decision::Reject(rejection)) => {
            case::answer(false, Some(rejection.code() as u16), Some(&rejection.to_string()), None, &[])
        }
        Ok(Decision::Accept { edits, warnings }) => {
            let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
            let patch = (!edits.is_empty()).then(|| {
                let mut object = String::new();
                request.apply(&edits, &mut object).unwrap();
                let mutated: Value = serde_json::from_str(&object).unwrap();
                serde_json::to_value(json_patch::diff(&case.request["object"], &mutated)).unwrap()
            });
            case::answer(true, None, None, patch, &warnings)
        }
    }
}

#[test]
fn every_case_gets_its_expected_answer() {
    let builds = case::builds();
    for case in case::all() {
        println!("{}", case.name);
        assert_json_eq!(decide_case(&case, &builds), case.expected());
    }
}
