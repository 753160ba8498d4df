//! What is to be written to a policy.

use local_registry_cluster::policies::{FIELD_MANAGER, Policy};
use local_registry_declaration::Declared;
use serde_json::{Map, Value};

use super::foreign::{ForeignField, ForeignFields};
use super::settings::OwnedSettings;

/// What is to be written to a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Nothing: the policy has the settings that the cluster declares.
    Unchanged,
    /// These fields, by server-side apply. Owned fields that are absent here are given up.
    Apply(OwnedSettings),
    /// Nothing: the policy has fields that the cluster does not declare, but others own them.
    Foreign(ForeignFields),
}

/// The settings of a policy are not an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("spec.settings: found {found}; expected an object; correct the policy")]
pub struct SettingsTypeError {
    found: &'static str,
}

impl Plan {
    /// Compares what the cluster declares with a policy.
    ///
    /// # Errors
    /// A [`SettingsTypeError`] if the policy's settings are not an object. Null and absent settings are empty.
    pub fn new(declared: &Declared, policy: &Policy) -> Result<Self, SettingsTypeError> {
        let empty = Map::new();
        let settings = policy.settings();
        let current = match &settings {
            Value::Null => &empty,
            Value::Object(fields) => fields,
            other => return Err(SettingsTypeError { found: type_name(other) }),
        };
        let declared = OwnedSettings::declared(declared);
        let mut foreign = Vec::new();
        for (field, value) in declared.fields() {
            match (value, current.get(field).filter(|current| !current.is_null())) {
                (None, None) => {}
                (Some(declared), Some(current)) if current == declared => {}
                (Some(_), _) => return Ok(Self::Apply(declared.clone())),
                (None, Some(_)) => {
                    let managers = policy.managers_of(field);
                    if managers.contains(FIELD_MANAGER) {
                        return Ok(Self::Apply(declared.clone()));
                    }
                    foreign.push(ForeignField { field, managers });
                }
            }
        }
        Ok(if foreign.is_empty() { Self::Unchanged } else { Self::Foreign(ForeignFields(foreign)) })
    }
}

fn type_name(value: &Value) -> &'static str {
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
    use std::collections::BTreeMap;

    use super::*;
    use local_registry_core::Settings;
    use local_registry_declaration::{AllowedHosts, Data};
    use proptest::prelude::*;
    use serde_json::json;

    use crate::settings::OWNED_FIELDS;

    /// What a ConfigMap with these fields declares.
    fn declared(fields: &[(&str, Option<&str>)]) -> Declared {
        // This `host` is for nobody.
        let others = [("host", Some("my-laptop"))];
        let fields: BTreeMap<&str, &str> =
            fields.iter().chain(&others).filter_map(|(field, value)| value.map(|value| (*field, value))).collect();
        let data: Data = [("localRegistryHosting.v1", json!(fields).to_string())].into_iter().collect();
        Declared::read(&data, &AllowedHosts::default()).unwrap()
    }

    fn registry(host: &str, help: Option<&str>) -> Declared {
        declared(&[("hostFromClusterNetwork", Some(host)), ("help", help)])
    }

    /// A policy with these settings, and the fields that each manager owns.
    fn policy(settings: Value, owners: &[(&str, &[&str])]) -> Policy {
        let managed: Vec<Value> = owners
            .iter()
            .map(|(manager, fields)| {
                let owned: Map<String, Value> = fields.iter().map(|field| (format!("f:{field}"), json!({}))).collect();
                json!({"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": {"f:settings": owned}}})
            })
            .collect();
        let mut policy = json!({"metadata": {"managedFields": managed}, "spec": {}});
        policy["spec"]["settings"] = settings;
        read(policy)
    }

    fn read(policy: Value) -> Policy {
        serde_json::from_value::<kube::core::DynamicObject>(policy).unwrap().into()
    }

    #[track_caller]
    fn check(declared: &Declared, policy: &Policy, expected: Plan) {
        assert_eq!(Plan::new(declared, policy), Ok(expected));
    }

    fn apply(host: Option<&str>, help: Option<&str>) -> Plan {
        let (host, help) = (host.map(ToOwned::to_owned), help.map(ToOwned::to_owned));
        Plan::Apply(OwnedSettings { host, runtime_host: None, help })
    }

    #[test]
    fn a_declared_registry_becomes_host_and_help() {
        let declared = registry("reg.io", Some("https://a.b"));
        for settings in [json!({}), json!(null), json!({"host": "old.io", "help": "https://a.b"}), json!({"host": 7})] {
            check(&declared, &policy(settings, &[]), apply(Some("reg.io"), Some("https://a.b")));
        }
        check(&declared, &read(json!({"spec": {}})), apply(Some("reg.io"), Some("https://a.b")));
        check(&declared, &read(json!({})), apply(Some("reg.io"), Some("https://a.b")));
    }

    #[test]
    fn what_is_declared_already_is_not_written_whoever_wrote_it() {
        let settings = json!({"host": "reg.io", "insecure": true, "unknown": {"a": 1}});
        check(&registry("reg.io", None), &policy(settings.clone(), &[(FIELD_MANAGER, &["host"])]), Plan::Unchanged);
        check(&registry("reg.io", None), &policy(settings, &[("kubectl", &["host"])]), Plan::Unchanged);
        check(&Declared::absent(), &policy(json!({"insecure": true}), &[]), Plan::Unchanged);
        check(&Declared::absent(), &policy(json!(null), &[]), Plan::Unchanged);
        let nulls = policy(json!({"host": null, "help": null}), &[("kubectl", &["host", "help"])]);
        check(&Declared::absent(), &nulls, Plan::Unchanged);
    }

    #[test]
    fn what_is_no_longer_declared_is_given_up() {
        let settings = json!({"host": "reg.io", "help": "https://a.b"});
        let ours = policy(settings.clone(), &[(FIELD_MANAGER, &["host", "help"])]);
        check(&Declared::absent(), &ours, apply(None, None));
        check(&declared(&[("help", Some("https://a.b"))]), &ours, apply(None, Some("https://a.b")));
        check(&registry("reg.io", None), &ours, apply(Some("reg.io"), None));
    }

    #[test]
    fn the_host_for_nodes_is_written_beside_the_one_for_pods() {
        let nodes = ("hostFromContainerRuntime", Some("localhost:5001"));
        let both = declared(&[("hostFromClusterNetwork", Some("reg.io")), nodes]);
        let nodes = declared(&[nodes]);
        let plan = |host: Option<&str>| {
            let (host, runtime_host) = (host.map(ToOwned::to_owned), Some("localhost:5001".to_owned()));
            Plan::Apply(OwnedSettings { host, runtime_host, help: None })
        };
        let before = policy(json!({"host": "reg.io"}), &[(FIELD_MANAGER, &["host"])]);
        check(&both, &before, plan(Some("reg.io")));
        check(&nodes, &before, plan(None));
        let after = policy(
            json!({"host": "reg.io", "runtimeHost": "localhost:5001"}),
            &[(FIELD_MANAGER, &["host", "runtimeHost"])],
        );
        check(&both, &after, Plan::Unchanged);
        check(&registry("reg.io", None), &after, apply(Some("reg.io"), None));
    }

    #[test]
    fn what_others_wrote_is_theirs_to_remove() {
        let foreign = |field, managers: &[&str]| ForeignField {
            field,
            managers: managers.iter().map(|manager| (*manager).to_owned()).collect(),
        };
        let owners: [(&str, &[&str]); 4] =
            [("kubectl", &["host"]), ("argocd", &["host"]), ("kubectl", &["host", "insecure"]), ("argocd", &["host"])];
        let theirs = policy(json!({"host": "reg.io", "help": "x"}), &owners);
        let both = ForeignFields(vec![foreign("host", &["argocd", "kubectl"]), foreign("help", &[])]);
        assert_eq!(
            (both.to_string(), both.remedy()),
            (
                "spec.settings.host: the cluster does not declare it, and it is owned by argocd, kubectl, not by this program; spec.settings.help: the cluster does not declare it, and no field manager owns it".to_owned(),
                "remove them where they were set, if they are no longer right",
            )
        );
        check(&Declared::absent(), &theirs, Plan::Foreign(both));
        check(
            &Declared::absent(),
            &policy(json!({"help": "x"}), &[]),
            Plan::Foreign(ForeignFields(vec![foreign("help", &[])])),
        );
        // A change that can be made comes first.
        let mixed =
            policy(json!({"host": "reg.io", "help": "x"}), &[("argocd", &["host"]), (FIELD_MANAGER, &["help"])]);
        check(&Declared::absent(), &mixed, apply(None, None));
    }

    #[test]
    fn settings_that_are_not_an_object() {
        let error = Plan::new(&Declared::absent(), &policy(json!([]), &[])).unwrap_err();
        assert_eq!(error.to_string(), "spec.settings: found an array; expected an object; correct the policy");
    }

    fn any_declared() -> impl Strategy<Value = Declared> {
        let one_of = |values: &[&'static str]| prop::option::of(prop::sample::select(values.to_vec()));
        let for_pods = one_of(&["reg.io", "kind-registry:5000", "[fd00::1]:5000"]);
        let for_nodes = one_of(&["localhost", "localhost:5001", "[::1]:5000", "reg.io"]);
        let help = one_of(&["https://a.b", "http://c.d/e?f"]);
        let fields = |(for_pods, for_nodes, help)| {
            [("hostFromClusterNetwork", for_pods), ("hostFromContainerRuntime", for_nodes), ("help", help)]
        };
        prop_oneof![
            Just(Declared::absent()),
            (for_pods, for_nodes, help).prop_map(move |values| declared(&fields(values))),
        ]
    }

    /// What server-side apply makes of a policy on which every owned field is ours.
    fn applied(policy: &Policy, settings: &OwnedSettings) -> Policy {
        let mut fields = policy.settings().as_object().cloned().unwrap_or_default();
        let owned: Vec<&str> = OWNED_FIELDS.into_iter().filter(|field| fields.contains_key(*field)).collect();
        for field in owned {
            fields.remove(field);
        }
        fields.extend(settings.to_json().as_object().cloned().unwrap_or_default());
        let owned: Vec<&str> = OWNED_FIELDS.into_iter().filter(|field| fields.contains_key(*field)).collect();
        self::policy(Value::Object(fields), &[(FIELD_MANAGER, &owned)])
    }

    proptest! {
        #[test]
        fn applied_plans_are_valid_settings_and_planning_again_writes_nothing(
            declarations in prop::collection::vec(any_declared(), 1..5),
            insecure in any::<Option<bool>>(),
        ) {
            let mut policy = policy(json!({"insecure": insecure, "other": [1]}), &[]);
            for declaration in declarations {
                if let Plan::Apply(settings) = Plan::new(&declaration, &policy).unwrap() {
                    policy = applied(&policy, &settings);
                }
                let settings = policy.settings();
                let (read, _) = Settings::parse(settings.to_string().as_bytes()).unwrap();
                let declared = OwnedSettings::declared(&declaration);
                prop_assert_eq!(read.host.map(|host| host.to_string()), declared.host);
                prop_assert_eq!(read.runtime_host.map(|host| host.to_string()), declared.runtime_host);
                prop_assert_eq!(read.help, declared.help);
                prop_assert_eq!(&settings["insecure"], &json!(insecure));
                prop_assert_eq!(&settings["other"], &json!([1]));
                prop_assert_eq!(Plan::new(&declaration, &policy), Ok(Plan::Unchanged));
            }
        }
    }
}
