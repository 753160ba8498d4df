//! A stand-in for Shipwright's conversion webhook. It converts the fields that matter to the policy.
//!
//! Like the real webhook, it reads an object into the types of one version and writes it as those of the other. So it
//! drops every field that the types lack, `local` above all, and keeps the metadata. The builder of a v1alpha1 object
//! becomes a parameter, and a builder again on the way back. The output of a run loses `insecure` both ways.

use serde_json::{Map, Value, json};

use crate::control_plane::ControlPlane;
use crate::webhook::Webhook;

const ALPHA: &str = "shipwright.io/v1alpha1";
const BETA: &str = "shipwright.io/v1beta1";

/// The parameter that holds the builder of a v1alpha1 Build.
const BUILDER: &str = "builder-image";

/// The webhook, which ends with the test.
pub(crate) struct Conversion {
    webhook: Webhook,
}

impl Conversion {
    pub(crate) fn start(control_plane: &ControlPlane) -> Self {
        Self { webhook: Webhook::start(control_plane, |review| answer(&review)) }
    }

    /// The CRD as Shipwright publishes it, but with the address of this webhook.
    pub(crate) fn convert(&self, mut crd: Value) -> Value {
        crd["spec"]["conversion"]["webhook"]["clientConfig"] = self.webhook.client_config.clone();
        crd
    }
}

fn answer(review: &Value) -> Value {
    let request = &review["request"];
    let version = request["desiredAPIVersion"].as_str().unwrap_or_default();
    let objects = request["objects"].as_array().cloned().unwrap_or_default();
    let converted: Vec<Value> = objects.iter().map(|object| convert(object, version)).collect();
    let response = json!({"uid": request["uid"], "convertedObjects": converted, "result": {"status": "Success"}});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "response": response})
}

fn convert(object: &Value, version: &str) -> Value {
    let spec = &object["spec"];
    let converted = match (object["kind"].as_str().unwrap_or_default(), version) {
        ("Build", ALPHA) => build_to_alpha(spec),
        ("Build", BETA) => build_to_beta(spec),
        ("BuildRun", ALPHA) => run_to_alpha(spec),
        ("BuildRun", BETA) => run_to_beta(spec),
        _ => return object.clone(),
    };
    let mut converted = json!({
        "apiVersion": version, "kind": object["kind"], "metadata": object["metadata"], "spec": converted,
    });
    add(&mut converted, "status", object["status"].clone());
    converted
}

/// Those of these fields that the object has.
fn pick(object: &Value, fields: &[&str]) -> Value {
    let known = fields.iter().filter_map(|field| object.get(field).map(|value| ((*field).to_owned(), value.clone())));
    Value::Object(known.collect::<Map<_, _>>())
}

/// Sets a field, unless the value is null or empty.
fn add(object: &mut Value, field: &str, value: Value) {
    let is_set = match &value {
        Value::Null => false,
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    if is_set {
        object[field] = value;
    }
}

/// Converts an output. `fields` are those that the types of both versions have.
fn output(output: &Value, fields: &[&str], from: &str, to: &str) -> Value {
    let mut converted = pick(output, fields);
    match output.get(from) {
        Some(Value::String(name)) => add(&mut converted, to, json!({"name": name})),
        Some(reference) => add(&mut converted, to, reference["name"].clone()),
        None => {}
    }
    converted
}

const BUILD_OUTPUT: [&str; 5] = ["image", "insecure", "annotations", "labels", "timestamp"];
const RUN_OUTPUT: [&str; 3] = ["image", "annotations", "labels"];
const SHARED: [&str; 5] = ["strategy", "timeout", "env", "retention", "volumes"];

fn build_to_alpha(spec: &Value) -> Value {
    let mut converted = pick(spec, &SHARED);
    let source = &spec["source"];
    match source["type"].as_str() {
        Some("Local") if source["local"].is_object() => {
            let mut upload = pick(&source["local"], &["name", "timeout"]);
            upload["type"] = json!("LocalCopy");
            converted["sources"] = json!([upload]);
        }
        Some("OCI") => {
            let mut bundle = pick(source, &["contextDir"]);
            add(&mut bundle, "bundleContainer", pick(&source["ociArtifact"], &["image", "prune"]));
            converted["source"] = bundle;
        }
        _ => {
            let mut git = pick(&source["git"], &["url", "revision"]);
            add(&mut git, "contextDir", source["contextDir"].clone());
            converted["source"] = git;
        }
    }
    let parameters = spec["paramValues"].as_array().cloned().unwrap_or_default();
    let (builders, others): (Vec<_>, Vec<_>) =
        parameters.into_iter().partition(|parameter| parameter["name"] == BUILDER && parameter["value"].is_string());
    if let Some(builder) = builders.last() {
        converted["builder"] = json!({"image": builder["value"]});
    }
    add(&mut converted, "paramValues", json!(others));
    converted["output"] = output(&spec["output"], &BUILD_OUTPUT, "pushSecret", "credentials");
    converted
}

fn build_to_beta(spec: &Value) -> Value {
    let mut converted = pick(spec, &SHARED);
    let source = &spec["source"];
    let uploads = spec["sources"].as_array().cloned().unwrap_or_default();
    let mut beta = pick(source, &["contextDir"]);
    if let Some(upload) = uploads.iter().find(|source| source["type"] == "LocalCopy") {
        beta["type"] = json!("Local");
        beta["local"] = pick(upload, &["name", "timeout"]);
    } else if source["bundleContainer"].is_object() {
        beta["type"] = json!("OCI");
        beta["ociArtifact"] = pick(&source["bundleContainer"], &["image", "prune"]);
    } else if source["url"].is_string() {
        beta["type"] = json!("Git");
        beta["git"] = pick(source, &["url", "revision"]);
    }
    if beta.get("type").is_some() {
        converted["source"] = beta;
    }
    let mut parameters = spec["paramValues"].as_array().cloned().unwrap_or_default();
    if let Some(builder) = spec.get("builder") {
        parameters.push(json!({"name": BUILDER, "value": builder["image"]}));
    }
    add(&mut converted, "paramValues", json!(parameters));
    converted["output"] = output(&spec["output"], &BUILD_OUTPUT, "credentials", "pushSecret");
    converted
}

fn run_to_alpha(spec: &Value) -> Value {
    let mut converted = pick(spec, &["timeout", "paramValues", "state", "env", "retention", "volumes"]);
    if let Some(embedded) = spec["build"].get("spec") {
        converted["buildSpec"] = build_to_alpha(embedded);
    } else if let Some(name) = spec["build"].get("name") {
        converted["buildRef"] = json!({"name": name});
    }
    if spec["source"]["type"] == "Local" && spec["source"]["local"].is_object() {
        let mut upload = pick(&spec["source"]["local"], &["name", "timeout"]);
        upload["type"] = json!("LocalCopy");
        converted["sources"] = json!([upload]);
    }
    if let Some(own) = spec.get("output") {
        converted["output"] = output(own, &RUN_OUTPUT, "pushSecret", "credentials");
    }
    converted
}

fn run_to_beta(spec: &Value) -> Value {
    let mut converted = pick(spec, &["timeout", "paramValues", "state", "env", "retention", "volumes"]);
    let mut build = json!({});
    if let Some(embedded) = spec.get("buildSpec") {
        build["spec"] = build_to_beta(embedded);
    }
    add(&mut build, "name", spec["buildRef"]["name"].clone());
    converted["build"] = build;
    let uploads = spec["sources"].as_array().cloned().unwrap_or_default();
    if let Some(upload) = uploads.iter().find(|source| source["type"] == "LocalCopy") {
        converted["source"] = json!({"type": "Local", "local": pick(upload, &["name", "timeout"])});
    }
    if let Some(own) = spec.get("output") {
        converted["output"] = output(own, &RUN_OUTPUT, "credentials", "pushSecret");
    }
    converted
}
