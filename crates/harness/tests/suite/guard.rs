//! The shipped guard, evaluated as an API server evaluates it, and its two laws: it passes whatever the policy let through,
//! and it refuses, unchanged, whatever the policy would have given a registry. `e2e/` holds them on a real API server.

use std::sync::LazyLock;

use cel::extractors::This;
use cel::{Context, Program, Value as CelValue};
use local_registry_core::registry::PORTABLE_HOST;
use local_registry_core::shipwright::Version;
use local_registry_core::shipwright::{Kind, OUTPUT_LABEL, OUTPUT_LABEL_LOCAL, image_fields};
use local_registry_testkit::case::{self, Case};
use local_registry_testkit::repository;
use std::sync::Arc;

use crate::conditions::rules_cover;
use serde_json::{Value, json};

/// What the API server refuses by itself.
static IMAGES: LazyLock<Guard> = LazyLock::new(|| Guard::read("charts/local-registry/files/guards/images.yaml"));
static INHERITED: LazyLock<Guard> = LazyLock::new(|| Guard::read("charts/local-registry/files/guards/inherited.yaml"));
static WORKLOADS: LazyLock<Guard> = LazyLock::new(|| Guard::read("charts/local-registry/files/guards/workloads.yaml"));
static LABELLED: LazyLock<Guard> = LazyLock::new(|| Guard::read("charts/local-registry/files/guards/labelled.yaml"));

/// A ValidatingAdmissionPolicy, with its expressions compiled.
struct Guard {
    rules: Vec<Value>,
    conditions: Vec<Program>,
    variables: Vec<(String, Program)>,
    validations: Vec<(Program, Option<Program>)>,
}

/// What a guard says about a request.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    Passes,
    Refuses,
    /// An expression cannot be evaluated, so the API server refuses. The schema of the CRD has refused such a shape before.
    CannotTell(String),
}

impl Guard {
    fn read(path: &str) -> Self {
        let policy = &repository::objects(path)[0];
        let list = |field: &str| policy["spec"][field].as_array().unwrap().clone();
        let program = |value: &Value| Program::compile(value.as_str().unwrap()).unwrap();
        Self {
            rules: policy["spec"]["matchConstraints"]["resourceRules"].as_array().unwrap().clone(),
            conditions: list("matchConditions").iter().map(|one| program(&one["expression"])).collect(),
            variables: list("variables")
                .iter()
                .map(|one| (one["name"].as_str().unwrap().to_owned(), program(&one["expression"])))
                .collect(),
            validations: list("validations")
                .iter()
                .map(|one| (program(&one["expression"]), one.get("messageExpression").map(program)))
                .collect(),
        }
    }

    fn judge(&self, request: &Value, object: &Value, parameter: Option<&Value>) -> Verdict {
        if !rules_cover(&self.rules, request) {
            return Verdict::Passes;
        }
        // Every object that the API server sends has metadata.
        let complete = |mut object: Value| {
            if object.is_object() && object["metadata"].is_null() {
                object["metadata"] = json!({});
            }
            object
        };
        let mut context = Context::default();
        // What Kubernetes adds to the language.
        let split = |This(text): This<Arc<String>>, separator: Arc<String>| -> Vec<CelValue> {
            text.split(separator.as_str()).map(CelValue::from).collect()
        };
        context
            .add_function("split", move |text: This<Arc<String>>, by: Arc<String>| CelValue::from(split(text, by)))
            .unwrap();
        context.add_function("trim", |This(text): This<Arc<String>>| Arc::new(text.trim().to_owned())).unwrap();
        context.add_variable("object", complete(object.clone())).unwrap();
        context.add_variable("oldObject", complete(request["oldObject"].clone())).unwrap();
        context.add_variable("params", parameter.cloned().unwrap_or_default()).unwrap();
        let dry_run = request["dryRun"] == true;
        let mut about = json!({"operation": request["operation"], "kind": request["kind"], "dryRun": dry_run});
        if let Some(part) = request["subResource"].as_str().filter(|part| !part.is_empty()) {
            about["subResource"] = json!(part);
        }
        context.add_variable("request", about).unwrap();
        for condition in &self.conditions {
            match condition.execute(&context) {
                Ok(CelValue::Bool(true)) => {}
                Ok(CelValue::Bool(false)) => return Verdict::Passes,
                other => return Verdict::CannotTell(format!("{other:?}")),
            }
        }
        // The API server evaluates a variable only where one is asked for, so one that cannot be is no fault by itself.
        let mut variables = std::collections::HashMap::<String, CelValue>::new();
        for (name, program) in &self.variables {
            let mut scope = context.new_inner_scope();
            scope.add_variable_from_value("variables", variables.clone());
            if let Ok(value) = program.execute(&scope) {
                variables.insert(name.clone(), value);
            }
        }
        context.add_variable_from_value("variables", variables);
        for (validation, message) in &self.validations {
            match validation.execute(&context) {
                Ok(CelValue::Bool(true)) => {}
                Ok(CelValue::Bool(false)) => {
                    if let Some(message) = message {
                        assert!(matches!(message.execute(&context), Ok(CelValue::String(_))), "{object}");
                    }
                    return Verdict::Refuses;
                }
                other => return Verdict::CannotTell(format!("{other:?}")),
            }
        }
        Verdict::Passes
    }
}

/// What both parts of the guard say about a request with this object, in a namespace with these Builds.
pub(crate) fn judge(request: &Value, object: &Value, builds: &[Value]) -> Verdict {
    let first = IMAGES.judge(request, object, None);
    if first != Verdict::Passes || request["kind"]["kind"] != "BuildRun" {
        return first;
    }
    let labelled = builds.iter().filter(|build| build["metadata"]["labels"][OUTPUT_LABEL] == OUTPUT_LABEL_LOCAL);
    let verdicts = labelled.map(|build| INHERITED.judge(request, object, Some(build)));
    verdicts.into_iter().find(|verdict| *verdict != Verdict::Passes).unwrap_or(Verdict::Passes)
}

/// What the guards for pods and revisions say about a request with this object, in a namespace that is labelled or not.
pub(crate) fn judge_workload(request: &Value, object: &Value, is_labelled: bool) -> Verdict {
    match WORKLOADS.judge(request, object, None) {
        Verdict::Passes if is_labelled => LABELLED.judge(request, object, None),
        verdict => verdict,
    }
}

/// Whether the policy puts a registry in front of an image that an UPDATE does not leave as it was, of an object that is not
/// being deleted. The portable name is not counted: it leads to nobody else's registry, so the guard lets it be.
pub(crate) fn is_given_a_registry(request: &Value, stored: &Value) -> bool {
    let kind = Kind::parse(request["kind"]["kind"].as_str().unwrap()).unwrap();
    let version = Version::parse(request["kind"]["version"].as_str().unwrap()).unwrap();
    let (object, old) = (&request["object"], &request["oldObject"]);
    object["metadata"]["deletionTimestamp"].is_null()
        && image_fields(kind, version).iter().any(|field| {
            let pointer = format!("/{}/image", field.path.join("/"));
            let (now, before) = (object.pointer(&pointer), old.pointer(&pointer));
            let is_portable = now.and_then(Value::as_str).is_some_and(|image| image.starts_with(PORTABLE_HOST));
            !is_portable && stored.pointer(&pointer) != now && (old.is_null() || before != now)
        })
}

/// Whether a request is about a run whose Build has the portable name as its output.
pub(crate) fn names_a_portable_build(request: &Value, builds: &[Value]) -> bool {
    let spec = &request["object"]["spec"];
    let names = [&spec["build"]["name"], &spec["buildRef"]["name"]];
    builds
        .iter()
        .filter(|build| names.contains(&&build["metadata"]["name"]))
        .any(|build| build["spec"]["output"]["image"].as_str().is_some_and(|image| image.starts_with(PORTABLE_HOST)))
}

#[test]
fn the_guard_passes_what_the_policy_lets_through_and_refuses_what_it_would_have_changed() {
    let builds: Vec<Value> = case::builds().into_iter().map(case::labelled).collect();
    let is_about_images = |case: &Case| {
        let kind = &case.request["kind"];
        kind["group"] == "shipwright.io"
            && Kind::parse(kind["kind"].as_str().unwrap_or_default()).is_some()
            && Version::parse(kind["version"].as_str().unwrap_or_default()).is_some()
            && ["CREATE", "UPDATE"].iter().any(|operation| case.request["operation"] == *operation)
            && case.request["subResource"].is_null()
            // The schema of Shipwright's CRD has no Build without an output.
            && case.name != "run-annotated-inherits-nothing"
    };
    let (mut passed, mut refused, mut untold) = (0, 0, 0);
    for case in case::all().into_iter().filter(is_about_images) {
        let expected = case.expected();
        if expected["allowed"] != true {
            continue;
        }
        let object = &case.request["object"];
        let mut stored = object.clone();
        if let Some(patch) = expected.get("patch") {
            let patch: json_patch::Patch = serde_json::from_value(patch.clone()).unwrap();
            json_patch::patch(&mut stored, &patch).unwrap();
        }
        let looks_up = case.settings["lookupBuilds"] != false;
        match judge(&case.request, &stored, if looks_up { &builds } else { &[] }) {
            Verdict::Passes => passed += 1,
            Verdict::CannotTell(_) => untold += 1,
            Verdict::Refuses => panic!("{}: the policy let it through", case.name),
        }
        // Nor is the portable name that a run inherits.
        if is_given_a_registry(&case.request, &stored) && !names_a_portable_build(&case.request, &builds) {
            assert_ne!(judge(&case.request, object, &builds), Verdict::Passes, "{}", case.name);
            refused += 1;
        }
    }
    println!("the guard passed {passed} cases, refused {refused}, and cannot tell of {untold}");
    assert!(passed > 100 && refused > 20 && untold < 20, "{passed} passed, {refused} refused, {untold} cannot be told");
}
