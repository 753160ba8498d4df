//! What a declaration means for a policy: nothing, or exactly the fields to apply.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value, json};

use crate::config_map::Declaration;
use crate::json::at;

/// The field manager whose fields are ours.
pub const MANAGER: &str = "local-registry-sync";

/// The fields of `spec.settings` that the cluster's declaration decides. All others, `insecure` and
/// `lookupBuilds` among them, belong to other people and are never touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `host`: the registry as pods see it.
    pub host: Option<String>,
    /// `help`: a URL for users.
    pub help: Option<String>,
}

/// What is to be written to a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// The policy says already what the cluster declares.
    Unchanged,
    /// These fields are to be applied by server-side apply; the ones that are absent are given up.
    Apply(Settings),
    /// Fields stand there that the cluster does not declare, and others put them there. They are theirs:
    /// server-side apply cannot remove what is not ours, and an operator may well mean it.
    Foreign(Vec<Foreign>),
}

/// A field that the cluster does not declare, and that is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// `host` or `help`.
    pub field: &'static str,
    /// The field managers that own it; empty where nobody does.
    pub managers: BTreeSet<String>,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spec.settings.{}: the cluster does not declare it, and ", self.field)?;
        if self.managers.is_empty() {
            return f.write_str("no field manager owns it");
        }
        let managers: Vec<&str> = self.managers.iter().map(String::as_str).collect();
        write!(f, "it is owned by {}, not by this program", managers.join(", "))
    }
}

/// Foreign fields in words, and what to do about them.
pub(crate) fn describe(foreign: &[Foreign]) -> (String, &'static str) {
    let texts: Vec<String> = foreign.iter().map(ToString::to_string).collect();
    let remedy = match foreign {
        [_] => "remove it where it was set, if it is no longer right",
        _ => "remove them where they were set, if they are no longer right",
    };
    (texts.join("; "), remedy)
}

/// A policy has settings that are no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("spec.settings: found {found}; expected an object; correct the policy")]
pub struct PolicyError {
    found: &'static str,
}

impl Settings {
    /// What a policy's settings should say.
    #[must_use]
    pub fn of(declaration: &Declaration) -> Self {
        match declaration {
            Declaration::Absent => Self::default(),
            Declaration::Registry { host, help } => Self { host: Some(host.to_string()), help: help.clone() },
            Declaration::NotForPods { help } => Self { host: None, help: help.clone() },
        }
    }

    /// The fields as `spec.settings` has them.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        for (field, value) in self.fields() {
            fields.extend(value.map(|value| (field.to_owned(), json!(value))));
        }
        Value::Object(fields)
    }

    fn fields(&self) -> [(&'static str, Option<&str>); 2] {
        [("host", self.host.as_deref()), ("help", self.help.as_deref())]
    }
}

/// Compares what the cluster declares with a policy, as the API server returns it.
///
/// # Errors
/// [`PolicyError`] where the policy's settings are no object; null and absent ones are empty.
pub fn plan(declaration: &Declaration, policy: &Value) -> Result<Plan, PolicyError> {
    let empty = Map::new();
    let current = match at(policy, &["spec", "settings"]) {
        Value::Null => &empty,
        Value::Object(fields) => fields,
        other => return Err(PolicyError { found: kind(other) }),
    };
    let wanted = Settings::of(declaration);
    let mut foreign = Vec::new();
    for (field, value) in wanted.fields() {
        match (value, current.get(field).filter(|current| !current.is_null())) {
            (None, None) => {}
            (Some(wanted), Some(current)) if current == wanted => {}
            (Some(_), _) => return Ok(Plan::Apply(wanted.clone())),
            (None, Some(_)) => {
                let managers = managers_of(policy, field);
                if managers.contains(MANAGER) {
                    return Ok(Plan::Apply(wanted.clone()));
                }
                foreign.push(Foreign { field, managers });
            }
        }
    }
    Ok(if foreign.is_empty() { Plan::Unchanged } else { Plan::Foreign(foreign) })
}

/// The field managers that own a field of the settings, by the policy's `managedFields`.
fn managers_of(policy: &Value, field: &str) -> BTreeSet<String> {
    let key = format!("f:{field}");
    let entries = at(policy, &["metadata", "managedFields"]).as_array().map(Vec::as_slice).unwrap_or_default();
    entries
        .iter()
        .filter(|entry| at(entry, &["fieldsV1", "f:spec", "f:settings"]).get(&key).is_some())
        .filter_map(|entry| at(entry, &["manager"]).as_str())
        .map(ToOwned::to_owned)
        .collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use local_registry_core::RegistryHost;
    use proptest::prelude::*;

    fn registry(host: &str, help: Option<&str>) -> Declaration {
        Declaration::Registry { host: RegistryHost::parse(host).unwrap(), help: help.map(ToOwned::to_owned) }
    }

    /// A policy with these settings, and who owns which of them.
    fn policy(settings: Value, owners: &[(&str, &[&str])]) -> Value {
        let managed: Vec<Value> = owners
            .iter()
            .map(|(manager, fields)| {
                let owned: Map<String, Value> = fields.iter().map(|field| (format!("f:{field}"), json!({}))).collect();
                json!({"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": {"f:settings": owned}}})
            })
            .collect();
        json!({"metadata": {"managedFields": managed}, "spec": {"settings": settings}})
    }

    #[track_caller]
    fn check(declaration: &Declaration, policy: &Value, expected: Plan) {
        assert_eq!(plan(declaration, policy), Ok(expected));
    }

    fn apply(host: Option<&str>, help: Option<&str>) -> Plan {
        Plan::Apply(Settings { host: host.map(ToOwned::to_owned), help: help.map(ToOwned::to_owned) })
    }

    #[test]
    fn a_declared_registry_becomes_host_and_help() {
        let declared = registry("reg.io", Some("https://a.b"));
        for settings in [json!({}), json!(null), json!({"host": "old.io", "help": "https://a.b"}), json!({"host": 7})] {
            check(&declared, &policy(settings, &[]), apply(Some("reg.io"), Some("https://a.b")));
        }
        check(&declared, &json!({"spec": {}}), apply(Some("reg.io"), Some("https://a.b")));
        check(&declared, &json!({}), apply(Some("reg.io"), Some("https://a.b")));
    }

    #[test]
    fn what_is_declared_already_is_not_written_whoever_wrote_it() {
        let settings = json!({"host": "reg.io", "insecure": true, "unknown": {"a": 1}});
        check(&registry("reg.io", None), &policy(settings.clone(), &[(MANAGER, &["host"])]), Plan::Unchanged);
        check(&registry("reg.io", None), &policy(settings, &[("kubectl", &["host"])]), Plan::Unchanged);
        check(&Declaration::Absent, &policy(json!({"insecure": true}), &[]), Plan::Unchanged);
        check(&Declaration::Absent, &policy(json!(null), &[]), Plan::Unchanged);
        let nulls = policy(json!({"host": null, "help": null}), &[("kubectl", &["host", "help"])]);
        check(&Declaration::Absent, &nulls, Plan::Unchanged);
    }

    #[test]
    fn what_is_no_longer_declared_is_given_up() {
        let settings = json!({"host": "reg.io", "help": "https://a.b"});
        let ours = policy(settings.clone(), &[(MANAGER, &["host", "help"])]);
        check(&Declaration::Absent, &ours, apply(None, None));
        let help = Some("https://a.b".to_owned());
        check(&Declaration::NotForPods { help }, &ours, apply(None, Some("https://a.b")));
        check(&registry("reg.io", None), &ours, apply(Some("reg.io"), None));
    }

    #[test]
    fn what_others_wrote_is_theirs_to_remove() {
        let foreign = |field, managers: &[&str]| Foreign {
            field,
            managers: managers.iter().map(|manager| (*manager).to_owned()).collect(),
        };
        let owners: [(&str, &[&str]); 4] =
            [("kubectl", &["host"]), ("argocd", &["host"]), ("kubectl", &["host", "insecure"]), ("argocd", &["host"])];
        let theirs = policy(json!({"host": "reg.io", "help": "x"}), &owners);
        let both = vec![foreign("host", &["argocd", "kubectl"]), foreign("help", &[])];
        assert_eq!(
            describe(&both),
            (
                "spec.settings.host: the cluster does not declare it, and it is owned by argocd, kubectl, not by this program; spec.settings.help: the cluster does not declare it, and no field manager owns it".to_owned(),
                "remove them where they were set, if they are no longer right",
            )
        );
        check(&Declaration::Absent, &theirs, Plan::Foreign(both));
        check(&Declaration::Absent, &policy(json!({"help": "x"}), &[]), Plan::Foreign(vec![foreign("help", &[])]));
        // A change that can be made comes first.
        let mixed = policy(json!({"host": "reg.io", "help": "x"}), &[("argocd", &["host"]), (MANAGER, &["help"])]);
        check(&Declaration::Absent, &mixed, apply(None, None));
    }

    #[test]
    fn settings_that_are_no_object() {
        let error = plan(&Declaration::Absent, &policy(json!([]), &[])).unwrap_err();
        assert_eq!(error.to_string(), "spec.settings: found an array; expected an object; correct the policy");
    }

    fn declaration() -> impl Strategy<Value = Declaration> {
        let help =
            || prop::option::of(prop::sample::select(vec!["https://a.b", "http://c.d/e?f"]).prop_map(str::to_owned));
        let host = prop::sample::select(vec!["reg.io", "kind-registry:5000", "[fd00::1]:5000"]);
        prop_oneof![
            Just(Declaration::Absent),
            (host, help()).prop_map(|(host, help)| registry(host, help.as_deref())),
            help().prop_map(|help| Declaration::NotForPods { help }),
        ]
    }

    /// What server-side apply makes of a policy of which we own all that we ever wrote.
    fn applied(policy: &Value, settings: &Settings) -> Value {
        let mut fields = policy["spec"]["settings"].as_object().cloned().unwrap_or_default();
        let owned: Vec<&str> = ["host", "help"].into_iter().filter(|field| fields.contains_key(*field)).collect();
        for field in owned {
            fields.remove(field);
        }
        fields.extend(settings.to_json().as_object().cloned().unwrap_or_default());
        let owned: Vec<&str> = ["host", "help"].into_iter().filter(|field| fields.contains_key(*field)).collect();
        self::policy(Value::Object(fields), &[(MANAGER, &owned)])
    }

    proptest! {
        #[test]
        fn what_is_planned_is_valid_settings_and_planning_again_writes_nothing(
            declarations in prop::collection::vec(declaration(), 1..5),
            insecure in any::<Option<bool>>(),
        ) {
            let mut policy = policy(json!({"insecure": insecure, "other": [1]}), &[]);
            for declaration in declarations {
                if let Plan::Apply(settings) = plan(&declaration, &policy).unwrap() {
                    policy = applied(&policy, &settings);
                }
                let settings = policy["spec"]["settings"].clone();
                let (read, _) = local_registry_core::Settings::parse(settings.to_string().as_bytes()).unwrap();
                let wanted = Settings::of(&declaration);
                prop_assert_eq!(read.host.map(|host| host.to_string()), wanted.host);
                prop_assert_eq!(read.help, wanted.help);
                prop_assert_eq!(&settings["insecure"], &json!(insecure));
                prop_assert_eq!(&settings["other"], &json!([1]));
                prop_assert_eq!(plan(&declaration, &policy), Ok(Plan::Unchanged));
            }
        }
    }
}
