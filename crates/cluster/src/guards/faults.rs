//! What keeps the API server from refusing by a guard.

use std::fmt;

use local_registry_core::Quoted;
use serde::Deserialize;
use serde_json::{Value, json};

use super::guard::Guard;
use crate::policies::{PolicySpec, listed};
use crate::selector::Selector;

/// What keeps the API server from refusing by a guard.
///
/// Prints as a part of a sentence about the guard: `its failurePolicy is Ignore, not Fail`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardFault(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    NoApi,
    NoPolicy(Guard),
    Unanswered(String),
    NoBinding(Guard),
    OtherPolicy(String),
    NotDenying(Vec<String>),
    /// A field of the policy or of its binding, which leaves objects out.
    Narrowed(&'static str),
    /// The requests that the rules of the policy leave out.
    LeftOut(String),
    ParameterType,
    Parameters,
}

impl GuardFault {
    /// That the API server knows no guards.
    pub(super) const NO_API: Self = Self(Kind::NoApi);

    /// Whether the guard is not there at all.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(self.0, Kind::NoApi | Kind::NoPolicy(_))
    }

    /// Whether the API server is too old for a guard.
    #[must_use]
    pub fn is_of_api_server(&self) -> bool {
        matches!(self.0, Kind::NoApi)
    }

    /// Whether no binding of the guard's name is there. One of another name is not looked for.
    #[must_use]
    pub fn is_unbound(&self) -> bool {
        matches!(self.0, Kind::NoBinding(_))
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
            Kind::NoApi => {
                f.write_str("the API server has no ValidatingAdmissionPolicies of admissionregistration.k8s.io/v1")
            }
            Kind::NoPolicy(guard) => write!(f, "there is no ValidatingAdmissionPolicy {guard}"),
            Kind::Unanswered(policy) => write!(f, "its failurePolicy is {}, not Fail", Quoted(policy)),
            Kind::NoBinding(guard) => {
                write!(f, "there is no ValidatingAdmissionPolicyBinding {guard}, and no other is looked for")
            }
            Kind::OtherPolicy(policy) => write!(f, "its binding binds {} in its place", Quoted(policy)),
            Kind::NotDenying(actions) if actions.is_empty() => f.write_str("its binding has no validationActions"),
            Kind::NotDenying(actions) => {
                write!(f, "its binding has the validationActions {}, and not Deny", Quoted(&actions.join(", ")))
            }
            Kind::Narrowed(field) => write!(f, "{field} leave objects out"),
            Kind::LeftOut(requests) => write!(f, "its matchConstraints leave out {requests}"),
            Kind::ParameterType => f.write_str("it has another paramKind, so it does not see what it has to compare"),
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
    let constraint = |field: &str| policy.pointer(&format!("/matchConstraints/{field}"));
    if ["objectSelector", "excludeResourceRules"].iter().any(|field| selects(constraint(field)))
        || leaves_namespaces_out(guard, constraint("namespaceSelector"))
    {
        found.push(Kind::Narrowed("its matchConstraints"));
    }
    let rules = json!({"rules": policy.pointer("/matchConstraints/resourceRules")});
    let rules = PolicySpec::deserialize(&rules).unwrap_or_default().rules;
    let missing = listed(guard.requests().iter().filter(|request| !request.is_covered_by(&rules)));
    if !missing.is_empty() {
        found.push(Kind::LeftOut(missing));
    }
    if *policy.get("paramKind").unwrap_or(&Value::Null) != guard.parameter_kind() {
        found.push(Kind::ParameterType);
    }
    match binding {
        None => found.push(Kind::NoBinding(guard)),
        Some(binding) => found.extend(faults_of_binding(guard, binding)),
    }
    found.into_iter().map(GuardFault).collect()
}

/// Whether the selector of a guard leaves out namespaces that the shipped one does not.
fn leaves_namespaces_out(guard: Guard, found: Option<&Value>) -> bool {
    let shipped: Vec<Selector> = guard.namespaces().into_iter().collect();
    match Selector::read(found.unwrap_or(&Value::Null)) {
        Ok(found) => found.is_some_and(|found| found.beyond(&shipped).is_some()),
        Err(_) => true,
    }
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
    if !Parameters::of(guard, binding).is_some_and(|parameters| parameters.covers_all()) {
        found.push(Kind::Parameters);
    }
    found
}

/// What is unlike the shipped binding, and leaves no object out. Parts of a sentence about the guard.
pub(super) fn oddities(guard: Guard, binding: Option<&Value>) -> Vec<&'static str> {
    let Some(parameters) = binding.and_then(|binding| Parameters::of(guard, binding)) else { return Vec::new() };
    let mut found = Vec::new();
    if parameters.shows_all {
        found.push("its binding shows it every Build, and not the labelled ones only, so it is slower");
    }
    if parameters.denies {
        found.push("its binding has parameterNotFoundAction: Deny, so BuildRuns are refused where it finds no Build");
    }
    found
}

/// What a binding says about the Builds that it shows, where it is known what that means.
struct Parameters {
    /// It shows those with the policy's label.
    shows_labelled: bool,
    /// It shows all.
    shows_all: bool,
    /// It refuses if there is none.
    denies: bool,
}

impl Parameters {
    /// What the binding of a guard says; `None` if that is not known to show all that the guard has to see.
    fn of(guard: Guard, binding: &Value) -> Option<Self> {
        let found = binding.get("paramRef").unwrap_or(&Value::Null);
        let expected = guard.parameters();
        if *found == expected {
            return Some(Self { shows_labelled: true, shows_all: false, denies: false });
        }
        let fields = found.as_object()?;
        let is_known = fields.keys().all(|key| ["selector", "parameterNotFoundAction"].contains(&key.as_str()));
        let action = text(found, "parameterNotFoundAction")?;
        let selector = found.get("selector").filter(|selector| selector.is_object())?;
        (is_known && expected.is_object() && ["Allow", "Deny"].contains(&action)).then(|| Self {
            shows_labelled: Some(selector) == expected.get("selector"),
            shows_all: !selects(Some(selector)),
            denies: action == "Deny",
        })
    }

    fn covers_all(&self) -> bool {
        self.shows_labelled || self.shows_all
    }
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
    use local_registry_testkit::repository::objects;

    /// The specs of the policy and of the binding that are shipped.
    fn shipped(guard: Guard) -> (Value, Value) {
        let file = match guard {
            Guard::Images => "charts/local-registry/files/guards/images.yaml",
            Guard::Inherited => "charts/local-registry/files/guards/inherited.yaml",
            Guard::Workloads => "charts/local-registry/files/guards/workloads.yaml",
            Guard::LabelledWorkloads => "charts/local-registry/files/guards/labelled.yaml",
        };
        let [policy, binding] = &objects(file)[..] else { panic!("{file}") };
        (policy["spec"].clone(), binding["spec"].clone())
    }

    /// What is wrong with a guard whose policy and binding are changed so.
    #[track_caller]
    fn check(guard: Guard, change: impl FnOnce(&mut Value, &mut Value), expected: &[&str]) {
        let (mut policy, mut binding) = shipped(guard);
        // What the API server adds.
        let constraints = &mut policy["matchConstraints"];
        constraints["matchPolicy"] = json!("Equivalent");
        if constraints.get("namespaceSelector").is_none() {
            constraints["namespaceSelector"] = json!({});
        }
        constraints["objectSelector"] = json!({});
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
        let unbound = faults(Guard::Inherited, Some(&shipped(Guard::Inherited).0), None);
        assert_eq!(
            unbound[0].to_string(),
            "there is no ValidatingAdmissionPolicyBinding local-registry-guard-inherited, and no other is looked for"
        );
        assert!(!unbound[0].is_absence() && unbound[0].is_unbound());
    }

    #[test]
    fn a_guard_that_only_warns_is_told_from_one_that_does_nothing() {
        let actions = |actions: &[&str]| {
            let binding = json!({"policyName": "local-registry-guard", "validationActions": actions});
            faults(Guard::Images, Some(&shipped(Guard::Images).0), Some(&binding)).remove(0)
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
        let narrowed = ["its matchConstraints leave objects out"];
        let selects = |selector: Value| {
            move |policy: &mut Value, _: &mut Value| policy["matchConstraints"]["namespaceSelector"] = selector
        };
        check(Guard::LabelledWorkloads, selects(exempt.clone()), &narrowed);
        check(Guard::LabelledWorkloads, selects(json!({"matchExpressions": "x"})), &narrowed);
        check(Guard::LabelledWorkloads, selects(json!({})), &[]);
        check(
            Guard::LabelledWorkloads,
            selects(json!({"matchLabels": {"local-registry-hosting/workloads": "true"}})),
            &[],
        );
        let label = json!({"matchLabels": {"local-registry-hosting/workloads": "true"}});
        check(Guard::Workloads, selects(label), &narrowed);
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

    #[test]
    fn a_guard_that_is_asked_about_less_says_what_is_left_out() {
        let runs = "CREATE of v1alpha1 buildruns, UPDATE of v1alpha1 buildruns, CREATE of v1beta1 buildruns, UPDATE of v1beta1 buildruns";
        let nothing = format!("its matchConstraints leave out {runs}");
        for (field, value) in [
            ("operations", json!(["DELETE"])),
            ("resources", json!(["buildstrategies"])),
            ("resourceNames", json!(["other"])),
            ("scope", json!("Cluster")),
            ("apiGroups", json!(["other.io"])),
            ("apiVersions", json!([])),
        ] {
            let narrow =
                |policy: &mut Value, _: &mut Value| policy["matchConstraints"]["resourceRules"][0][field] = value;
            check(Guard::Inherited, narrow, &[&nothing]);
        }
        check(
            Guard::Images,
            |policy, _| policy["matchConstraints"]["resourceRules"][0]["apiVersions"] = json!(["v1beta1"]),
            &[
                "its matchConstraints leave out CREATE of v1alpha1 builds, UPDATE of v1alpha1 builds, CREATE of v1alpha1 buildruns, UPDATE of v1alpha1 buildruns",
            ],
        );
        check(
            Guard::Workloads,
            |policy, _| drop(policy["matchConstraints"]["resourceRules"].as_array_mut().unwrap().remove(1)),
            &["its matchConstraints leave out UPDATE of v1 pods/ephemeralcontainers"],
        );
        let wider = |policy: &mut Value, _: &mut Value| {
            policy["matchConstraints"]["resourceRules"] =
                json!([{"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["*"]}]);
        };
        check(Guard::Images, wider, &[]);
    }

    #[test]
    fn a_guard_that_looks_at_other_parameters() {
        let fault = ["it has another paramKind, so it does not see what it has to compare"];
        for kind in [
            json!({"apiVersion": "shipwright.io/v1alpha1", "kind": "Build"}),
            json!({"apiVersion": "v1", "kind": "ConfigMap"}),
            Value::Null,
        ] {
            check(Guard::Inherited, |policy, _| policy["paramKind"] = kind, &fault);
        }
        check(Guard::Images, |policy, _| policy["paramKind"] = json!({"apiVersion": "v1", "kind": "Pod"}), &fault);
    }

    #[test]
    fn a_binding_that_shows_more_or_refuses_more_has_no_fault() {
        let odd = |change: fn(&mut Value)| {
            let (policy, mut binding) = shipped(Guard::Inherited);
            change(&mut binding["paramRef"]);
            assert!(faults(Guard::Inherited, Some(&policy), Some(&binding)).is_empty());
            oddities(Guard::Inherited, Some(&binding))
        };
        assert_eq!(odd(|_| {}), [""; 0]);
        let slower = "its binding shows it every Build, and not the labelled ones only, so it is slower";
        assert_eq!(odd(|reference| reference["selector"] = json!({})), [slower]);
        let refuses = "its binding has parameterNotFoundAction: Deny, so BuildRuns are refused where it finds no Build";
        assert_eq!(odd(|reference| reference["parameterNotFoundAction"] = json!("Deny")), [refuses]);
        check(
            Guard::Inherited,
            |_, binding| binding["paramRef"]["namespace"] = json!("team"),
            &["its binding has another paramRef, so it may not see every Build"],
        );
    }
}
