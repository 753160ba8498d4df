//! Whether a guard is what is shipped.

use local_registry_cluster::guards::Guard;
use serde_json::{Map, Value, json};

/// The manifest of a guard: its policy, and then its binding.
fn manifest(guard: Guard) -> &'static str {
    match guard {
        Guard::Images => include_str!("../../../../charts/local-registry/files/guards/images.yaml"),
        Guard::Inherited => include_str!("../../../../charts/local-registry/files/guards/inherited.yaml"),
        Guard::Workloads => include_str!("../../../../charts/local-registry/files/guards/workloads.yaml"),
        Guard::LabelledWorkloads => include_str!("../../../../charts/local-registry/files/guards/labelled.yaml"),
    }
}

/// The fields that decide what a guard refuses. An error in `auditAnnotations` refuses, too. Whether it is asked about enough,
/// with the right `paramKind`, is among its faults.
const FIELDS: [&str; 5] = ["matchConstraints", "matchConditions", "variables", "validations", "auditAnnotations"];

/// The fields of a guard's spec that are not what is shipped.
pub(super) fn differences(guard: Guard, spec: &Value) -> Vec<&'static str> {
    let policy = manifest(guard).split("\n---\n").next().unwrap_or_default();
    // A test parses each of them, so the default is never taken.
    let shipped: Value = serde_saphyr::from_str(policy).unwrap_or_default();
    let is_different = |field: &&str| {
        let [found, expected] =
            [spec, shipped.get("spec").unwrap_or(&Value::Null)].map(|spec| spec.get(*field).map(plain));
        found != expected
    };
    FIELDS.into_iter().filter(is_different).collect()
}

/// A value without what the API server adds to it, without messages, which somebody may translate, and with each expression on
/// one line. Names have no order, as in `resources`.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        Value::Array(elements) => {
            let mut elements: Vec<Value> = elements.iter().map(plain).collect();
            if elements.iter().all(Value::is_string) {
                elements.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
            }
            Value::Array(elements)
        }
        Value::Object(fields) => {
            let is_message = |name: &str| ["message", "messageExpression"].contains(&name);
            let kept = fields.iter().filter(|(name, value)| !is_message(name) && !is_default(name, value));
            Value::Object(kept.map(|(name, value)| (name.clone(), plain(value))).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// Whether the API server gives a field this value where it is absent.
fn is_default(name: &str, value: &Value) -> bool {
    match name {
        "matchPolicy" => value == "Equivalent",
        "scope" => value == "*",
        "namespaceSelector" | "objectSelector" => *value == json!({}),
        "excludeResourceRules" => *value == json!([]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The spec of a guard, as the API server stores what is shipped.
    fn stored(guard: Guard) -> Value {
        let policy: Value = serde_saphyr::from_str(manifest(guard).split("\n---\n").next().unwrap()).unwrap();
        assert_eq!(policy["metadata"]["name"], guard.name());
        let mut spec = policy["spec"].clone();
        let constraints = &mut spec["matchConstraints"];
        for rule in constraints["resourceRules"].as_array_mut().unwrap() {
            rule["scope"] = json!("*");
        }
        constraints["matchPolicy"] = json!("Equivalent");
        if constraints.get("namespaceSelector").is_none() {
            constraints["namespaceSelector"] = json!({});
        }
        constraints["objectSelector"] = json!({});
        spec
    }

    #[test]
    fn the_shipped_guards_are_as_they_are_shipped() {
        for guard in Guard::ALL {
            let spec = stored(guard);
            assert_eq!(differences(guard, &spec), [""; 0], "{guard}");
            assert_eq!(FIELDS.iter().filter(|field| spec.get(**field).is_some()).count(), 4);
        }
    }

    #[test]
    fn what_was_changed_is_named() {
        let mut spec = stored(Guard::Inherited);
        spec["matchConditions"][0]["expression"] = json!("false");
        spec["validations"] = json!([{"expression": "true"}]);
        spec["matchConstraints"]["resourceRules"][0]["resources"] = json!(["*"]);
        spec["auditAnnotations"] = json!([{"key": "a", "valueExpression": "string(1 / 0)"}]);
        let all_but_variables = ["matchConstraints", "matchConditions", "validations", "auditAnnotations"];
        assert_eq!(differences(Guard::Inherited, &spec), all_but_variables);
        assert_eq!(differences(Guard::Images, &Value::Null), &FIELDS[..4]);
    }

    #[test]
    fn a_selector_of_other_namespaces_is_named() {
        for selector in [json!({}), json!({"matchLabels": {"a": "b"}})] {
            let mut spec = stored(Guard::LabelledWorkloads);
            spec["matchConstraints"]["namespaceSelector"] = selector;
            assert_eq!(differences(Guard::LabelledWorkloads, &spec), ["matchConstraints"]);
        }
    }

    #[test]
    fn the_order_of_names_and_the_text_of_messages_do_not_count() {
        let mut spec = stored(Guard::Images);
        spec["matchConstraints"]["resourceRules"][0]["resources"] = json!(["buildruns", "builds"]);
        spec["matchConstraints"]["excludeResourceRules"] = json!([]);
        spec["validations"][0]["message"] = json!("another text");
        spec["validations"][0].as_object_mut().unwrap().remove("messageExpression");
        assert_eq!(differences(Guard::Images, &spec), [""; 0]);
    }

    #[test]
    fn line_breaks_in_expressions_do_not_count() {
        let mut spec = stored(Guard::Workloads);
        let text = spec["validations"][0]["expression"].as_str().unwrap().replace(' ', "\n   ");
        spec["validations"][0]["expression"] = json!(text);
        assert_eq!(differences(Guard::Workloads, &spec), [""; 0]);
    }
}
