//! The shipped `matchConditions`, evaluated as an API server evaluates them.

use std::sync::LazyLock;

use cel::{Context, Program, Value as CelValue};
use serde_json::{Value, json};

use testkit::repository::root;

/// The policy that `deploy/policy` installs.
static POLICY: LazyLock<Value> = LazyLock::new(|| {
    let text = std::fs::read_to_string(root().join("deploy/policy/policy.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
});

static CONDITIONS: LazyLock<Vec<Program>> = LazyLock::new(|| {
    let conditions = POLICY["spec"]["matchConditions"].as_array().unwrap();
    conditions.iter().map(|condition| Program::compile(condition["expression"].as_str().unwrap()).unwrap()).collect()
});

/// Whether the policy's rules cover the request.
pub(crate) fn rules_cover(request: &Value) -> bool {
    let rule = &POLICY["spec"]["rules"][0];
    let has = |key: &str, value: &Value| rule[key].as_array().unwrap().contains(value);
    let kind = &request["kind"];
    let resource = format!("{}s", kind["kind"].as_str().unwrap_or_default().to_lowercase());
    has("apiGroups", &kind["group"])
        && has("apiVersions", &kind["version"])
        && has("resources", &json!(resource))
        && has("operations", &request["operation"])
        && request["subResource"].as_str().unwrap_or_default().is_empty()
}

/// Whether the API server asks the policy: not if a condition is false.
///
/// A condition that cannot be evaluated counts as true here. With `failurePolicy: Fail` the API server rejects such a
/// request, so nothing passes without the policy.
pub(crate) fn ask(request: &Value) -> bool {
    let mut context = Context::default();
    context.add_variable("object", request["object"].clone()).unwrap();
    context.add_variable("oldObject", request["oldObject"].clone()).unwrap();
    context.add_variable("request", json!({"operation": request["operation"]})).unwrap();
    let mut verdicts = CONDITIONS.iter().map(|condition| condition.execute(&context));
    verdicts.all(|verdict| !matches!(verdict, Ok(CelValue::Bool(false))))
}
