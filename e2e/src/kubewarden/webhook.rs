//! The webhooks of policies, as the controller registers them.

use serde_json::{Value, json};

use super::NAMESPACE;
use crate::kubectl::Kubectl;
use crate::process::eventually;

/// Registers the webhook of a policy as the controller does, and waits until the API server calls it.
pub(crate) fn register(kubectl: &Kubectl, name: &str, policy: &Value, client_config: Value) {
    let spec = &policy["spec"];
    let (operator, namespace) = match policy["metadata"]["namespace"].as_str() {
        Some(namespace) => ("In", namespace),
        None => ("NotIn", NAMESPACE),
    };
    let mut selector = vec![json!({"key": "kubernetes.io/metadata.name", "operator": operator, "values": [namespace]})];
    // The controller drops the `matchLabels` of a cluster-wide policy.
    selector.extend(spec["namespaceSelector"]["matchExpressions"].as_array().cloned().unwrap_or_default());
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": configuration_kind(spec),
        "metadata": {"name": name},
        "webhooks": [{
            "name": format!("{name}.kubewarden.admission"),
            "clientConfig": client_config,
            "rules": spec["rules"],
            "matchConditions": spec["matchConditions"],
            "failurePolicy": spec["failurePolicy"],
            "matchPolicy": spec["matchPolicy"],
            "timeoutSeconds": spec["timeoutSeconds"],
            "namespaceSelector": {"matchExpressions": &selector},
            "objectSelector": spec["objectSelector"],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }],
    });
    kubectl.ok_with(&["apply", "-f", "-"], &configuration);
    // The API server takes a moment to call a new webhook. This waits until the policy rejects a wrong annotation, in a namespace
    // where it is asked, if there is one.
    // The guard is called only if the policy accepts, so tests of the guard have to wait for it themselves.
    if spec["mutating"] == true
        && let Some(namespace) = selected(kubectl, &selector)
    {
        let probe = probe(spec, &namespace);
        let asked = format!("admission webhook \"{name}.kubewarden.admission\" denied the request");
        eventually("the API server to call the webhook", || {
            let answer = kubectl.run_with(&["create", "--dry-run=server", "-f", "-"], &probe.to_string());
            answer.stderr.contains(&asked).then_some(())
        });
    }
}

/// A namespace that these requirements select.
fn selected(kubectl: &Kubectl, selector: &[Value]) -> Option<String> {
    let requirement = |expression: &Value| {
        let key = expression["key"].as_str().unwrap();
        let values = || {
            let values = expression["values"].as_array().unwrap().iter();
            values.map(|value| value.as_str().unwrap()).collect::<Vec<_>>().join(",")
        };
        match expression["operator"].as_str().unwrap() {
            "In" => format!("{key} in ({})", values()),
            "NotIn" => format!("{key} notin ({})", values()),
            "Exists" => key.to_owned(),
            _ => format!("!{key}"),
        }
    };
    let selector = selector.iter().map(requirement).collect::<Vec<_>>().join(",");
    let found = kubectl.json(&["get", "namespaces", &format!("--selector={selector}")]);
    found["items"][0]["metadata"]["name"].as_str().map(ToOwned::to_owned)
}

/// An object that the policy rejects, whatever its settings.
fn probe(spec: &Value, namespace: &str) -> Value {
    let metadata =
        |annotation: &str| json!({"name": "probe", "namespace": namespace, "annotations": {annotation: "probe"}});
    if spec["rules"][0]["resources"] == json!(["pods"]) {
        return json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata("local-registry-hosting/containers"),
            "spec": {"containers": [{"name": "other", "image": "probe"}]},
        });
    }
    json!({
        "apiVersion": "shipwright.io/v1beta1",
        "kind": "Build",
        "metadata": metadata("local-registry-hosting/output"),
        "spec": {"output": {"image": "probe"}, "strategy": {"name": "probe"}},
    })
}

/// The name under which the controller serves a policy.
pub(crate) fn unique_name(policy: &Value) -> String {
    let name = policy["metadata"]["name"].as_str().unwrap();
    match policy["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("namespaced-{namespace}-{name}"),
        None => format!("clusterwide-{name}"),
    }
}

pub(super) fn configuration_kind(spec: &Value) -> &'static str {
    if spec["mutating"] == true { "MutatingWebhookConfiguration" } else { "ValidatingWebhookConfiguration" }
}
