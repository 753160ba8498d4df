//! Whether a policy's match conditions leave something out.

use serde_json::Value;

use super::Subject;
use crate::link::Link;
use local_registry_cluster::{Policy, PolicyName};

/// The manifests that are shipped: of a policy that mutates, of a guard, of a namespaced policy, and of one for workloads.
const SHIPPED: [&str; 4] = [
    include_str!("../../../../deploy/policy/policy.yaml"),
    include_str!("../../../../deploy/guard/policy.yaml"),
    include_str!("../../../../deploy/policy-namespaced/policy.yaml"),
    include_str!("../../../../deploy/workloads/component/policy.yaml"),
];

/// Whether the match conditions are among those that are shipped.
pub(crate) fn match_conditions(subject: &str, name: &PolicyName, about: Subject, policy: &Policy) -> Link {
    let [cluster_wide, guard, namespaced, workloads] = SHIPPED;
    let (shipped, folder) = if about == Subject::Workloads {
        (workloads, "deploy/workloads")
    } else if name.namespace().is_some() {
        (namespaced, "deploy/policy-namespaced")
    } else if policy.is_mutating() {
        (cluster_wide, "deploy/policy")
    } else {
        (guard, "deploy/guard")
    };
    // A test parses each of them, so the default is never taken.
    let shipped: Value = serde_saphyr::from_str(shipped).unwrap_or_default();
    let conditions = shipped.pointer("/spec/matchConditions").and_then(Value::as_array);
    compare(subject, about, policy, conditions.map(Vec::as_slice).unwrap_or_default(), folder)
}

/// The shipped conditions are known to leave out nothing that is local; of other conditions this is not known. Without
/// conditions the policy is asked about everything, which is only slower, unless every pod of the cluster waits for it.
fn compare(subject: &str, about: Subject, policy: &Policy, shipped: &[Value], folder: &str) -> Link {
    let subject = format!("{subject} matchConditions");
    let found = policy.list("/spec/matchConditions");
    let shipped: Vec<String> = shipped.iter().map(expression).collect();
    let others: Vec<&str> = found
        .iter()
        .filter(|condition| !shipped.contains(&expression(condition)))
        .map(|condition| condition.get("name").and_then(Value::as_str).unwrap_or_default())
        .collect();
    // The first condition for workloads asks for the annotation.
    let asks_about_all = about == Subject::Workloads
        && shipped.first().is_some_and(|first| !found.iter().any(|condition| expression(condition) == *first));
    if others.is_empty() && asks_about_all {
        let missing = if found.is_empty() { "there are none" } else { "is-annotated is missing" };
        let seen = format!("{missing}, so every pod waits for it, and none starts while its policy server is down");
        return Link::warning(subject, seen).remedy(format!("apply {folder} again"));
    }
    if found.is_empty() {
        return Link::ok(subject, "there are none, so it is asked about every Build and BuildRun");
    }
    if others.is_empty() {
        return Link::ok(subject, "they are among those that this version ships");
    }
    let differ = if others.len() == 1 { "differs" } else { "differ" };
    let seen = format!("{} {differ} from those that this version ships, so objects may be left out", others.join(", "));
    Link::warning(subject, seen)
        .remedy(format!("apply {folder} again, or see that they leave out nothing that may be local"))
}

/// The expression of a condition, on one line.
fn expression(condition: &Value) -> String {
    let expression = condition.get("expression").and_then(Value::as_str).unwrap_or_default();
    expression.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::LinkVerdict;
    use serde_json::json;

    fn policy(policy: Value) -> Policy {
        serde_json::from_value::<kube::core::DynamicObject>(policy).unwrap().into()
    }

    #[test]
    fn conditions_are_compared_with_those_that_are_shipped() {
        let shipped = json!({"spec": {"matchConditions": [{"name": "a", "expression": "x ||\n  y\n"}, {"name": "b", "expression": "z"}]}});
        let check = |found: Value, expected: &str| {
            let policy = policy(json!({"spec": {"matchConditions": found}}));
            let link = compare(
                "p",
                Subject::Builds,
                &policy,
                shipped["spec"]["matchConditions"].as_array().unwrap(),
                "deploy/policy",
            );
            assert_eq!(link.to_string(), expected);
        };
        let none = "✓ p matchConditions: there are none, so it is asked about every Build and BuildRun";
        check(json!(null), none);
        check(json!([]), none);
        let known = "✓ p matchConditions: they are among those that this version ships";
        check(json!([{"name": "a", "expression": "x || y"}, {"name": "b", "expression": "z"}]), known);
        check(json!([{"name": "renamed", "expression": "z"}]), known);
        check(
            json!([{"name": "a", "expression": "x"}, {"name": "b", "expression": "z"}, {"name": "c", "expression": "false"}]),
            "! p matchConditions: a, c differ from those that this version ships, so objects may be left out; apply deploy/policy again, or see that they leave out nothing that may be local",
        );
    }

    #[test]
    fn the_conditions_for_workloads_are_their_own() {
        let name: PolicyName = "p".parse().unwrap();
        let [builds, .., workloads] = SHIPPED.map(|text| policy(serde_saphyr::from_str(text).unwrap()));
        assert_eq!([&builds, &workloads].map(Subject::of), [Subject::Builds, Subject::Workloads]);
        let verdict = |about, policy: &Policy| match_conditions("p", &name, about, policy).verdict;
        assert_eq!(verdict(Subject::Workloads, &workloads), LinkVerdict::Ok);
        assert_eq!(verdict(Subject::Workloads, &builds), LinkVerdict::Warning);
        let second = workloads.list("/spec/matchConditions")[1].clone();
        let second = policy(json!({"spec": {"matchConditions": [second]}}));
        assert_eq!(
            match_conditions("p", &name, Subject::Workloads, &second).to_string(),
            "! p matchConditions: is-annotated is missing, so every pod waits for it, and none starts while its policy server is down; apply deploy/workloads again"
        );
        let none = match_conditions("p", &name, Subject::Workloads, &policy(json!({"spec": {}})));
        assert_eq!(
            none.to_string(),
            "! p matchConditions: there are none, so every pod waits for it, and none starts while its policy server is down; apply deploy/workloads again"
        );
    }

    #[test]
    fn shipped_policies_can_be_read() {
        for text in SHIPPED {
            let shipped = policy(serde_saphyr::from_str(text).unwrap());
            assert_eq!(crate::policy::rules("p", Subject::of(&shipped), &shipped).verdict, LinkVerdict::Ok);
            assert_eq!(shipped.str("/spec/failurePolicy"), Some("Fail"));
            let conditions = shipped.list("/spec/matchConditions");
            assert!(!conditions.is_empty() && conditions.iter().all(|condition| !expression(condition).is_empty()));
        }
    }
}
