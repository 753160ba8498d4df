//! The lookup of a Build: what the module asks its host for, and how it reports the host's errors.

use crate::module;
use std::sync::mpsc;

use local_registry_core::shipwright::BUILD_FIELDS;
use local_registry_harness::capabilities::Capabilities;
use local_registry_harness::engine::ValidationResponse;
use local_registry_harness::objects::{GetResource, Objects};
use local_registry_testkit::repository;
use serde_json::value::RawValue;
use serde_json::{Value, json};

fn request() -> Box<RawValue> {
    let request = json!({
        "uid": "1",
        "kind": {"group": "shipwright.io", "version": "v1alpha1", "kind": "BuildRun"},
        "namespace": "team",
        "operation": "CREATE",
        "object": {"spec": {"buildRef": {"name": "b"}}},
    });
    serde_json::value::to_raw_value(&request).unwrap()
}

fn validate(capabilities: Capabilities) -> ValidationResponse {
    module::load(capabilities).validate(&request(), &json!({"host": "kind-registry:5000"})).unwrap()
}

/// A host whose lookups all fail with this text.
fn failing(text: &str) -> Capabilities {
    let text = text.to_owned();
    Capabilities::new(module::granted(), Objects::Function(Box::new(move |_| Err(text.clone()))))
}

#[track_caller]
fn check(capabilities: Capabilities, code: u16, message: &str) {
    let verdict = validate(capabilities);
    assert_eq!(verdict.message.as_deref(), Some(message));
    assert_eq!((verdict.accepted, verdict.code), (false, Some(code)));
    assert_eq!(verdict.mutated_object, None);
}

#[test]
fn a_lookup_asks_for_the_needed_fields_only_and_not_from_a_cache() {
    let (sender, receiver) = mpsc::channel();
    let answer = move |request: &GetResource| {
        sender.send(request.clone()).unwrap();
        Ok(Some(json!({"metadata": {"name": "b"}, "spec": {"output": {"image": "team/app", "local": true}}})))
    };
    let verdict = validate(Capabilities::new(module::granted(), Objects::Function(Box::new(answer))));
    assert_eq!(verdict.mutated_object.unwrap()["spec"]["output"], json!({"image": "kind-registry:5000/team/app"}));
    let expected = json!({
        "api_version": "shipwright.io/v1beta1",
        "kind": "Build",
        "name": "b",
        "namespace": "team",
        "disable_cache": true,
        "field_masks": [
            "spec.output.image", "spec.output.insecure", "spec.output.local", "spec.output.pushSecret",
            "spec.paramValues",
            "spec.source.ociArtifact.image", "spec.source.ociArtifact.local",
        ],
    });
    assert_eq!(serde_json::to_value(receiver.recv().unwrap()).unwrap(), expected);
    assert!(receiver.try_recv().is_err(), "the Build is looked up more than once");
}

/// kwctl answers only the lookup that was recorded for it, and CI may have no kwctl.
#[test]
fn the_lookup_is_the_one_that_is_recorded_for_kwctl() {
    let session = repository::text("e2e/e2e.bats");
    let masks = session.lines().skip_while(|line| line.trim() != "field_masks:").skip(1);
    let masks: Vec<&str> = masks.map_while(|line| line.trim().strip_prefix("- ")).collect();
    assert_eq!(masks, BUILD_FIELDS);
}

// The texts of the errors are those that policy server 1.36 passed to its guest.

#[test]
fn a_build_that_does_not_exist_is_a_404() {
    check(
        Capabilities::new(module::granted(), Objects::Function(Box::new(|_| Ok(None)))),
        404,
        "spec.buildRef.name: there is no Build `b` in namespace `team`; create the Build first",
    );
}

#[test]
fn without_context_aware_resources_the_rejection_names_them() {
    check(
        Capabilities::new([], Objects::Nowhere),
        500,
        "spec.buildRef.name: Build `b` cannot be read: Policy has not been granted access to Kubernetes shipwright.io/v1beta1/Build resources. The violation has been reported; an operator adds apiVersion shipwright.io/v1beta1, kind Build to the policy's spec.contextAwareResources, or sets lookupBuilds: false in its settings",
    );
}

#[test]
fn without_the_host_capability_the_rejection_names_it() {
    check(
        failing(
            "Policy has not been granted access to the 'kubernetes/get_resource' host capability. The violation has been reported.",
        ),
        500,
        "spec.buildRef.name: Build `b` cannot be read: Policy has not been granted access to the 'kubernetes/get_resource' host capability. The violation has been reported; an operator grants the policy the host capability kubernetes/get_resource",
    );
}

#[test]
fn without_the_right_to_get_builds_the_rejection_names_the_service_account() {
    check(
        failing(
            r#"ApiError: builds.shipwright.io "b" is forbidden: User "system:serviceaccount:kubewarden:policy-server" cannot get resource "builds" in API group "shipwright.io" in the namespace "team": Forbidden (Status { status: Some(Failure), code: 403, message: "…" })"#,
        ),
        500,
        r#"spec.buildRef.name: Build `b` cannot be read: ApiError: builds.shipwright.io "b" is forbidden: User "system:serviceaccount:kubewarden:policy-server" cannot get resource "builds" in API group "shipwright.io" in the namespace "team": Forbidden; an operator lets the policy server's service account get builds.shipwright.io in this namespace"#,
    );
}

#[test]
fn without_shipwright_the_rejection_asks_to_install_it() {
    let remedy = "an operator installs Shipwright with its v1beta1 API";
    check(
        failing(
            "error finding resource shipwright.io/v1beta1 / Build: ApiError: 404 page not found\n: Failed to parse error data (Status { code: 404 })",
        ),
        500,
        &format!(
            "spec.buildRef.name: Build `b` cannot be read: error finding resource shipwright.io/v1beta1 / Build: ApiError: 404 page not found; {remedy}"
        ),
    );
    check(
        failing("Cannot find resource shipwright.io/v1beta1/Build"),
        500,
        &format!(
            "spec.buildRef.name: Build `b` cannot be read: Cannot find resource shipwright.io/v1beta1/Build; {remedy}"
        ),
    );
}

#[test]
fn any_other_error_is_cut_to_one_short_line() {
    let remedy = "try again, or ask an operator to look at the policy server's log";
    check(
        failing("ServiceError: client error (Connect)\n\nCaused by:\n    0: client error (Connect)"),
        500,
        &format!("spec.buildRef.name: Build `b` cannot be read: ServiceError: client error (Connect); {remedy}"),
    );
    check(
        Capabilities::new(module::granted(), Objects::Nowhere),
        500,
        &format!("spec.buildRef.name: Build `b` cannot be read: kube::Client was not initialized properly; {remedy}"),
    );
    check(
        failing(&"x".repeat(1000)),
        500,
        &format!("spec.buildRef.name: Build `b` cannot be read: {}…; {remedy}", "x".repeat(300)),
    );
}

#[test]
fn an_answer_that_is_not_a_build_is_reported() {
    check(
        Capabilities::new(module::granted(), Objects::Function(Box::new(|_| Ok(Some(Value::from("Build")))))),
        500,
        "spec.buildRef.name: Build `b` cannot be read: the answer is not a Build (it is a string); ask an operator to look at the policy server's log",
    );
}
