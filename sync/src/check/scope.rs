//! What a policy is asked about: its rules, selectors and match conditions.

use serde_json::Value;

use super::builds::{Labelled, Stored};
use super::selector::Selector;
use super::{Link, Names, Verdict, is_mutating, link};
use crate::cluster::{Cluster, PolicyName, namespaces};
use crate::json::at;
use crate::run::chain;

const VERSIONS: [&str; 2] = ["v1alpha1", "v1beta1"];
const RESOURCES: [&str; 2] = ["builds", "buildruns"];
const OPERATIONS: [&str; 2] = ["CREATE", "UPDATE"];

pub(super) async fn scope(
    subject: &str,
    name: &PolicyName,
    policy: &Value,
    cluster: &Cluster,
    stored: &Stored,
    links: &mut Vec<Link>,
) {
    links.push(rules(subject, policy));
    let before = links.len();
    if let Some(selector) = Selector::read(at(policy, &["spec", "namespaceSelector"])) {
        links.push(namespace_selector(subject, &selector, cluster).await);
    }
    if let Some(selector) = Selector::read(at(policy, &["spec", "objectSelector"])) {
        links.push(object_selector(subject, &selector, stored));
    }
    if links.len() == before {
        let subject = format!("{subject} selectors");
        links.push(link(subject, Verdict::Ok, "they leave no namespace and no object out", None));
    }
    links.push(match_conditions(subject, name, policy));
}

/// Whether the rules cover every kind and version at CREATE and UPDATE. Each version has to be named: by
/// `matchPolicy: Equivalent` alone the policy would get an object that Shipwright has converted, which drops `local`.
fn rules(subject: &str, policy: &Value) -> Link {
    let subject = format!("{subject} rules");
    let rules = list(at(policy, &["spec", "rules"]));
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
        return link(subject, Verdict::Ok, "they cover Builds and BuildRuns in both versions, new and updated", None);
    }
    let remedy = "give it the rules of deploy/policy/policy.yaml";
    link(subject, Verdict::Failed, format!("they leave out {}", missing.join(", ")), Some(remedy))
}

fn covers(rule: &Value, version: &str, resource: &str, operation: &str) -> bool {
    let has = |field: &str, wanted: &[&str]| {
        list(at(rule, &[field])).iter().any(|found| wanted.iter().any(|wanted| found == wanted))
    };
    has("apiGroups", &["shipwright.io", "*"])
        && has("apiVersions", &[version, "*"])
        && has("resources", &[resource, "*", "*/*"])
        && has("operations", &[operation, "*"])
        && at(rule, &["scope"]) != "Cluster"
}

async fn namespace_selector(subject: &str, selector: &Selector, cluster: &Cluster) -> Link {
    let subject = format!("{subject} namespaceSelector");
    let (mut seen, mut left_out) = (0_usize, Names::default());
    let listed = cluster
        .each(&namespaces(), |namespace: Labelled| {
            if selector.matches(&namespace.metadata.labels) {
                seen += 1;
            } else {
                left_out.push(|| namespace.metadata.name);
            }
        })
        .await;
    let found = format!("it sees only namespaces with {selector}");
    match listed {
        Err(error) => link(subject, Verdict::Warning, format!("{found}: {}", chain(&error)), None),
        Ok(()) if seen == 0 => {
            let remedy = "remove spec.namespaceSelector, or nothing is resolved";
            link(subject, Verdict::Failed, format!("{found}, and there is no such namespace"), Some(remedy))
        }
        Ok(()) if left_out.count == 0 => {
            let remedy = "remove spec.namespaceSelector, unless that is meant";
            let seen = format!("{found}; now these are all, but a new namespace may be left out");
            link(subject, Verdict::Warning, seen, Some(remedy))
        }
        Ok(()) => {
            let remedy = "remove spec.namespaceSelector, unless that is meant";
            let seen = format!("{found}; no image is resolved in {left_out}");
            link(subject, Verdict::Warning, seen, Some(remedy))
        }
    }
}

fn object_selector(subject: &str, selector: &Selector, stored: &Stored) -> Link {
    let subject = format!("{subject} objectSelector");
    let found = format!("it sees only objects with {selector}");
    let remedy = "remove spec.objectSelector, unless that is meant";
    let nothing = "remove spec.objectSelector, or nothing is resolved";
    if selector.is_impossible() {
        return link(subject, Verdict::Failed, format!("{found}, which nothing has"), Some(nothing));
    }
    match stored.matched(selector) {
        Some((0, count)) if count > 0 => {
            link(subject, Verdict::Failed, format!("{found}, which none of {count} Builds has"), Some(nothing))
        }
        Some((matched, count)) if count > 0 => {
            let seen = format!("{found}, which {matched} of {count} Builds have; no other image is resolved");
            link(subject, Verdict::Warning, seen, Some(remedy))
        }
        _ => link(subject, Verdict::Warning, format!("{found}; no other image is resolved"), Some(remedy)),
    }
}

/// The manifests that are shipped, for a policy that mutates, for a guard and for a namespaced policy.
const SHIPPED: [&str; 3] = [
    include_str!("../../../deploy/policy/policy.yaml"),
    include_str!("../../../deploy/guard/policy.yaml"),
    include_str!("../../../deploy/policy-namespaced/policy.yaml"),
];

fn match_conditions(subject: &str, name: &PolicyName, policy: &Value) -> Link {
    let [cluster_wide, guard, namespaced] = SHIPPED;
    let (shipped, file) = if name.kind() == "AdmissionPolicy" {
        (namespaced, "deploy/policy-namespaced")
    } else if is_mutating(policy) {
        (cluster_wide, "deploy/policy")
    } else {
        (guard, "deploy/guard")
    };
    // A test reads them, so that they can be read.
    let shipped: Value = serde_saphyr::from_str(shipped).unwrap_or_default();
    compare_conditions(subject, policy, &shipped, file)
}

/// Conditions decide what the policy is asked about; only those that are shipped are known to leave out nothing
/// that is local. Without any, it is asked about everything, which is only slower.
fn compare_conditions(subject: &str, policy: &Value, shipped: &Value, file: &str) -> Link {
    let subject = format!("{subject} matchConditions");
    let found = list(at(policy, &["spec", "matchConditions"]));
    let shipped: Vec<String> = list(at(shipped, &["spec", "matchConditions"])).iter().map(expression).collect();
    if found.is_empty() {
        return link(subject, Verdict::Ok, "there are none, so it is asked about every Build and BuildRun", None);
    }
    let others: Vec<&str> = found
        .iter()
        .filter(|condition| !shipped.contains(&expression(condition)))
        .map(|condition| at(condition, &["name"]).as_str().unwrap_or_default())
        .collect();
    if others.is_empty() {
        return link(subject, Verdict::Ok, "they are among those that this version ships", None);
    }
    let remedy = format!("apply {file} again, or see that they leave out nothing that may be local");
    let differ = if others.len() == 1 { "differs" } else { "differ" };
    let seen = format!("{} {differ} from those that this version ships, so objects may be left out", others.join(", "));
    link(subject, Verdict::Warning, seen, Some(&remedy))
}

/// The expression of a condition; line breaks do not matter.
fn expression(condition: &Value) -> String {
    let expression = at(condition, &["expression"]).as_str().unwrap_or_default();
    expression.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check_rules(rules: Value, expected: &str) {
        let link = rules_of(rules);
        assert_eq!(link.to_string(), expected);
    }

    fn rules_of(rules: Value) -> Link {
        super::rules("p", &json!({"spec": {"rules": rules}}))
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
            assert_eq!(rules_of(rules).verdict, Verdict::Failed);
        }
    }

    #[test]
    fn conditions_are_compared_with_those_that_are_shipped() {
        let shipped = json!({"spec": {"matchConditions": [{"name": "a", "expression": "x ||\n  y\n"}, {"name": "b", "expression": "z"}]}});
        let check = |found: Value, expected: &str| {
            let policy = json!({"spec": {"matchConditions": found}});
            let link = compare_conditions("p", &policy, &shipped, "deploy/policy");
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
    fn what_is_shipped_can_be_read() {
        for text in SHIPPED {
            let policy: Value = serde_saphyr::from_str(text).unwrap();
            assert_eq!(rules("p", &policy).verdict, Verdict::Ok);
            assert_eq!(policy["spec"]["failurePolicy"], "Fail");
            let conditions = list(&policy["spec"]["matchConditions"]);
            assert!(conditions.iter().all(|condition| !expression(condition).is_empty()));
        }
    }
}
