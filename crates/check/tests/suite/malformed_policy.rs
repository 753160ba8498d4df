//! `check` of policies that the API server should have refused. No link is left out because of them.

use serde_json::{Value, json};

use super::check::trouble_with;

const ALL_LEFT_OUT: &str = "✗ policy local rules: they leave out CREATE of v1alpha1 builds, UPDATE of v1alpha1 builds, CREATE of v1alpha1 buildruns, UPDATE of v1alpha1 buildruns, CREATE of v1beta1 builds, UPDATE of v1beta1 builds, CREATE of v1beta1 buildruns, UPDATE of v1beta1 buildruns; give it the rules of charts/local-registry/files/policies/builds.yaml";
const NO_INSECURE: &str = "✗ registry: http://kind-registry.local:5000/v2/ answers 200, but HTTPS does not (not TLS); set insecure: true in the policy's settings, or give the registry a certificate";
const NO_STATUS: &str = "✗ policy local: its status is unknown, not active; see what the Kubewarden controller says of it: kubectl describe clusteradmissionpolicy local";
const NOT_MUTATING: &str =
    "✗ policy local mutating: spec.mutating is not true; set spec.mutating: true, or nothing is injected";
const NO_BUILDS: &str = "✗ policy local rights: spec.contextAwareResources does not list Builds; add apiVersion shipwright.io/v1beta1, kind Build to spec.contextAwareResources";

#[tokio::test]
async fn a_policy_whose_fields_have_other_types() {
    let spec = json!({
        "mutating": "true", "mode": 5, "failurePolicy": ["Fail"], "rules": {"a": 1}, "matchConditions": "x",
        "namespaceSelector": [], "objectSelector": "x", "settings": "x", "contextAwareResources": {}, "policyServer": {},
    });
    let change = |policy: &mut Value| {
        policy["spec"] = spec;
        policy["status"] = json!({"policyStatus": 1, "conditions": 2});
    };
    assert_eq!(
        trouble_with(change).await,
        [
            NO_INSECURE,
            NO_STATUS,
            NOT_MUTATING,
            ALL_LEFT_OUT,
            "! policy local namespaceSelector: it cannot be read: invalid type: sequence, expected LabelSelector; correct the policy",
            "! policy local objectSelector: it cannot be read: invalid type: string \"x\", expected LabelSelector; correct the policy",
            "✗ policy local settings: spec.settings: found a string; expected an object; correct the policy",
            NO_BUILDS,
        ]
    );
    for other in [json!(null), json!("x"), json!([]), json!([true, "monitor", "Ignore"])] {
        let change = |policy: &mut Value| {
            policy["spec"] = other.clone();
            policy["status"] = other;
        };
        assert_eq!(
            trouble_with(change).await,
            [
                NO_INSECURE,
                NO_STATUS,
                NOT_MUTATING,
                ALL_LEFT_OUT,
                "✗ policy local settings: they are null, and the cluster declares {\"host\":\"kind-registry.local:5000\"}; run local-registry-sync for this policy",
                NO_BUILDS,
            ]
        );
    }
}

#[tokio::test]
async fn a_policy_whose_lists_have_elements_of_other_types() {
    let change = |policy: &mut Value| {
        let rules = [json!(7), json!({"apiGroups": "*", "apiVersions": [1, "*"]}), policy["spec"]["rules"][0].take()];
        policy["spec"]["rules"] = json!(rules);
        policy["spec"]["matchConditions"] = json!(["x", {"name": 5, "expression": ["true"]}, {"name": "a"}]);
        policy["spec"]["contextAwareResources"] = json!(["x", {"apiVersion": 5}]);
        policy["spec"]["settings"] = json!({"host": 5, "insecure": "true", "lookupBuilds": "no"});
        policy["status"]["conditions"] = json!([
            "x", {"type": "PolicyActive", "status": true}, {"type": "PolicyUniquelyReachable", "status": "False", "message": 4},
        ]);
    };
    assert_eq!(
        trouble_with(change).await,
        [
            NO_INSECURE,
            "✗ policy local: PolicyActive is unknown: , PolicyUniquelyReachable is False: ; wait until the policy server has rolled; if it hangs, see why: kubectl describe pods --namespace kubewarden --selector kubewarden/policy-server=default",
            "! policy local matchConditions: , , a differ from those that this version ships, so objects may be left out; upgrade the release with the chart of this version (policy.enabled=true), or see that they leave out nothing that may be local",
            "✗ policy local settings: they are {\"host\":5,\"insecure\":\"true\",\"lookupBuilds\":\"no\"}, and the cluster declares {\"host\":\"kind-registry.local:5000\"}; run local-registry-sync for this policy",
            NO_BUILDS,
        ]
    );
    for rule in [json!([["*"], ["*"], ["*"], ["*"]]), json!({"apiGroups": [1, null]}), json!(null)] {
        assert_eq!(trouble_with(|policy| policy["spec"]["rules"] = json!([rule])).await, [ALL_LEFT_OUT]);
    }
}

#[tokio::test]
async fn a_selector_that_cannot_be_read_has_a_line() {
    for field in ["namespaceSelector", "objectSelector"] {
        let check = async |selector: Value, reason: &str| {
            let found = trouble_with(|policy| policy["spec"][field] = selector).await;
            let expected = format!("! policy local {field}: it cannot be read: {reason}; correct the policy");
            assert_eq!(found, [expected]);
        };
        check(json!({"matchLabels": 5}), "invalid type: integer `5`, expected a map").await;
        let near = json!({"matchExpressions": [{"key": "a", "operator": "Near"}]});
        check(near, "failed to parse value as expression: Invalid expression operator").await;
        let empty = json!({"matchExpressions": [{"key": "a", "operator": "In"}]});
        check(empty, "failed to parse value as expression: Expected values for In operator, got none").await;
    }
}
