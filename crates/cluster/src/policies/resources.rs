//! Which resources a policy is asked about.

use super::name::PolicyName;
use super::policy::Policy;

/// The resources that a policy is asked about. The same module decides about both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resources {
    /// Shipwright's Builds and BuildRuns.
    Builds,
    /// Pods and Knative revisions, as in `deploy/workloads`.
    Workloads,
}

impl Resources {
    /// What a policy that cannot be read is likely for. The shipped ones say it in their names.
    #[must_use]
    pub fn likely_of(name: &PolicyName) -> Self {
        if name.name().contains("workloads") { Self::Workloads } else { Self::Builds }
    }
}

impl Policy {
    /// What the policy is for: one whose rules name the group of pods or of Knative's revisions, and not Shipwright's, is for
    /// workloads.
    #[must_use]
    pub fn resources(&self) -> Resources {
        let rules = self.read().spec.rules;
        let names = |group: &str| rules.iter().any(|rule| rule.api_groups.iter().any(|found| found == group));
        let is_about_workloads = names("") || names("serving.knative.dev");
        if is_about_workloads && !names("shipwright.io") && !names("*") {
            Resources::Workloads
        } else {
            Resources::Builds
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn resources(rules: &Value) -> Resources {
        let policy = json!({"metadata": {"name": "p"}, "spec": {"rules": rules}});
        Policy::from(serde_json::from_value::<kube::core::DynamicObject>(policy).unwrap()).resources()
    }

    #[track_caller]
    fn check(groups: &[&str], expected: Resources) {
        let rules: Vec<Value> = groups.iter().map(|group| json!({"apiGroups": [group]})).collect();
        assert_eq!(resources(&json!(rules)), expected);
    }

    #[test]
    fn rules_show_what_a_policy_is_for() {
        check(&[""], Resources::Workloads);
        check(&["serving.knative.dev"], Resources::Workloads);
        check(&["shipwright.io"], Resources::Builds);
        check(&["", "shipwright.io"], Resources::Builds);
        check(&["", "*"], Resources::Builds);
        check(&["apps"], Resources::Builds);
        check(&[], Resources::Builds);
    }

    #[test]
    fn the_names_of_the_shipped_policies_show_what_they_are_for() {
        for (name, expected) in [
            ("local-registry", Resources::Builds),
            ("local-registry-workloads", Resources::Workloads),
            ("workloads/local-registry", Resources::Builds),
        ] {
            assert_eq!(Resources::likely_of(&name.parse().unwrap()), expected, "{name}");
        }
    }

    #[test]
    fn rules_of_another_type_say_nothing() {
        for rules in [json!(null), json!("x"), json!([7]), json!([{"apiGroups": ""}]), json!([[[""]]])] {
            assert_eq!(resources(&rules), Resources::Builds, "{rules}");
        }
    }
}
