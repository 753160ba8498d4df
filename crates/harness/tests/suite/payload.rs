//! Payloads that no policy server sends. The module rejects them, and never traps or returns an error.

use crate::module;
use local_registry_harness::capabilities::Capabilities;
use local_registry_harness::engine::Policy;
use local_registry_harness::objects::Objects;
use serde_json::{Value, json};

fn policy() -> Policy {
    module::load(Capabilities::new([], Objects::Nowhere))
}

#[track_caller]
fn check(payload: impl AsRef<[u8]>, expected: &Value) {
    let answer = policy().call("validate", payload.as_ref()).unwrap();
    assert_eq!(&serde_json::from_slice::<Value>(&answer).unwrap(), expected);
}

fn rejected(message: &str) -> Value {
    json!({"accepted": false, "code": 400, "message": message})
}

/// A request about `object`, with a secret that no answer may show.
fn payload(object: &str) -> String {
    format!(
        r#"{{"settings":{{"host":"reg.io"}},"request":{{"uid":"s3cret","operation":"CREATE","kind":{{"group":"shipwright.io","version":"v1beta1","kind":"BuildRun"}},"object":{object}}}}}"#
    )
}

#[test]
fn payloads_that_are_not_admission_requests_are_rejected() {
    let not_json = "expected an object with `request` and `settings`";
    check(
        "",
        &rejected(&format!(
            "the policy's payload is not valid JSON (it ends too early at line 1 column 1); {not_json}"
        )),
    );
    check(
        b"\xff\xfe",
        &rejected("the policy's payload is not UTF-8; expected a JSON object with `request` and `settings`"),
    );
    check(
        "{\"request\":",
        &rejected(&format!(
            "the policy's payload is not valid JSON (it ends too early at line 1 column 12); {not_json}"
        )),
    );
    check(
        "{} {}",
        &rejected(&format!(
            "the policy's payload is not valid JSON (something follows the value at line 1 column 4); {not_json}"
        )),
    );
    let string = "a string, as in a Kubernetes AdmissionRequest";
    for payload in ["{}", "{\"request\":null}", "{\"request\":[]}", "{\"request\":{\"kind\":7}}"] {
        check(
            payload,
            &rejected(&format!("`request.kind.group` is absent in the policy's payload; expected {string}")),
        );
    }
    check("[]", &rejected("the policy's payload is an array; expected an object with `request` and `settings`"));
    let kind = r#""kind":{"group":"","version":"v1","kind":"Pod"}"#;
    check(
        format!(r#"{{"request":{{{kind}}}}}"#),
        &rejected(&format!("`request.operation` is absent in the policy's payload; expected {string}")),
    );
    check(
        format!(r#"{{"request":{{{kind},"operation":1}}}}"#),
        &rejected(&format!("`request.operation` is a number in the policy's payload; expected {string}")),
    );
}

#[test]
fn values_that_are_not_kubernetes_objects_are_rejected() {
    for (object, found) in [("null", "nothing"), ("7", "a number"), ("\"s3cret\"", "a string"), ("[]", "an array")] {
        check(
            payload(object),
            &rejected(&format!("request.object: found {found}; expected the object under admission")),
        );
    }
}

#[test]
fn a_duplicate_key_is_rejected_if_the_policy_reads_it() {
    let object = r#"{"spec":{"build":{"spec":{"output":{"image":"team/app","local":true,"image":"s3cret"}}}}}"#;
    check(
        payload(object),
        &rejected(
            "the policy's payload is not valid JSON (an object has the same key twice at line 1 column 234); expected an object with `request` and `settings`",
        ),
    );
    check(payload(r#"{"spec":{"x":1,"x":2}}"#), &json!({"accepted": true}));
}

#[test]
fn settings_may_be_absent() {
    let request = r#"{"operation":"CREATE","kind":{"group":"shipwright.io","version":"v1beta1","kind":"Build"},"object":{"spec":{}}}"#;
    for settings in ["", r#","settings":null"#, r#","settings":{}"#] {
        check(format!(r#"{{"request":{request}{settings}}}"#), &json!({"accepted": true}));
    }
    check(
        format!(r#"{{"request":{request},"settings":7}}"#),
        &rejected(
            "the policy's settings are invalid: the settings are a number; expected an object, as in {\"host\": \"kind-registry:5000\"}",
        ),
    );
}

#[test]
fn deep_nesting_and_long_texts_are_handled() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let output = |image: &str| {
        format!(r#"{{"spec":{{"x":{deep},"build":{{"spec":{{"output":{{"image":{image},"local":true}}}}}}}}}}"#)
    };
    let answer = policy().call("validate", payload(&output("\"team/app\"")).as_bytes()).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains(r#""image":"reg.io/team/app""#));
    assert!(answer.contains(&deep), "a field that the policy does not read was changed");
    check(
        payload(&output(&deep)),
        &rejected(
            "spec.build.spec.output.image: found an array; expected a reference without a registry, as in `team/app:v1`; write one or set local: false",
        ),
    );
    let long = "a".repeat(5_000_000);
    let cut = "a".repeat(80);
    check(
        payload(&format!(r#"{{"spec":{{"build":{{"spec":{{"output":{{"image":"{long}","local":true}}}}}}}}}}"#)),
        &rejected(&format!(
            "spec.build.spec.output.image: `{cut}…` has a path of 5000000 characters; at most 255 are allowed; write a reference without a registry, as in `team/app:v1`, or set local: false"
        )),
    );
}

#[test]
fn the_text_of_unchanged_values_is_kept() {
    let object = r#"{"z":12345678901234567890123456789.10,"spec":{"build":{"spec":{"output":{"local":true,"image":"team/app","q":1e400}}},"a":-0.0},"a":"\u0041"}"#;
    let answer = policy().call("validate", payload(object).as_bytes()).unwrap();
    let changed = object.replace("team/app", "reg.io/team/app");
    assert_eq!(String::from_utf8(answer).unwrap(), format!(r#"{{"accepted":true,"mutated_object":{changed}}}"#));
}

#[test]
fn settings_that_cannot_be_parsed_are_invalid() {
    for (settings, message) in [
        ("", "the settings are not valid JSON (it ends too early at line 1 column 1)"),
        ("{", "the settings are not valid JSON (it ends too early at line 1 column 2)"),
        ("7", "the settings are a number; expected an object, as in {\"host\": \"kind-registry:5000\"}"),
        ("{\"host\":{}}", "settings.host: found an object; expected a string, as in `kind-registry:5000`"),
    ] {
        let answer = policy().call("validate_settings", settings.as_bytes()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&answer).unwrap(), json!({"valid": false, "message": message}));
    }
    let answer = policy().call("validate_settings", b"\xff").unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&answer).unwrap()["valid"], false);
}

#[test]
fn the_protocol_is_v1() {
    assert_eq!(policy().call("protocol_version", b"").unwrap(), br#""v1""#);
}
