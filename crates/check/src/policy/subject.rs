//! What a policy is asked about.

use serde_json::Value;

use local_registry_cluster::Policy;

/// What a policy is asked about. The same module decides about both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Shipwright's Builds and BuildRuns.
    Builds,
    /// Pods and Knative revisions, as in `deploy/workloads`.
    Workloads,
}

impl Subject {
    /// What a policy is for, by its rules: one that names the group of pods or of Knative's revisions, and not Shipwright's,
    /// is for workloads.
    pub(crate) fn of(policy: &Policy) -> Self {
        let rules = policy.list("/spec/rules");
        let names = |group: &str| {
            let groups = rules.iter().filter_map(|rule| rule.get("apiGroups").and_then(Value::as_array)).flatten();
            groups.filter_map(Value::as_str).any(|found| found == group)
        };
        let is_about_workloads = names("") || names("serving.knative.dev");
        if is_about_workloads && !names("shipwright.io") && !names("*") { Self::Workloads } else { Self::Builds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_show_what_a_policy_is_for() {
        let check = |groups: Value, expected: Subject| {
            let rules: Vec<Value> =
                groups.as_array().unwrap().iter().map(|group| json!({"apiGroups": [group]})).collect();
            let policy = json!({"spec": {"rules": rules}});
            let policy = serde_json::from_value::<kube::core::DynamicObject>(policy).unwrap().into();
            assert_eq!(Subject::of(&policy), expected, "{groups}");
        };
        check(json!([""]), Subject::Workloads);
        check(json!(["serving.knative.dev"]), Subject::Workloads);
        check(json!(["shipwright.io"]), Subject::Builds);
        check(json!(["", "shipwright.io"]), Subject::Builds);
        check(json!(["", "*"]), Subject::Builds);
        check(json!(["apps"]), Subject::Builds);
        check(json!([]), Subject::Builds);
    }
}
