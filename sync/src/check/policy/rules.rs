//! Whether a policy's rules cover every request that it should be asked about.

use serde_json::Value;

use crate::check::link::Link;
use crate::policies::Policy;

const VERSIONS: [&str; 2] = ["v1alpha1", "v1beta1"];
const RESOURCES: [&str; 2] = ["builds", "buildruns"];
const OPERATIONS: [&str; 2] = ["CREATE", "UPDATE"];

/// Whether the rules cover the CREATE and UPDATE of every kind in every version.
///
/// The rules have to name each version. If they named only one, `matchPolicy: Equivalent` would send the policy objects
/// that Shipwright has converted to that version, and the conversion drops `local`.
pub(in crate::check) fn rules(subject: &str, policy: &Policy) -> Link {
    let subject = format!("{subject} rules");
    let rules = policy.list("/spec/rules");
    let mut missing = Vec::new();
    for version in VERSIONS {
        for resource in RESOURCES {
            for operation in OPERATIONS {
                if !rules.iter().any(|rule| covers(rule, version, resource, operation)) {
                    missing.push(format!("{operation} of {version} {resource}"));
                }
            }
        }
    }
    if missing.is_empty() {
        return Link::ok(subject, "they cover Builds and BuildRuns in both versions, new and updated");
    }
    Link::failed(subject, format!("they leave out {}", missing.join(", ")))
        .remedy("give it the rules of deploy/policy/policy.yaml")
}

fn covers(rule: &Value, version: &str, resource: &str, operation: &str) -> bool {
    let has = |field: &str, expected: &[&str]| {
        let found = rule.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        found.into_iter().any(|found| expected.contains(&found))
    };
    has("apiGroups", &["shipwright.io", "*"])
        && has("apiVersions", &[version, "*"])
        && has("resources", &[resource, "*", "*/*"])
        && has("operations", &[operation, "*"])
        && rule.get("scope").and_then(Value::as_str) != Some("Cluster")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::link::LinkVerdict;
    use serde_json::json;

    #[track_caller]
    fn check_rules(rules: Value, expected: &str) {
        let link = rules_of(rules);
        assert_eq!(link.to_string(), expected);
    }

    fn rules_of(rules: Value) -> Link {
        let mut policy = json!({"spec": {}});
        policy["spec"]["rules"] = rules;
        super::rules("p", &serde_json::from_value::<kube::core::DynamicObject>(policy).unwrap().into())
    }

    #[test]
    fn rules_that_are_wider_are_fine() {
        let good = "✓ p rules: they cover Builds and BuildRuns in both versions, new and updated";
        let all =
            json!({"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["*"], "scope": "*"});
        check_rules(json!([all]), good);
        let one = |resource: &str, operation: &str| json!({"apiGroups": ["shipwright.io", "x"], "apiVersions": ["v1beta1", "v1alpha1"], "resources": [resource], "operations": [operation], "scope": "Namespaced"});
        check_rules(
            json!([
                one("builds", "CREATE"),
                one("builds", "UPDATE"),
                one("buildruns", "CREATE"),
                one("buildruns", "UPDATE")
            ]),
            good,
        );
    }

    #[test]
    fn rules_that_leave_something_out_say_what() {
        let mut rule = json!({"apiGroups": ["shipwright.io"], "apiVersions": ["v1beta1"], "resources": ["builds", "buildruns"], "operations": ["CREATE", "UPDATE"]});
        check_rules(
            json!([rule]),
            "✗ p rules: they leave out CREATE of v1alpha1 builds, UPDATE of v1alpha1 builds, CREATE of v1alpha1 buildruns, UPDATE of v1alpha1 buildruns; give it the rules of deploy/policy/policy.yaml",
        );
        rule["apiVersions"] = json!(["*"]);
        rule["scope"] = json!("Cluster");
        for rules in [json!([rule]), json!([]), json!(null)] {
            assert_eq!(rules_of(rules).verdict, LinkVerdict::Failed);
        }
    }
}
