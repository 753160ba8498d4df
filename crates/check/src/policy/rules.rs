//! Whether a policy's rules cover every request that it should be asked about.

use std::fmt;

use local_registry_cluster::policies::Resources;

use super::checked::Checked;
use super::spec::Rule;
use crate::link::Link;

const SHIPWRIGHT: &str = "shipwright.io";
const KNATIVE: &str = "serving.knative.dev";

/// A request that a policy has to be asked about.
struct Request {
    group: &'static str,
    version: &'static str,
    resource: &'static str,
    operation: &'static str,
}

/// The CREATE and UPDATE of every kind in every version, as far as they can bring a local image.
///
/// The rules have to name each version of Shipwright's. If they named only one, `matchPolicy: Equivalent` would send
/// the policy objects that Shipwright has converted to that version, and the conversion drops `local`.
fn requests(about: Resources) -> Vec<Request> {
    let mut all = Vec::new();
    match about {
        Resources::Builds => {
            for version in ["v1alpha1", "v1beta1"] {
                for resource in ["builds", "buildruns"] {
                    for operation in ["CREATE", "UPDATE"] {
                        all.push(Request { group: SHIPWRIGHT, version, resource, operation });
                    }
                }
            }
        }
        Resources::Workloads => {
            for (group, resource, operation) in [
                ("", "pods", "CREATE"),
                ("", "pods", "UPDATE"),
                ("", "pods/ephemeralcontainers", "UPDATE"),
                (KNATIVE, "revisions", "CREATE"),
            ] {
                all.push(Request { group, version: "v1", resource, operation });
            }
        }
    }
    all
}

/// The requests that a policy about these resources has to be asked about, and that the rules leave out.
fn left_out(about: Resources, rules: &[Rule]) -> Vec<Request> {
    requests(about).into_iter().filter(|request| !request.is_covered_by(rules)).collect()
}

impl Checked<'_> {
    /// Whether the rules cover what the policy is for.
    pub(super) fn rules(&self) -> Link {
        let link = self.link_of("rules");
        let missing = listed(&left_out(self.about, &self.spec.rules));
        let (seen, manifest) = match self.about {
            Resources::Builds => {
                ("they cover Builds and BuildRuns in both versions, new and updated", "deploy/policy/policy.yaml")
            }
            Resources::Workloads => (
                "they cover pods, ephemeral containers and Knative revisions",
                "deploy/workloads/component/policy.yaml",
            ),
        };
        if missing.is_empty() {
            return Link::ok(link, seen);
        }
        Link::failed(link, format!("they leave out {missing}")).remedy(format!("give it the rules of {manifest}"))
    }

    /// The requests that the policy's own rules name, and that these rules of its webhook leave out; empty if there are none.
    pub(super) fn left_out_by(&self, rules: &[Rule]) -> String {
        let mut missing = left_out(self.about, rules);
        missing.retain(|request| request.is_covered_by(&self.spec.rules));
        listed(&missing)
    }
}

fn listed(requests: &[Request]) -> String {
    requests.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} {}", self.operation, self.version, self.resource)
    }
}

impl Request {
    fn is_covered_by(&self, rules: &[Rule]) -> bool {
        rules.iter().any(|rule| self.is_in(rule))
    }

    fn is_in(&self, rule: &Rule) -> bool {
        let has = |found: &[String], expected: &[&str]| found.iter().any(|found| expected.contains(&found.as_str()));
        let parts: &[&str] = match self.resource.split_once('/') {
            Some((resource, part)) => &[&format!("{resource}/*"), &format!("*/{part}"), "*/*"],
            None => &["*", "*/*"],
        };
        has(&rule.api_groups, &[self.group, "*"])
            && has(&rule.api_versions, &[self.version, "*"])
            && (has(&rule.resources, &[self.resource]) || has(&rule.resources, parts))
            && has(&rule.operations, &[self.operation, "*"])
            && rule.scope.as_deref() != Some("Cluster")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::LinkVerdict;
    use crate::policy::checked::checked;
    use serde_json::{Value, json};

    #[track_caller]
    fn check_rules(rules: Value, expected: &str) {
        let link = rules_of(rules);
        assert_eq!(link.to_string(), expected);
    }

    fn rules_of(rules: Value) -> Link {
        let mut policy = json!({"spec": {}});
        policy["spec"]["rules"] = rules;
        checked(policy).rules()
    }

    #[test]
    fn rules_that_are_wider_are_fine() {
        let good = "✓ policy p rules: they cover Builds and BuildRuns in both versions, new and updated";
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
            "✗ policy p rules: they leave out CREATE of v1alpha1 builds, UPDATE of v1alpha1 builds, CREATE of v1alpha1 buildruns, UPDATE of v1alpha1 buildruns; give it the rules of deploy/policy/policy.yaml",
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
            assert_eq!(checked(policy).rules().to_string(), expected);
        };
        let rule = |group: &str, resources: Value| json!({"apiGroups": [group], "apiVersions": ["v1"], "resources": resources, "operations": ["CREATE", "UPDATE"]});
        let revisions = rule("serving.knative.dev", json!(["revisions"]));
        let good = "✓ policy p rules: they cover pods, ephemeral containers and Knative revisions";
        for part in ["pods/ephemeralcontainers", "pods/*", "*/ephemeralcontainers", "*/*"] {
            check(json!([rule("", json!(["pods", part])), revisions]), good);
        }
        check(
            json!([rule("", json!(["pods"]))]),
            "✗ policy p rules: they leave out UPDATE of v1 pods/ephemeralcontainers, CREATE of v1 revisions; give it the rules of deploy/workloads/component/policy.yaml",
        );
        check(
            json!([rule("", json!(["*"])), revisions]),
            "✗ policy p rules: they leave out UPDATE of v1 pods/ephemeralcontainers; give it the rules of deploy/workloads/component/policy.yaml",
        );
    }
}
