//! The policies and guards that the chart installs, and the policy's metadata, agree with the code.

use std::path::Path;

use local_registry_core::shipwright::{Kind, OUTPUT_LABEL, OUTPUT_LABEL_LOCAL, Version};
use local_registry_core::workload::CONTAINERS_ANNOTATION;
use local_registry_testkit::repository::{manifests, objects, read, text};
use serde_json::{Value, json};

/// The versions, in the order in which Shipwright's CRDs list them.
const VERSIONS: [(Version, &str); 2] = [(Version::V1Alpha1, "v1alpha1"), (Version::V1Beta1, "v1beta1")];

const CRDS: [(Kind, &str); 2] = [(Kind::Build, "builds"), (Kind::BuildRun, "buildruns")];

const POLICIES: &str = "charts/local-registry/files/policies";
const GUARDS: &str = "charts/local-registry/files/guards";

/// A policy that the chart installs.
fn policy(name: &str) -> Value {
    read(&format!("{POLICIES}/{name}.yaml"))
}

/// The objects of a guard that the chart installs.
fn guard(name: &str) -> Vec<Value> {
    objects(&format!("{GUARDS}/{name}.yaml"))
}

/// Tests and programs read them as they are, and so may users. The templates add what the values say.
#[test]
fn policies_and_guards_are_plain_and_leave_the_module_to_the_values() {
    let (policies, guards) = (manifests(Path::new(POLICIES)), manifests(Path::new(GUARDS)));
    assert_eq!((policies.len(), guards.len()), (4, 5));
    for path in policies.iter().chain(&guards) {
        assert!(!text(path).contains("{{"), "{path}: a template");
    }
    for path in policies {
        assert_eq!(read(&path)["spec"]["module"], "", "{path}");
    }
    for path in guards {
        let kinds: Vec<Value> = objects(&path).iter().map(|object| object["kind"].clone()).collect();
        assert_eq!(kinds, ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"], "{path}");
    }
}

#[test]
fn the_rules_of_policies_cover_every_kind_and_version() {
    let rules = json!([{
        "apiGroups": ["shipwright.io"],
        "apiVersions": VERSIONS.map(|(_, name)| name),
        "resources": CRDS.map(|(_, name)| name),
        "operations": ["CREATE", "UPDATE"],
    }]);
    let builds = json!([{"apiVersion": "shipwright.io/v1beta1", "kind": "Build"}]);
    let metadata = read("policy-metadata/metadata.yml");
    assert_eq!(metadata["rules"], rules);
    assert_eq!(metadata["contextAwareResources"], builds);
    for (name, granted) in [("builds", builds), ("namespaced", Value::Null)] {
        let policy = policy(name);
        assert_eq!(policy["spec"]["rules"], rules, "{name}");
        assert_eq!(policy["spec"]["contextAwareResources"], granted, "{name}");
        assert_eq!(policy["spec"]["failurePolicy"], "Fail", "{name}");
    }
}

#[test]
fn all_policies_have_the_same_match_condition() {
    let conditions = |name: &str| policy(name)["spec"]["matchConditions"].clone();
    let builds = conditions("builds");
    assert_eq!(builds.as_array().map(Vec::len), Some(1));
    assert_eq!(conditions("namespaced"), builds);
}

#[test]
fn the_guard_covers_every_kind_and_version_and_finds_builds_by_the_label() {
    for (file, resources) in [("images", json!(["builds", "buildruns"])), ("inherited", json!(["buildruns"]))] {
        let manifests = guard(file);
        let [policy, binding] = &manifests[..] else { panic!("{file}: not two objects") };
        let rules = json!([{
            "apiGroups": ["shipwright.io"],
            "apiVersions": VERSIONS.map(|(_, name)| name),
            "resources": resources,
            "operations": ["CREATE", "UPDATE"],
        }]);
        assert_eq!(policy["spec"]["matchConstraints"], json!({"resourceRules": rules}), "{file}");
        assert_eq!(policy["spec"]["failurePolicy"], "Fail", "{file}");
        assert_eq!(binding["spec"]["policyName"], policy["metadata"]["name"], "{file}");
        assert_eq!(binding["spec"]["validationActions"], json!(["Deny"]), "{file}");
    }
    let binding = &guard("inherited")[1];
    let reference = json!({
        "selector": {"matchLabels": {OUTPUT_LABEL: OUTPUT_LABEL_LOCAL}},
        "parameterNotFoundAction": "Allow",
    });
    assert_eq!(binding["spec"]["paramRef"], reference);
}

/// The rules about pods and revisions.
fn rules_for_workloads() -> Value {
    let rule = |group: &str, resource: &str, operations: Value| json!({"apiGroups": [group], "apiVersions": ["v1"], "resources": [resource], "operations": operations});
    json!([
        rule("", "pods", json!(["CREATE", "UPDATE"])),
        rule("", "pods/ephemeralcontainers", json!(["UPDATE"])),
        rule("serving.knative.dev", "revisions", json!(["CREATE"])),
    ])
}

#[test]
fn the_policy_for_workloads_is_asked_about_pods_and_revisions() {
    let spec = &policy("workloads")["spec"];
    assert_eq!(spec["rules"], rules_for_workloads());
    let fields = ["mutating", "failurePolicy", "backgroundAudit", "contextAwareResources", "settings"];
    assert_eq!(
        fields.map(|field| spec[field].clone()),
        [json!(true), json!("Fail"), json!(false), Value::Null, Value::Null]
    );
    // Without its condition, every pod of the cluster would wait for the policy.
    let conditions = spec["matchConditions"].as_array().unwrap();
    let marked = format!("'{CONTAINERS_ANNOTATION}' in ");
    assert!(conditions.iter().any(|condition| condition["expression"].as_str().unwrap().contains(&marked)));
    // Only a policy that is made with these conditions may be asked about pods.
    let metadata = read("policy-metadata/metadata.yml");
    assert!(!metadata["rules"].to_string().contains("pods"));
}

#[test]
fn the_policy_and_the_guard_for_labelled_namespaces_select_the_same() {
    let spec = &policy("labelled")["spec"];
    assert_eq!(spec["rules"], rules_for_workloads());
    let fields = ["mutating", "failurePolicy", "backgroundAudit", "contextAwareResources", "settings"];
    let expected = [json!(true), json!("Fail"), json!(false), Value::Null, json!({"imagesWithoutRegistry": "local"})];
    assert_eq!(fields.map(|field| spec[field].clone()), expected);
    // Every pod of the namespaces costs each of them.
    assert_eq!(spec["matchConditions"].as_array().map(Vec::len), Some(1));
    // Kubewarden drops the matchLabels of a cluster-wide policy.
    let label = json!({"key": "local-registry-hosting/workloads", "operator": "In", "values": ["true"]});
    let selector = json!({"matchExpressions": [label]});
    assert_eq!(spec["namespaceSelector"], selector);
    let manifests = guard("labelled");
    let [guard, binding] = &manifests[..] else { panic!("not two objects") };
    assert_eq!(
        guard["spec"]["matchConstraints"],
        json!({"namespaceSelector": selector, "resourceRules": rules_for_workloads()})
    );
    assert_eq!(guard["spec"]["failurePolicy"], "Fail");
    assert_eq!(binding["spec"], json!({"policyName": guard["metadata"]["name"], "validationActions": ["Deny"]}));
}

/// Otherwise, it would replace the portable name by which the pods of `check --pull` ask the nodes.
#[test]
fn the_policy_for_workloads_leaves_the_namespace_of_the_check_out() {
    let namespace = "local-registry-check";
    let template = text("charts/local-registry/templates/check/pull-namespace.yaml");
    assert!(template.contains(&format!("\n  name: {namespace}\n")), "{template}");
    let name = json!({"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [namespace]});
    let policy = policy("workloads");
    assert_eq!(policy["spec"]["namespaceSelector"], json!({"matchExpressions": [name]}));
    let guard = &guard("workloads")[0];
    assert_eq!(guard["spec"]["matchConstraints"].get("namespaceSelector"), None);
}
