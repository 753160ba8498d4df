//! Whether a policy's rules cover every request that it should be asked about.

use serde_json::Value;

use super::Subject;
use crate::link::Link;
use local_registry_cluster::Policy;

const SHIPWRIGHT: &str = "shipwright.io";
const KNATIVE: &str = "serving.knative.dev";

/// A request that a policy has to be asked about.
struct Asked {
    group: &'static str,
    version: &'static str,
    resource: &'static str,
    operation: &'static str,
}

impl Subject {
    /// The CREATE and UPDATE of every kind in every version, as far as they can bring a local image.
    ///
    /// The rules have to name each version of Shipwright's. If they named only one, `matchPolicy: Equivalent` would send
    /// the policy objects that Shipwright has converted to that version, and the conversion drops `local`.
    fn asked(self) -> Vec<Asked> {
        let mut all = Vec::new();
        match self {
            Self::Builds => {
                for version in ["v1alpha1", "v1beta1"] {
                    for resource in ["builds", "buildruns"] {
                        for operation in ["CREATE", "UPDATE"] {
                            all.push(Asked { group: SHIPWRIGHT, version, resource, operation });
                        }
                    }
                }
            }
            Self::Workloads => {
                for (group, resource, operation) in [
                    ("", "pods", "CREATE"),
                    ("", "pods", "UPDATE"),
                    ("", "pods/ephemeralcontainers", "UPDATE"),
                    (KNATIVE, "revisions", "CREATE"),
                ] {
                    all.push(Asked { group, version: "v1", resource, operation });
                }
            }
        }
        all
    }
}

/// Whether the rules cover what the policy is for.
pub(crate) fn rules(subject: &str, about: Subject, policy: &Policy) -> Link {
    let subject = format!("{subject} rules");
    let rules = policy.list("/spec/rules");
    let asked = about.asked();
    let missing = asked.iter().filter(|asked| !rules.iter().any(|rule| asked.is_covered_by(rule)));
    let missing: Vec<String> =
        missing.map(|asked| format!("{} of {} {}", asked.operation, asked.version, asked.resource)).collect();
    let (seen, manifest) = match about {
        Subject::Builds => {
            ("they cover Builds and BuildRuns in both versions, new and updated", "deploy/policy/policy.yaml")
        }
        Subject::Workloads => {
            ("they cover pods, ephemeral containers and Knative revisions", "deploy/workloads/component/policy.yaml")
        }
    };
    if missing.is_empty() {
        return Link::ok(subject, seen);
    }
    Link::failed(subject, format!("they leave out {}", missing.join(", ")))
        .remedy(format!("give it the rules of {manifest}"))
}

impl Asked {
    fn is_covered_by(&self, rule: &Value) -> bool {
        let has = |field: &str, expected: &[&str]| {
            let found = rule.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            found.into_iter().any(|found| expected.contains(&found))
        };
        let parts: &[&str] = match self.resource.split_once('/') {
            Some((resource, part)) => &[&format!("{resource}/*"), &format!("*/{part}"), "*/*"],
            None => &["*", "*/*"],
        };
        has("apiGroups", &[self.group, "*"])
            && has("apiVersions", &[self.version, "*"])
            && (has("resources", &[self.resource]) || has("resources", parts))
            && has("operations", &[self.operation, "*"])
            && rule.get("scope").and_then(Value::as_str) != Some("Cluster")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::LinkVerdict;
    use serde_json::json;

    #[track_caller]
    fn check_rules(rules: Value, expected: &str) {
        let link = rules_of(rules);
        assert_eq!(link.to_string(), expected);
    }

    fn rules_of(rules: Value) -> Link {
        let mut policy = json!({"spec": {}});
        policy["spec"]["rules"] = rules;
        super::rules("p", Subject::Builds, &serde_json::from_value::<kube::core::DynamicObject>(policy).unwrap().into())
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

    #[test]
    fn rules_for_workloads() {
        let check = |rules: Value, expected: &str| {
            let policy = json!({"spec": {"rules": rules}});
            let policy = serde_json::from_value::<kube::core::DynamicObject>(policy).unwrap().into();
            assert_eq!(super::rules("p", Subject::Workloads, &policy).to_string(), expected);
        };
        let rule = |group: &str, resources: Value| json!({"apiGroups": [group], "apiVersions": ["v1"], "resources": resources, "operations": ["CREATE", "UPDATE"]});
        let revisions = rule("serving.knative.dev", json!(["revisions"]));
        let good = "✓ p rules: they cover pods, ephemeral containers and Knative revisions";
        for part in ["pods/ephemeralcontainers", "pods/*", "*/ephemeralcontainers", "*/*"] {
            check(json!([rule("", json!(["pods", part])), revisions]), good);
        }
        check(
            json!([rule("", json!(["pods"]))]),
            "✗ p rules: they leave out UPDATE of v1 pods/ephemeralcontainers, CREATE of v1 revisions; give it the rules of deploy/workloads/component/policy.yaml",
        );
        check(
            json!([rule("", json!(["*"])), revisions]),
            "✗ p rules: they leave out UPDATE of v1 pods/ephemeralcontainers; give it the rules of deploy/workloads/component/policy.yaml",
        );
    }
}
