//! Shipwright's samples and CRDs, from the folder that `UPSTREAM` names.

use std::collections::BTreeMap;
use std::path::Path;

use e2e::upstream;
use local_registry_core::shipwright::{Kind, Version, image_fields};
use local_registry_harness::capabilities::Capabilities;
use local_registry_harness::engine::Policy;
use local_registry_harness::metadata::context_aware_resources;
use local_registry_harness::objects::{GetResource, Objects};
use local_registry_harness::review::{AdmissionRequest, AdmissionReview};
use local_registry_testkit::repository::{policy_module, root};
use local_registry_testkit::review;
use serde_json::{Value, json};

/// Every document of every YAML file in a folder and its subfolders, with the file's name.
fn documents(folder: &Path) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            all.extend(documents(&path));
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            let found: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
            all.extend(found.into_iter().map(|document| (path.display().to_string(), document)));
        }
    }
    all
}

fn samples() -> Vec<(String, Value)> {
    let samples = documents(&upstream("shipwright/samples"));
    assert!(samples.len() >= 38, "only {} samples", samples.len());
    samples
}

/// The policy in a cluster with every sample Build. If `output` is given, all of them have that output.
fn policy(samples: &[(String, Value)], output: Option<Value>) -> Policy {
    let stored: BTreeMap<String, Value> = samples
        .iter()
        .filter(|(_, sample)| sample["kind"] == "Build")
        .map(|(_, sample)| {
            let output = output.as_ref().unwrap_or(&sample["spec"]["output"]);
            (sample["metadata"]["name"].as_str().unwrap().to_owned(), json!({"spec": {"output": output}}))
        })
        .collect();
    let answer = move |request: &GetResource| {
        assert_eq!(request.namespace.as_deref(), Some("team"));
        Ok(stored.get(&request.name).cloned())
    };
    let granted = context_aware_resources(&root().join("policy-metadata/metadata.yml")).unwrap();
    Policy::load(&policy_module(), Capabilities::new(granted, Objects::Function(Box::new(answer)))).unwrap()
}

/// The policy's patch, decoded, for a request to create `object`.
#[track_caller]
fn patch(policy: &Policy, object: &Value) -> Option<Value> {
    let (group, version) = object["apiVersion"].as_str().unwrap().split_once('/').unwrap();
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "1", "operation": "CREATE", "namespace": "team",
        "kind": {"group": group, "version": version, "kind": object["kind"]},
        "object": object,
    }});
    let request = AdmissionRequest::parse_review(review.to_string().as_bytes()).unwrap();
    let answer = AdmissionReview::evaluate(policy, &request, &json!({"host": "kind-registry:5000"})).unwrap();
    let response = serde_json::to_value(answer).unwrap()["response"].clone();
    assert_eq!(response["allowed"], true, "{response}");
    assert_eq!(response.get("warnings"), None, "{response}");
    review::patch(&response)
}

#[test]
fn every_sample_passes_unchanged() {
    let samples = samples();
    let policy = policy(&samples, None);
    for (file, sample) in &samples {
        assert_eq!(patch(&policy, sample), None, "{file}");
    }
}

#[test]
fn every_sample_run_with_its_own_local_output_gets_the_host() {
    let samples = samples();
    let policy = policy(&samples, None);
    let expected = json!([{"op": "replace", "path": "/spec/output/image", "value": "kind-registry:5000/team/app:v1"}]);
    for (file, mut run) in samples.into_iter().filter(|(_, sample)| sample["kind"] == "BuildRun") {
        run["spec"]["output"] = json!({"image": "team/app:v1", "local": true});
        assert_eq!(patch(&policy, &run), Some(expected.clone()), "{file}");
    }
}

#[test]
fn every_sample_run_of_a_portable_build_gets_an_output() {
    let samples = samples();
    let policy = policy(&samples, Some(json!({"image": "team/app:v1", "local": true})));
    let expected = json!([{"op": "add", "path": "/spec/output", "value": {"image": "kind-registry:5000/team/app:v1"}}]);
    for (file, run) in samples.into_iter().filter(|(_, sample)| sample["kind"] == "BuildRun") {
        assert_eq!(patch(&policy, &run), Some(expected.clone()), "{file}");
    }
}

#[test]
fn every_sample_build_stays_portable_and_gets_its_source_resolved() {
    let samples = samples();
    let policy = policy(&samples, None);
    for (file, mut build) in samples.into_iter().filter(|(_, sample)| sample["kind"] == "Build") {
        let alpha = build["apiVersion"] == "shipwright.io/v1alpha1";
        build["spec"]["output"]["image"] = json!("team/app:v1");
        build["spec"]["output"]["local"] = json!(true);
        // The output is recorded. In v1alpha1 its field is removed, since it could not be stored.
        let record = |role: &str| json!({"op": "add", "path": format!("/metadata/annotations/local-registry-hosting~1{role}"), "value": "recorded"});
        let forget = |path: &str| alpha.then(|| json!({"op": "remove", "path": path}));
        build["metadata"]["annotations"] = json!({"a": "b"});
        let label =
            json!({"op": "add", "path": "/metadata/labels", "value": {"local-registry-hosting/output": "local"}});
        let portable: Vec<_> =
            [Some(record("output")), Some(label), forget("/spec/output/local")].into_iter().flatten().collect();
        assert_eq!(patch(&policy, &build), Some(json!(portable)), "{file}");

        let field = if alpha { "bundleContainer" } else { "ociArtifact" };
        build["spec"]["source"] = json!({field: {"image": "team/src", "local": true}});
        let path = format!("/spec/source/{field}");
        let image = json!({"op": "replace", "path": format!("{path}/image"), "value": "kind-registry:5000/team/src"});
        let expected: Vec<_> = portable[..1]
            .iter()
            .cloned()
            .chain([record("source")])
            .chain(portable[1..].iter().cloned())
            .chain([image])
            .chain(forget(&format!("{path}/local")))
            .collect();
        let expected = json!(expected);
        assert_eq!(patch(&policy, &build), Some(expected), "{file}");
    }
}

#[test]
fn every_image_field_is_in_the_crds() {
    let crds = documents(&upstream("shipwright/crds"));
    let schema = |kind: &str, version: &str| {
        let (_, crd) = crds.iter().find(|(_, crd)| crd["spec"]["names"]["kind"] == kind).unwrap();
        let versions = crd["spec"]["versions"].as_array().unwrap();
        versions.iter().find(|found| found["name"] == version).unwrap()["schema"]["openAPIV3Schema"].clone()
    };
    for (kind, kind_name) in [(Kind::Build, "Build"), (Kind::BuildRun, "BuildRun")] {
        for (version, version_name) in [(Version::V1Alpha1, "v1alpha1"), (Version::V1Beta1, "v1beta1")] {
            let fields = image_fields(kind, version);
            assert!(fields.len() >= 2);
            for field in fields {
                let mut schema = schema(kind_name, version_name);
                for part in field.path {
                    schema = schema["properties"][part].clone();
                }
                let image = &schema["properties"]["image"];
                assert_eq!(image["type"], "string", "{kind_name} {version_name} {:?}", field.path);
            }
        }
    }
}
