//! The shipped `matchConditions` and rules, evaluated as an API server evaluates them.

use std::sync::LazyLock;

use cel::{Context, Program, Value as CelValue};
use local_registry_testkit::repository;
use serde_json::{Value, json};

/// The policy for Builds and BuildRuns.
pub(crate) static SHIPWRIGHT: LazyLock<Shipped> =
    LazyLock::new(|| Shipped::read("charts/local-registry/files/policies/builds.yaml"));

/// The policy for pods and Knative revisions.
pub(crate) static WORKLOADS: LazyLock<Shipped> =
    LazyLock::new(|| Shipped::read("charts/local-registry/files/policies/workloads.yaml"));

/// The policy for whole namespaces.
pub(crate) static LABELLED: LazyLock<Shipped> =
    LazyLock::new(|| Shipped::read("charts/local-registry/files/policies/labelled.yaml"));

/// A shipped policy, with its conditions compiled.
pub(crate) struct Shipped {
    rules: Vec<Value>,
    conditions: Vec<Program>,
}

impl Shipped {
    fn read(path: &str) -> Self {
        let policy = repository::read(path);
        let list = |field: &str| policy["spec"][field].as_array().unwrap().clone();
        let conditions = list("matchConditions");
        let conditions = conditions.iter().map(|condition| condition["expression"].as_str().unwrap());
        Self { rules: list("rules"), conditions: conditions.map(|text| Program::compile(text).unwrap()).collect() }
    }

    /// Whether the rules cover the request.
    pub(crate) fn covers(&self, request: &Value) -> bool {
        rules_cover(&self.rules, request)
    }

    /// Whether the API server asks the policy: not if a condition is false.
    ///
    /// A condition that cannot be evaluated counts as true here. With `failurePolicy: Fail` the API server rejects such
    /// a request, so nothing passes without the policy.
    pub(crate) fn asks(&self, request: &Value) -> bool {
        let mut context = Context::default();
        context.add_variable("object", request["object"].clone()).unwrap();
        context.add_variable("oldObject", request["oldObject"].clone()).unwrap();
        context.add_variable("request", json!({"operation": request["operation"]})).unwrap();
        let mut verdicts = self.conditions.iter().map(|condition| condition.execute(&context));
        verdicts.all(|verdict| !matches!(verdict, Ok(CelValue::Bool(false))))
    }
}

/// Whether rules of the API server's cover a request.
pub(crate) fn rules_cover(rules: &[Value], request: &Value) -> bool {
    let kind = &request["kind"];
    let plural = format!("{}s", kind["kind"].as_str().unwrap_or_default().to_lowercase());
    let resource = match request["subResource"].as_str().unwrap_or_default() {
        "" => plural,
        part => format!("{plural}/{part}"),
    };
    rules.iter().any(|rule| {
        let has = |key: &str, value: &Value| rule[key].as_array().unwrap().contains(value);
        has("apiGroups", &kind["group"])
            && has("apiVersions", &kind["version"])
            && has("resources", &json!(resource))
            && has("operations", &request["operation"])
    })
}
