//! Label selectors, read as the API server reads them.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::json::at;

/// A selector with requirements; they all have to be met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operator {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

impl Selector {
    /// A selector that leaves something out; `None` where it is absent or empty, and so selects everything.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let mut requirements = Vec::new();
        for (key, value) in at(value, &["matchLabels"]).as_object().into_iter().flatten() {
            let operator = Operator::In(vec![value.as_str().unwrap_or_default().to_owned()]);
            requirements.push(Requirement { key: key.clone(), operator });
        }
        for expression in at(value, &["matchExpressions"]).as_array().into_iter().flatten() {
            let values = at(expression, &["values"]).as_array().into_iter().flatten();
            let values = values.filter_map(Value::as_str).map(ToOwned::to_owned).collect();
            let operator = match at(expression, &["operator"]).as_str().unwrap_or_default() {
                "NotIn" => Operator::NotIn(values),
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                // The API server takes no other operator.
                _ => Operator::In(values),
            };
            let key = at(expression, &["key"]).as_str().unwrap_or_default().to_owned();
            requirements.push(Requirement { key, operator });
        }
        (!requirements.is_empty()).then_some(Self(requirements))
    }

    pub(super) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| {
            let label = labels.get(&requirement.key);
            match &requirement.operator {
                Operator::In(values) => label.is_some_and(|label| values.contains(label)),
                Operator::NotIn(values) => label.is_none_or(|label| !values.contains(label)),
                Operator::Exists => label.is_some(),
                Operator::DoesNotExist => label.is_none(),
            }
        })
    }

    /// Whether no labels at all would match: for each key, neither its absence nor one of the values that are
    /// asked for meets every requirement.
    pub(super) fn is_impossible(&self) -> bool {
        self.0.iter().any(|Requirement { key, .. }| {
            let of_key = Self(self.0.iter().filter(|requirement| requirement.key == *key).cloned().collect());
            let named = of_key.0.iter().flat_map(|requirement| match &requirement.operator {
                Operator::In(values) => values.clone(),
                _ => Vec::new(),
            });
            // A label cannot be long enough to be all of these at once, so this is none of them.
            let another = of_key.0.iter().flat_map(|requirement| match &requirement.operator {
                Operator::NotIn(values) => values.clone(),
                _ => Vec::new(),
            });
            let another = format!("x{}", another.collect::<String>());
            let mut tried = named.chain([another]).map(|value| BTreeMap::from([(key.clone(), value)]));
            !of_key.matches(&BTreeMap::new()) && !tried.any(|labels| of_key.matches(&labels))
        })
    }
}

impl fmt::Display for Selector {
    /// As `kubectl --selector` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Requirement { key, operator }) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            match operator {
                Operator::In(values) => match values.as_slice() {
                    [value] => write!(f, "{key}={value}"),
                    values => write!(f, "{key} in ({})", values.join(",")),
                },
                Operator::NotIn(values) => write!(f, "{key} notin ({})", values.join(",")),
                Operator::Exists => f.write_str(key),
                Operator::DoesNotExist => write!(f, "!{key}"),
            }?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn selector(expressions: &[(&str, &str, &[&str])]) -> Selector {
        let expressions: Vec<Value> = expressions
            .iter()
            .map(|(key, operator, values)| json!({"key": key, "operator": operator, "values": values}))
            .collect();
        Selector::read(&json!({"matchExpressions": expressions})).unwrap()
    }

    fn labels(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
        labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_empty_selector_leaves_nothing_out() {
        for value in [json!(null), json!({}), json!({"matchLabels": {}, "matchExpressions": []})] {
            assert_eq!(Selector::read(&value), None);
        }
    }

    #[test]
    fn requirements_are_met_as_kubernetes_has_it() {
        let read = Selector::read(&json!({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["2", "3"]}]})).unwrap();
        assert_eq!(read.to_string(), "a=1,b notin (2,3)");
        assert!(read.matches(&labels(&[("a", "1")])));
        assert!(read.matches(&labels(&[("a", "1"), ("b", "4")])));
        assert!(!read.matches(&labels(&[("a", "1"), ("b", "3")])));
        assert!(!read.matches(&labels(&[("a", "2")])));
        let read = selector(&[("a", "Exists", &[]), ("b", "DoesNotExist", &[]), ("c", "In", &["x", "y"])]);
        assert_eq!(read.to_string(), "a,!b,c in (x,y)");
        assert!(read.matches(&labels(&[("a", ""), ("c", "y")])));
        assert!(!read.matches(&labels(&[("a", ""), ("b", ""), ("c", "y")])));
    }

    #[test]
    fn what_nothing_can_have() {
        for impossible in [
            &[("a", "Exists", &[][..]), ("a", "DoesNotExist", &[][..])][..],
            &[("a", "In", &["x"]), ("a", "In", &["y"])],
            &[("b", "Exists", &[]), ("a", "In", &["x", "y"]), ("a", "NotIn", &["x", "y"])],
            &[("a", "In", &["x"]), ("a", "DoesNotExist", &[])],
        ] {
            assert!(selector(impossible).is_impossible(), "{impossible:?}");
        }
        for possible in [
            &[("a", "In", &["x", "y"][..]), ("a", "NotIn", &["x"][..])][..],
            &[("a", "Exists", &[]), ("a", "NotIn", &["x"])],
            &[("a", "NotIn", &["x"]), ("a", "DoesNotExist", &[])],
        ] {
            assert!(!selector(possible).is_impossible(), "{possible:?}");
        }
    }
}
