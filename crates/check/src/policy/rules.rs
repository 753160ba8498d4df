//! Whether a policy's rules cover every request that it should be asked about.

use local_registry_cluster::policies::Resources;

use super::checked::Checked;
use crate::link::Link;

impl Checked<'_> {
    /// Whether the rules cover what the policy is for.
    pub(super) fn rules(&self) -> Link {
        let link = self.link_of("rules");
        let missing = self.spec.left_out(self.about);
        let (seen, manifest) = match self.about {
            Resources::Builds => (
                "they cover Builds and BuildRuns in both versions, new and updated",
                "charts/local-registry/files/policies/builds.yaml",
            ),
            Resources::Workloads | Resources::LabelledWorkloads => (
                "they cover pods, ephemeral containers and Knative revisions",
                "charts/local-registry/files/policies/workloads.yaml",
            ),
        };
        if missing.is_empty() {
            return Link::ok(link, seen);
        }
        Link::failed(link, format!("they leave out {missing}")).remedy(format!("give it the rules of {manifest}"))
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
            "✗ policy p rules: they leave out CREATE of v1alpha1 builds, UPDATE of v1alpha1 builds, CREATE of v1alpha1 buildruns, UPDATE of v1alpha1 buildruns; give it the rules of charts/local-registry/files/policies/builds.yaml",
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
            "✗ policy p rules: they leave out UPDATE of v1 pods/ephemeralcontainers, CREATE of v1 revisions; give it the rules of charts/local-registry/files/policies/workloads.yaml",
        );
        check(
            json!([rule("", json!(["*"])), revisions]),
            "✗ policy p rules: they leave out UPDATE of v1 pods/ephemeralcontainers; give it the rules of charts/local-registry/files/policies/workloads.yaml",
        );
    }
}
