//! What a policy is for, by its rules, its settings and its selector.

use super::policy::Policy;
use super::resources::Resources;
use super::shipped::ShippedPolicy;
use super::spec::PolicySpec;

impl Policy {
    /// What the policy is for: one whose rules name the group of pods or of Knative's revisions, and not Shipwright's, is for
    /// workloads. It is for those of labelled namespaces by its setting or by its selector, so that one of the two may be missing.
    #[must_use]
    pub fn resources(&self) -> Resources {
        let spec = self.read().spec;
        let names = |group: &str| spec.rules.iter().any(|rule| rule.api_groups.iter().any(|found| found == group));
        let is_about_workloads = names("") || names("serving.knative.dev");
        if !is_about_workloads || names("shipwright.io") || names("*") {
            Resources::Builds
        } else if spec.settings.images_without_registry.as_deref() == Some("local") || selects_label(&spec) {
            Resources::LabelledWorkloads
        } else {
            Resources::Workloads
        }
    }
}

/// Whether a policy selects the namespaces with the label, as it is shipped.
fn selects_label(spec: &PolicySpec) -> bool {
    let shipped = ShippedPolicy::of(Resources::LabelledWorkloads, false).namespace_selector;
    let found = spec.written_namespace_selector().ok().flatten();
    shipped.zip(found).is_some_and(|(shipped, found)| shipped.beyond(&[found]).is_none())
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
    fn a_policy_for_labelled_namespaces_shows_by_its_setting_or_its_selector() {
        let label = |operator: &str| json!({"matchExpressions": [{"key": "local-registry-hosting/workloads", "operator": operator, "values": ["true"]}]});
        let check = |group: &str, settings: Value, selector: Value, expected: Resources| {
            let spec = json!({"rules": [{"apiGroups": [group]}], "settings": settings, "namespaceSelector": selector});
            let policy = json!({"metadata": {"name": "p"}, "spec": spec});
            let policy = Policy::from(serde_json::from_value::<kube::core::DynamicObject>(policy).unwrap());
            assert_eq!(policy.resources(), expected, "{spec}");
        };
        let local = json!({"imagesWithoutRegistry": "local"});
        check("", local.clone(), label("In"), Resources::LabelledWorkloads);
        check("", local.clone(), json!(null), Resources::LabelledWorkloads);
        check("", json!({}), label("In"), Resources::LabelledWorkloads);
        check("", json!({"imagesWithoutRegistry": "asWritten"}), label("NotIn"), Resources::Workloads);
        check("shipwright.io", local, label("In"), Resources::Builds);
    }

    #[test]
    fn rules_of_another_type_say_nothing() {
        for rules in [json!(null), json!("x"), json!([7]), json!([{"apiGroups": ""}]), json!([[[""]]])] {
            assert_eq!(resources(&rules), Resources::Builds, "{rules}");
        }
    }
}
