//! What keeps the API server from refusing by a guard.

use std::fmt;

use local_registry_core::Quoted;
use serde_json::{Value, json};

use super::guard::Guard;

/// What keeps the API server from refusing by a guard.
///
/// Prints as a part of a sentence about the guard: `its failurePolicy is Ignore, not Fail`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardFault(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    NoPolicy(Guard),
    Unanswered(String),
    NoBinding(Guard),
    OtherPolicy(String),
    NotDenying(Vec<String>),
    /// A field of the policy or of its binding, which leaves objects out.
    Narrowed(&'static str),
    Parameters,
}

impl GuardFault {
    /// Whether the guard is not there at all.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(self.0, Kind::NoPolicy(_))
    }

    /// Whether the guard warns about what it should refuse.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        matches!(&self.0, Kind::NotDenying(actions) if actions.iter().any(|action| action == "Warn"))
    }
}

impl fmt::Display for GuardFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::NoPolicy(guard) => write!(f, "there is no ValidatingAdmissionPolicy {guard}"),
            Kind::Unanswered(policy) => write!(f, "its failurePolicy is {}, not Fail", Quoted(policy)),
            Kind::NoBinding(guard) => {
                write!(f, "nothing binds it: there is no ValidatingAdmissionPolicyBinding {guard}")
            }
            Kind::OtherPolicy(policy) => write!(f, "its binding binds {} in its place", Quoted(policy)),
            Kind::NotDenying(actions) if actions.is_empty() => f.write_str("its binding has no validationActions"),
            Kind::NotDenying(actions) => {
                write!(f, "its binding has the validationActions {}, and not Deny", Quoted(&actions.join(", ")))
            }
            Kind::Narrowed(field) => write!(f, "{field} leave objects out"),
            Kind::Parameters => f.write_str("its binding has another paramRef, so it may not see every Build"),
        }
    }
}

/// What is wrong with a guard, by the specs of its policy and of its binding.
pub(super) fn faults(guard: Guard, policy: Option<&Value>, binding: Option<&Value>) -> Vec<GuardFault> {
    let mut found = Vec::new();
    let Some(policy) = policy else { return vec![GuardFault(Kind::NoPolicy(guard))] };
    // The API server's default is Fail.
    match text(policy, "failurePolicy") {
        Some("Fail") | None => {}
        Some(other) => found.push(Kind::Unanswered(other.to_owned())),
    }
    let leaves_out = ["namespaceSelector", "objectSelector", "excludeResourceRules"];
    if leaves_out.iter().any(|field| selects(policy.pointer(&format!("/matchConstraints/{field}")))) {
        found.push(Kind::Narrowed("its matchConstraints"));
    }
    match binding {
        None => found.push(Kind::NoBinding(guard)),
        Some(binding) => found.extend(faults_of_binding(guard, binding)),
    }
    found.into_iter().map(GuardFault).collect()
}

fn faults_of_binding(guard: Guard, binding: &Value) -> Vec<Kind> {
    let mut found = Vec::new();
    let policy = text(binding, "policyName").unwrap_or_default();
    if policy != guard.name() {
        found.push(Kind::OtherPolicy(policy.to_owned()));
    }
    let actions = binding.get("validationActions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let actions: Vec<String> = actions.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if !actions.iter().any(|action| action == "Deny") {
        found.push(Kind::NotDenying(actions));
    }
    // Rules in the binding select from those of the policy.
    let leaves_out = ["namespaceSelector", "objectSelector", "resourceRules", "excludeResourceRules"];
    if leaves_out.iter().any(|field| selects(binding.pointer(&format!("/matchResources/{field}")))) {
        found.push(Kind::Narrowed("the matchResources of its binding"));
    }
    if *binding.get("paramRef").unwrap_or(&Value::Null) != guard.parameters() {
        found.push(Kind::Parameters);
    }
    found
}

fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field).and_then(Value::as_str)
}

/// Whether a selector or a list has anything in it.
fn selects(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Object(fields)) => fields.values().any(|field| *field != json!({}) && selects(Some(field))),
        Some(Value::Array(elements)) => !elements.is_empty(),
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a guard whose policy and binding are changed so.
    #[track_caller]
    fn check(guard: Guard, change: impl FnOnce(&mut Value, &mut Value), expected: &[&str]) {
        let mut policy = json!({
            "failurePolicy": "Fail",
            "matchConstraints": {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}, "resourceRules": [{}]},
        });
        let mut binding = json!({"policyName": guard.name(), "validationActions": ["Deny"]});
        if guard == Guard::Inherited {
            binding["paramRef"] = guard.parameters();
        }
        change(&mut policy, &mut binding);
        let found = faults(guard, Some(&policy), Some(&binding));
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_guard_that_denies_has_no_fault() {
        for guard in Guard::ALL {
            check(guard, |_, _| {}, &[]);
        }
        let defaults = |policy: &mut Value, binding: &mut Value| {
            policy.as_object_mut().unwrap().remove("failurePolicy");
            binding["validationActions"] = json!(["Audit", "Deny"]);
            binding["matchResources"] =
                json!({"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {"matchLabels": {}}});
        };
        check(Guard::Images, defaults, &[]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let absent = faults(Guard::Images, None, None);
        assert_eq!(absent[0].to_string(), "there is no ValidatingAdmissionPolicy local-registry-guard");
        assert!(absent[0].is_absence());
        let unbound = faults(Guard::Inherited, Some(&json!({})), None);
        assert_eq!(
            unbound[0].to_string(),
            "nothing binds it: there is no ValidatingAdmissionPolicyBinding local-registry-guard-inherited"
        );
        assert!(!unbound[0].is_absence());
    }

    #[test]
    fn a_guard_that_only_warns_is_told_from_one_that_does_nothing() {
        let actions = |actions: &[&str]| {
            let binding = json!({"policyName": "local-registry-guard", "validationActions": actions});
            faults(Guard::Images, Some(&json!({})), Some(&binding)).remove(0)
        };
        let warns = actions(&["Warn"]);
        assert!(warns.is_warning());
        assert_eq!(warns.to_string(), "its binding has the validationActions `Warn`, and not Deny");
        let audits = actions(&["Audit"]);
        assert!(!audits.is_warning());
        assert_eq!(audits.to_string(), "its binding has the validationActions `Audit`, and not Deny");
        assert_eq!(actions(&[]).to_string(), "its binding has no validationActions");
    }

    #[test]
    fn a_guard_that_lets_something_pass_says_why() {
        check(
            Guard::Images,
            |policy, binding| {
                policy["failurePolicy"] = json!("Ignore");
                binding["policyName"] = json!("other");
            },
            &["its failurePolicy is `Ignore`, not Fail", "its binding binds `other` in its place"],
        );
        let exempt = json!({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]});
        for field in ["namespaceSelector", "objectSelector"] {
            let narrow = |policy: &mut Value, binding: &mut Value| {
                policy["matchConstraints"][field] = exempt.clone();
                binding["matchResources"][field] = exempt.clone();
            };
            let both =
                ["its matchConstraints leave objects out", "the matchResources of its binding leave objects out"];
            check(Guard::Workloads, narrow, &both);
        }
        check(
            Guard::Images,
            |_, binding| binding["matchResources"]["resourceRules"] = json!([{"resources": ["builds"]}]),
            &["the matchResources of its binding leave objects out"],
        );
        check(
            Guard::Inherited,
            |_, binding| binding["paramRef"]["selector"] = json!({"matchLabels": {"a": "b"}}),
            &["its binding has another paramRef, so it may not see every Build"],
        );
        check(
            Guard::Inherited,
            |_, binding| drop(binding.as_object_mut().unwrap().remove("paramRef")),
            &["its binding has another paramRef, so it may not see every Build"],
        );
    }
}
