//! Label selectors.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Expression, ParseExpressionError, SelectorExt};
use serde::Deserialize;
use serde_json::Value;

/// A selector with at least one requirement.
///
/// Prints as `kubectl --selector` takes it.
///
/// ```
/// use local_registry_cluster::Selector;
/// use serde_json::json;
///
/// let selector = Selector::read(&json!({"matchLabels": {"env": "prod"}}))?.expect("it selects something");
/// assert_eq!(selector.to_string(), "env=prod");
/// assert_eq!(Selector::read(&json!({}))?, None);
/// # Ok::<(), local_registry_cluster::SelectorError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(kube::core::Selector);

/// A selector that the API server should not have accepted.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SelectorError(#[from] Kind);

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error(transparent)]
    Type(#[from] serde_json::Error),
    #[error(transparent)]
    Expression(#[from] ParseExpressionError),
}

/// The label by which a namespace says its own name.
const NAME_OF_NAMESPACE: &str = "kubernetes.io/metadata.name";

impl Selector {
    /// Reads a selector. `None` if it is null or empty, and so selects everything.
    ///
    /// # Errors
    /// A [`SelectorError`] if it is none.
    pub fn read(value: &Value) -> Result<Option<Self>, SelectorError> {
        let selector = Option::<LabelSelector>::deserialize(value).map_err(Kind::from)?.unwrap_or_default();
        let selector: kube::core::Selector = selector.try_into().map_err(Kind::from)?;
        Ok((!selector.selects_all()).then_some(Self(selector)))
    }

    /// The selector of one namespace.
    pub(crate) fn of_namespace(name: &str) -> Self {
        Self(Expression::In(NAME_OF_NAMESPACE.to_owned(), BTreeSet::from([name.to_owned()])).into())
    }

    /// The selector of every namespace but this one.
    pub(crate) fn of_other_namespaces(name: &str) -> Self {
        Self(Expression::NotIn(NAME_OF_NAMESPACE.to_owned(), BTreeSet::from([name.to_owned()])).into())
    }

    /// The requirements that none of the others has; `None` if there are none. A requirement is the same however it is
    /// written.
    #[must_use]
    pub fn beyond(&self, others: &[Self]) -> Option<Self> {
        let known: Vec<Expression> = others.iter().flat_map(|other| other.0.clone()).map(plain).collect();
        let beyond: Vec<Expression> =
            self.0.clone().into_iter().filter(|found| !known.contains(&plain(found.clone()))).collect();
        (!beyond.is_empty()).then(|| Self(beyond.into_iter().collect()))
    }

    /// Whether it selects what has these labels.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.matches(labels)
    }

    /// Whether no labels can match.
    ///
    /// For one of the keys, no value meets all requirements on that key, and neither does its absence. It is enough to
    /// try the values that the requirements name, and one that none of them names.
    #[must_use]
    pub fn is_impossible(&self) -> bool {
        let mut keys: BTreeMap<String, Vec<Expression>> = BTreeMap::new();
        for expression in self.0.clone() {
            let (Expression::In(key, _)
            | Expression::NotIn(key, _)
            | Expression::Equal(key, _)
            | Expression::NotEqual(key, _)
            | Expression::Exists(key)
            | Expression::DoesNotExist(key)) = &expression;
            keys.entry(key.clone()).or_default().push(expression);
        }
        keys.into_iter().any(|(key, expressions)| {
            let named: BTreeSet<&str> = expressions.iter().flat_map(values).collect();
            let another = format!("x{}", named.iter().copied().collect::<String>());
            let mut labels = named
                .into_iter()
                .chain([another.as_str()])
                .map(|value| BTreeMap::from([(key.clone(), value.to_owned())]))
                .chain([BTreeMap::new()]);
            !labels.any(|labels| expressions.iter().all(|expression| expression.matches(&labels)))
        })
    }
}

/// A requirement, as all that mean the same have it.
fn plain(expression: Expression) -> Expression {
    match expression {
        Expression::Equal(key, value) => Expression::In(key, BTreeSet::from([value])),
        Expression::NotEqual(key, value) => Expression::NotIn(key, BTreeSet::from([value])),
        other => other,
    }
}

/// The values that a requirement names.
fn values(expression: &Expression) -> Vec<&str> {
    match expression {
        Expression::In(_, values) | Expression::NotIn(_, values) => values.iter().map(String::as_str).collect(),
        Expression::Equal(_, value) | Expression::NotEqual(_, value) => vec![value],
        Expression::Exists(_) | Expression::DoesNotExist(_) => Vec::new(),
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
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
        Selector::read(&json!({"matchExpressions": expressions})).unwrap().unwrap()
    }

    fn labels(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
        labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_empty_selector_leaves_nothing_out() {
        for value in [json!(null), json!({}), json!({"matchLabels": {}, "matchExpressions": []})] {
            assert_eq!(Selector::read(&value).unwrap(), None);
        }
    }

    #[test]
    fn every_requirement_has_to_be_met() {
        let read = Selector::read(&json!({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["2", "3"]}]})).unwrap().unwrap();
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
    fn a_selector_that_no_labels_match() {
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

    #[test]
    fn what_a_selector_asks_for_beyond_others() {
        let name = "kubernetes.io/metadata.name";
        let check = |found: &[(&str, &str, &[&str])], expected: Option<&str>| {
            let own = Selector::read(&json!({"matchLabels": {"a": "1"}})).unwrap().unwrap();
            let beyond = selector(found).beyond(&[Selector::of_other_namespaces("kubewarden"), own]);
            assert_eq!(beyond.map(|beyond| beyond.to_string()).as_deref(), expected);
        };
        check(&[(name, "NotIn", &["kubewarden"])], None);
        check(&[("a", "In", &["1"]), (name, "NotIn", &["kubewarden"])], None);
        check(&[(name, "NotIn", &["kubewarden", "team"])], Some("kubernetes.io/metadata.name notin (kubewarden,team)"));
        check(&[(name, "NotIn", &["kubewarden"]), ("a", "Exists", &[]), ("b", "In", &["2"])], Some("a,b in (2)"));
        let written = Selector::read(&json!({"matchLabels": {name: "team"}})).unwrap().unwrap();
        assert_eq!(written.beyond(&[Selector::of_namespace("team")]), None);
    }

    #[test]
    fn a_selector_that_cannot_be_read_is_an_error() {
        for value in [json!([]), json!({"matchExpressions": [{"key": "a", "operator": "Near"}]})] {
            assert!(Selector::read(&value).is_err(), "{value}");
        }
    }
}
