//! The shipped `matchConditions` send the policy every request that it could change, reject or warn about, and few
//! others. `laws.rs` compares them with the built module on generated objects, and `e2e/` with a real API server.

use crate::conditions::{LABELLED, SHIPWRIGHT, Shipped, WORKLOADS};
use local_registry_testkit::case::{self, Case};
use serde_json::{Value, json};

#[test]
fn a_case_that_the_conditions_skip_is_allowed_unchanged() {
    // What has no registry is local by this setting, and the condition for annotated pods is not meant for it.
    let is_plain = |case: &Case| case.settings["imagesWithoutRegistry"] != "local";
    check_cases(&SHIPWRIGHT, 150, |_| true);
    check_cases(&WORKLOADS, 50, is_plain);
    check_cases(&LABELLED, 50, |_| true);
}

#[track_caller]
fn check_cases(policy: &Shipped, at_least: usize, is_meant: fn(&Case) -> bool) {
    let mut asked = Vec::new();
    for case in case::all().into_iter().filter(|case| policy.covers(&case.request) && is_meant(case)) {
        let is_asked = policy.asks(&case.request);
        if !is_asked {
            assert_eq!(case.expected(), json!({"allowed": true}), "{} is not asked about", case.name);
        }
        asked.push(is_asked);
    }
    let not_asked = asked.iter().filter(|asked| !**asked).count();
    assert!(asked.len() > at_least && not_asked >= 3, "{not_asked} of {} cases are not asked about", asked.len());
}

fn request(kind: &str, version: &str, object: &Value, old_object: Option<&Value>) -> Value {
    json!({
        "kind": {"group": "shipwright.io", "version": version, "kind": kind},
        "operation": if old_object.is_some() { "UPDATE" } else { "CREATE" },
        "object": object,
        "oldObject": old_object,
    })
}

#[test]
fn an_object_without_a_local_image_does_not_wait_for_the_policy() {
    let docker = json!({"image": "docker.io/team/app"});
    let source = json!({"type": "OCI", "ociArtifact": {"image": "team/source"}});
    for (what, kind, version, spec) in [
        ("a Build", "Build", "v1beta1", json!({"output": docker, "source": source})),
        ("a Build at a port", "Build", "v1beta1", json!({"output": {"image": "registry:5000/team/app"}})),
        ("a Build at localhost", "Build", "v1beta1", json!({"output": {"image": "localhost/app"}})),
        ("a v1alpha1 Build", "Build", "v1alpha1", json!({"output": docker, "builder": {"image": "team/builder"}})),
        ("a run", "BuildRun", "v1beta1", json!({"build": {"spec": {"output": docker, "source": source}}})),
        ("a v1alpha1 run", "BuildRun", "v1alpha1", json!({"buildSpec": {"output": docker}})),
        ("a run that streams", "BuildRun", "v1beta1", json!({"source": {"type": "Local", "local": {}}})),
    ] {
        let object = json!({"metadata": {"annotations": {"a": "b"}}, "spec": spec});
        assert!(!SHIPWRIGHT.asks(&request(kind, version, &object, None)), "{what}");
    }
}

#[test]
fn an_update_of_other_fields_does_not_wait_for_the_policy() {
    let build = json!({
        "metadata": {"finalizers": ["x"], "annotations": {"local-registry-hosting/output": "recorded"}},
        "spec": {"output": {"image": "team/app", "local": true}, "env": [{"name": "a"}], "timeout": "5m"},
    });
    let run = json!({
        "metadata": {"finalizers": ["x"]},
        "spec": {"build": {"name": "app"}, "output": {"image": "team/app", "local": true}, "paramValues": [{"name": "a"}]},
    });
    for (kind, old) in [("Build", &build), ("BuildRun", &run)] {
        for (what, path, value) in [
            ("a label", "/metadata", json!({"labels": {"a": "b"}})),
            ("a finalizer", "/metadata", json!({"finalizers": []})),
            ("the deletion", "/metadata", json!({"deletionTimestamp": "2026-01-01T00:00:00Z"})),
            ("a cancellation", "/spec", json!({"state": "BuildRunCanceled"})),
            ("the timeout", "/spec", json!({"timeout": "10m"})),
            ("the environment", "/spec", json!({"env": []})),
            ("the status", "", json!({"status": {"reason": "x"}})),
        ] {
            let mut object = old.clone();
            let place = object.pointer_mut(path).unwrap().as_object_mut().unwrap();
            place.extend(value.as_object().unwrap().clone());
            assert!(!SHIPWRIGHT.asks(&request(kind, "v1beta1", &object, Some(old))), "{kind}: {what}");
        }
        for (what, path, value) in [
            ("an annotation", "/metadata", json!({"annotations": {"a": "b", "local-registry-hosting/output": "true"}})),
            ("the output", "/spec", json!({"output": {"image": "team/app:v2", "local": true}})),
            ("the parameters", "/spec", json!({"output": {"image": "team/app", "local": true}, "paramValues": []})),
        ] {
            let mut object = old.clone();
            let place = object.pointer_mut(path).unwrap().as_object_mut().unwrap();
            place.extend(value.as_object().unwrap().clone());
            assert!(SHIPWRIGHT.asks(&request(kind, "v1beta1", &object, Some(old))), "{kind}: {what}");
        }
    }
}

#[test]
fn the_policy_is_asked_about_an_object_of_another_shape() {
    for spec in [
        json!("x"),
        json!({"output": "team/app"}),
        json!({"output": null}),
        json!({"output": {"image": 7}}),
        json!({"output": {"image": null}}),
        json!({"source": "https://example.org"}),
        json!({"source": {"ociArtifact": "team/app"}}),
        json!({"builder": []}),
        json!({"build": "app"}),
        json!({"build": {"spec": 7}}),
        json!({"buildRef": "app"}),
        json!({"buildSpec": "app"}),
    ] {
        let object = json!({"metadata": {}, "spec": spec});
        assert!(SHIPWRIGHT.asks(&request("Build", "v1beta1", &object, None)), "{spec}");
        let old = json!({"metadata": {}, "spec": {}});
        assert!(SHIPWRIGHT.asks(&request("Build", "v1beta1", &object, Some(&old))), "{spec}, updated");
    }
}

/// A request about a pod with these annotations and containers, and before that with others.
fn pod_request(sub_resource: &str, object: (&Value, &Value), old: Option<(&Value, &Value)>) -> Value {
    let pod = |(annotations, spec): (&Value, &Value)| json!({"metadata": {"annotations": annotations}, "spec": spec});
    json!({
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "subResource": sub_resource,
        "operation": if old.is_some() { "UPDATE" } else { "CREATE" },
        "object": pod(object),
        "oldObject": old.map(pod),
    })
}

#[test]
fn a_pod_without_the_annotation_does_not_wait_for_the_policy() {
    let spec = json!({"containers": [{"name": "app", "image": "team/app"}]});
    let other = json!({"containers": [{"name": "app", "image": "team/app:v2"}]});
    for annotations in [json!({}), json!({"a": "b"}), json!({"local-registry-hosting/output": "true"})] {
        let requests = [
            pod_request("", (&annotations, &spec), None),
            pod_request("", (&annotations, &other), Some((&annotations, &spec))),
            pod_request("ephemeralcontainers", (&annotations, &other), Some((&annotations, &spec))),
        ];
        for request in requests {
            assert!(WORKLOADS.covers(&request) && !WORKLOADS.asks(&request), "{request}");
        }
    }
}

#[test]
fn an_update_of_an_annotated_pod_waits_for_the_policy_only_if_a_container_changes() {
    let marked = json!({"local-registry-hosting/containers": "app"});
    let spec = json!({"containers": [{"name": "app", "image": "team/app"}], "tolerations": []});
    let asks = |sub_resource: &str, annotations: &Value, spec: &Value, old: (&Value, &Value)| {
        let request = pod_request(sub_resource, (annotations, spec), Some(old));
        assert!(WORKLOADS.covers(&request), "{request}");
        WORKLOADS.asks(&request)
    };
    assert!(WORKLOADS.asks(&pod_request("", (&marked, &spec), None)));
    let more = json!({"local-registry-hosting/containers": "app, debug", "a": "b"});
    assert!(!asks("", &more, &spec, (&marked, &spec)), "annotations");
    let tolerant = json!({"containers": spec["containers"], "tolerations": [{"operator": "Exists"}]});
    assert!(!asks("", &marked, &tolerant, (&marked, &spec)), "tolerations");
    for (what, changed) in [
        ("an image", json!({"containers": [{"name": "app", "image": "team/app:v2"}]})),
        ("an init container", json!({"containers": spec["containers"], "initContainers": [{"name": "a"}]})),
        ("an ephemeral container", json!({"containers": spec["containers"], "ephemeralContainers": [{"name": "a"}]})),
        ("another shape", json!({"containers": "app"})),
        ("no containers", json!({})),
        ("no spec", json!(null)),
    ] {
        assert!(asks("", &marked, &changed, (&marked, &spec)), "{what}");
        // A request for ephemeral containers need not repeat the annotations.
        assert!(asks("ephemeralcontainers", &json!({}), &changed, (&marked, &spec)), "{what}");
    }
}

#[test]
fn in_a_labelled_namespace_only_an_image_without_a_registry_waits_for_the_policy() {
    let none = json!({});
    let asks = |spec: &Value, old: Option<&Value>| {
        let request = pod_request("", (&none, spec), old.map(|old| (&none, old)));
        assert!(LABELLED.covers(&request), "{request}");
        LABELLED.asks(&request)
    };
    let of = |image: &str| json!({"containers": [{"name": "other", "image": "reg.example/x"}, {"name": "app", "image": image}]});
    for image in ["reg.example/team/app", "localhost:5001/team/app", "localhost/app", "Registry/app"] {
        assert!(!asks(&of(image), None), "{image}");
        assert!(!asks(&of(image), Some(&of("team/before"))), "{image}");
    }
    for image in ["team/app:v1", "nginx", "nginx:1.2", "local-registry:5000/team/app"] {
        assert!(asks(&of(image), None), "{image}");
        assert!(asks(&of(image), Some(&of("team/before"))), "{image}");
        assert!(!asks(&of(image), Some(&of(image))), "{image} stays");
        let debug = json!({"containers": [], "ephemeralContainers": [{"name": "debug", "image": image}]});
        assert!(asks(&debug, Some(&json!({"containers": []}))), "{image}");
        let volume = json!({"containers": [], "volumes": [{"name": "data", "emptyDir": {}}, {"name": "model", "image": {"reference": image}}]});
        assert!(asks(&volume, None), "{image}");
    }
    for volumes in [
        json!([{"name": "data", "emptyDir": {}}]),
        json!([{"name": "model", "image": {"reference": "reg.example/model"}}]),
    ] {
        assert!(!asks(&json!({"containers": [], "volumes": volumes}), None), "{volumes}");
    }
    let annotated = json!({"local-registry-hosting/containers": "x"});
    assert!(LABELLED.asks(&pod_request("", (&annotated, &of("reg.example/app")), None)));
}
