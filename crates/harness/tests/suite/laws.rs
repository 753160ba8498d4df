//! Laws that hold for every request to the built module.

use crate::conditions::SHIPWRIGHT;
use crate::guard::{self, Verdict};
use crate::module;
use local_registry_testkit::review::patch;
use std::sync::LazyLock;

use local_registry_core::ImageReference;
use local_registry_core::registry::PORTABLE_HOST;
use local_registry_core::shipwright::{ImageField, Kind, Role, Version, image_fields};
use local_registry_harness::capabilities::Capabilities;
use local_registry_harness::engine::Policy;
use local_registry_harness::objects::Objects;
use local_registry_harness::review::{AdmissionRequest, AdmissionReview};
use local_registry_testkit::strategy::{json_value, reference};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

const HOST: &str = "kind-registry:5000";

/// What every Build of the cluster is.
fn build() -> Value {
    json!({
        "apiVersion": "shipwright.io/v1beta1", "kind": "Build",
        "metadata": {"name": "b", "namespace": "team", "labels": {"local-registry-hosting/output": "local"}},
        "spec": {
            "output": {"image": "team/looked-up", "local": true},
            "paramValues": [{"name": "a", "value": "x"}, {"name": "of-build", "value": "BASE=local-registry:5000/b"}],
        },
    })
}

/// A policy on a cluster where every Build has a local output.
static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    module::load(Capabilities::new(module::granted(), Objects::Function(Box::new(|_| Ok(Some(build()))))))
});

/// The Secret that outputs get with the registry.
const SECRET: &str = "registry-push";

/// A request about an object, and the settings that differ.
#[derive(Debug, Clone)]
struct Question {
    kind: Kind,
    version: Version,
    object: Value,
    old_object: Option<Value>,
    look_up: bool,
    /// Whether a local output has to begin with its namespace.
    keeps_apart: bool,
}

/// What an object has at an image field: nothing, or an image and perhaps `local`, `insecure` and a push secret.
type Said = Option<(String, Option<bool>, Option<bool>, bool)>;

fn said() -> impl Strategy<Value = Said> {
    let local = prop::option::weighted(0.8, prop::bool::weighted(0.8));
    prop::option::of((image(), local, any::<Option<bool>>(), prop::bool::weighted(0.3)))
}

/// References, some of which already name the cluster's registry, or the portable one.
fn image() -> impl Strategy<Value = String> {
    let host = select(vec![HOST, PORTABLE_HOST]);
    let with_host = (host, "(team/)?[a-z]{2,4}").prop_map(|(host, path)| format!("{host}/{path}"));
    prop_oneof![3 => "[a-z]{1,3}/[a-z]{2,4}(:v1)?", 3 => "team/[a-z]{2,4}(:v1)?", 2 => reference(), 2 => with_host]
}

/// Values of parameters, most of which have the portable name, in some as a part of another.
fn value() -> impl Strategy<Value = String> {
    let around = || select(vec!["", "", "BASE=", "//", "/", ",", " ", ".", "-x", ":v1", "/team/app", "\"", "é", "0"]);
    (around(), select(vec![PORTABLE_HOST, PORTABLE_HOST, HOST, "quay.io"]), around(), around())
        .prop_map(|(before, host, after, rest)| format!("{before}{host}{after}{rest}{host}"))
}

/// Parameters of a Build or run, some with lists.
fn parameters() -> impl Strategy<Value = Option<Value>> {
    let single =
        (select(vec!["a", "b", "of-build"]), value()).prop_map(|(name, value)| json!({"name": name, "value": value}));
    let list = (prop::collection::vec(value(), 0..3), json_value()).prop_map(|(values, other)| {
        let mut items: Vec<Value> = values.into_iter().map(|value| json!({"value": value})).collect();
        items.push(json!({"secretValue": {"format": PORTABLE_HOST}}));
        json!({"name": "list", "other": other, "values": items})
    });
    let builder = image().prop_map(|image| json!({"name": "builder-image", "value": image}));
    prop::option::of(
        prop::collection::vec(prop_oneof![2 => single, 2 => list, 1 => builder], 0..4).prop_map(Value::from),
    )
}

fn annotations() -> impl Strategy<Value = Option<Value>> {
    let key = select(vec!["output", "source", "builder"]).prop_map(|role| format!("local-registry-hosting/{role}"));
    let value = select(vec!["true", "true", "recorded", "recorded", "false", "maybe"]).prop_map(Value::from);
    prop::option::of(prop::collection::btree_map(key, value, 0..3).prop_map(|entries| json!(entries)))
}

/// The label that the policy gives a Build, or what somebody else made of it.
fn label() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::weighted(0.3, select(vec!["local", "local", "other"]))
}

fn object(kind: Kind, version: Version) -> impl Strategy<Value = Value> {
    let fields = image_fields(kind, version);
    let images = prop::collection::vec(said(), fields.len());
    let others = prop::collection::vec(json_value(), 2);
    (images, annotations(), label(), others, (parameters(), parameters())).prop_map(
        move |(images, annotations, label, others, (own, of_embedded))| {
            let mut object = json!({
                "apiVersion": format!("shipwright.io/{}", name(version)),
                "kind": if kind == Kind::Build { "Build" } else { "BuildRun" },
                "metadata": {"name": "x", "namespace": "team", "other": others[0]},
                "spec": {"volumes": others[1]},
            });
            if let Some(annotations) = annotations {
                object["metadata"]["annotations"] = annotations;
            }
            if let Some(label) = label {
                object["metadata"]["labels"] = json!({"a": "b", "local-registry-hosting/output": label});
            }
            if let Some(parameters) = own {
                object["spec"]["paramValues"] = parameters;
            }
            let mut embedded = false;
            for (field, said) in fields.iter().zip(images) {
                let Some((image, local, insecure, has_secret)) = said else { continue };
                embedded |= field.path.len() > 2 && kind == Kind::BuildRun;
                let place = field.path.iter().fold(&mut object, |object, part| &mut object[*part]);
                let mut said = Map::from_iter([("image".to_owned(), json!(image))]);
                said.extend(local.map(|local| ("local".to_owned(), json!(local))));
                said.extend(insecure.map(|insecure| ("insecure".to_owned(), json!(insecure))));
                said.extend(has_secret.then(|| push_secret(version, "own")));
                *place = Value::Object(said);
            }
            // Shipwright fails a run with neither a name nor an embedded specification.
            if kind == Kind::BuildRun && !embedded {
                let reference = if version == Version::V1Beta1 { "build" } else { "buildRef" };
                object["spec"][reference] = json!({"name": "b"});
            }
            if let (true, Some(parameters)) = (embedded, of_embedded) {
                *embedded_parameters(&mut object, version) = parameters;
            }
            object
        },
    )
}

/// The field of an output that names its push secret.
fn push_secret(version: Version, name: &str) -> (String, Value) {
    match version {
        Version::V1Beta1 => ("pushSecret".to_owned(), json!(name)),
        Version::V1Alpha1 => ("credentials".to_owned(), json!({"name": name})),
    }
}

/// The parameters of the specification that a run embeds.
fn embedded_parameters(object: &mut Value, version: Version) -> &mut Value {
    match version {
        Version::V1Beta1 => &mut object["spec"]["build"]["spec"]["paramValues"],
        Version::V1Alpha1 => &mut object["spec"]["buildSpec"]["paramValues"],
    }
}

fn question() -> impl Strategy<Value = Question> {
    let kinds = select(vec![Kind::Build, Kind::BuildRun]);
    let versions = select(vec![Version::V1Alpha1, Version::V1Beta1]);
    (kinds, versions).prop_flat_map(|(kind, version)| {
        let settings = (prop::bool::weighted(0.8), prop::bool::weighted(0.3));
        (object(kind, version), old_object(kind, version), settings).prop_map(
            move |(object, old_object, (look_up, keeps_apart))| {
                let old_object = old_object.apply(&object);
                Question { kind, version, object, old_object, look_up, keeps_apart }
            },
        )
    })
}

/// The object before a request.
#[derive(Debug, Clone)]
enum Old {
    /// None: the request is a CREATE.
    Nothing,
    /// Another object of the same kind.
    Other(Value),
    /// The same object with another value at this path: an annotation, or a field that the policy does not read.
    Alike(&'static str, Value),
    /// The same object without a field that the policy reads.
    Without(String),
}

impl Old {
    fn apply(self, object: &Value) -> Option<Value> {
        let mut old = object.clone();
        match self {
            Self::Nothing => return None,
            Self::Other(other) => return Some(other),
            Self::Alike(path, value) => {
                let (parent, key) = path.rsplit_once('/').unwrap();
                let Some(place) = old.pointer_mut(parent).and_then(Value::as_object_mut) else { return Some(old) };
                place.insert(key.replace("~1", "/"), value);
            }
            Self::Without(pointer) => {
                let (parent, key) = pointer.rsplit_once('/').unwrap();
                let Some(place) = old.pointer_mut(parent).and_then(Value::as_object_mut) else { return Some(old) };
                place.remove(key);
            }
        }
        Some(old)
    }
}

fn old_object(kind: Kind, version: Version) -> impl Strategy<Value = Old> {
    let alike = vec![
        "/metadata/labels",
        "/metadata/labels/local-registry-hosting~1output",
        "/metadata/annotations/a",
        "/metadata/deletionTimestamp",
        "/spec/volumes",
        "/spec/paramValues",
        "/spec/source/type",
        "/spec/output/labels",
        "/status",
    ];
    let fields: Vec<String> = image_fields(kind, version)
        .iter()
        .flat_map(|field| {
            ["", "/local", "/image", "/insecure", "/pushSecret"].map(|key| format!("/{}{key}", field.path.join("/")))
        })
        .chain(
            ["/metadata/annotations", "/metadata/labels", "/spec/build/name", "/spec/buildRef/name"]
                .map(ToOwned::to_owned),
        )
        .collect();
    prop_oneof![
        6 => Just(Old::Nothing),
        1 => object(kind, version).prop_map(Old::Other),
        2 => (select(alike), select(vec![json!({}), json!([{"name": "builder-image"}]), json!("x")]))
            .prop_map(|(path, value)| Old::Alike(path, value)),
        2 => select(fields).prop_map(Old::Without),
    ]
}

fn name(version: Version) -> &'static str {
    if version == Version::V1Beta1 { "v1beta1" } else { "v1alpha1" }
}

impl Question {
    fn request(&self) -> Value {
        json!({
            "uid": "1",
            "kind": {"group": "shipwright.io", "version": name(self.version), "kind": self.object["kind"]},
            "name": "x", "namespace": "team",
            "operation": if self.old_object.is_some() { "UPDATE" } else { "CREATE" },
            "object": self.object, "oldObject": self.old_object,
        })
    }

    /// The response, and the object as it would be stored.
    fn answer(&self) -> (Value, Value) {
        let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": self.request()});
        let request = AdmissionRequest::parse_review(review.to_string().as_bytes()).unwrap();
        let repositories = if self.keeps_apart { "namespace" } else { "any" };
        let settings = json!({
            "host": HOST, "insecure": true, "lookupBuilds": self.look_up, "pushSecret": SECRET, "repositories": repositories,
        });
        let review = AdmissionReview::evaluate(&POLICY, &request, &settings).unwrap();
        let stored = review.patched(&self.object).unwrap();
        (serde_json::to_value(review).unwrap()["response"].clone(), stored)
    }

    fn fields(&self) -> &'static [ImageField] {
        image_fields(self.kind, self.version)
    }

    /// Whether the policy may write to this path.
    fn owns(&self, path: &str) -> bool {
        let image = self.fields().iter().any(|field| {
            let at = format!("/{}", field.path.join("/"));
            let rest = path.strip_prefix(&at);
            let secret = if self.version == Version::V1Beta1 { "/pushSecret" } else { "/credentials" };
            let is_set = rest.is_some_and(|rest| ["/image", "/insecure", secret].contains(&rest));
            is_set || rest == Some("") && path == "/spec/output"
        });
        let annotation =
            path == "/metadata/annotations" || path.starts_with("/metadata/annotations/local-registry-hosting~1");
        let label = ["/metadata/labels", "/metadata/labels/local-registry-hosting~1output"].contains(&path);
        let parameter = ["/spec/paramValues", "/spec/build/spec/paramValues", "/spec/buildSpec/paramValues"]
            .iter()
            .any(|list| path.starts_with(list));
        let parameters_stay = self.kind == Kind::Build && self.look_up;
        image || parameter && !parameters_stay || (annotation || label) && self.kind == Kind::Build
    }

    /// Whether the policy may remove this path: the record of an image that is no longer local, or a recorded `local`.
    fn may_remove(&self, path: &str) -> bool {
        let is_local = self
            .fields()
            .iter()
            .any(|field| path.strip_prefix('/') == Some(&format!("{}/local", field.path.join("/"))));
        let is_record = path.starts_with("/metadata/annotations/local-registry-hosting~1")
            || path == "/metadata/labels/local-registry-hosting~1output";
        self.kind == Kind::Build && (is_record || is_local && self.version == Version::V1Alpha1)
    }
}

proptest! {
    #![proptest_config(module::config(3000, 5))]

    #[test]
    fn an_accepted_object_passes_again_unchanged(question in question()) {
        let (response, stored) = question.answer();
        if response["allowed"] == true {
            // Kubernetes may call a webhook again with its own result, and a user may apply the stored object.
            let again = Question { object: stored.clone(), ..question.clone() };
            let updated = Question { object: stored.clone(), old_object: Some(stored.clone()), ..question };
            for question in [again, updated] {
                let (response, unchanged) = question.answer();
                prop_assert_eq!(&response["allowed"], &json!(true), "{}", response);
                prop_assert_eq!(patch(&response), None);
                prop_assert_eq!(unchanged, stored.clone());
            }
        }
    }

    #[test]
    fn a_patch_touches_only_what_the_policy_owns(question in question()) {
        let (response, _) = question.answer();
        if let Some(patch) = patch(&response) {
            prop_assert_eq!(&response["allowed"], &json!(true), "a rejection never comes with a patch");
            for operation in patch.as_array().unwrap() {
                let path = operation["path"].as_str().unwrap();
                let may = if operation["op"] == "remove" { question.may_remove(path) } else { question.owns(path) };
                prop_assert!(may, "{} in {}", path, patch);
            }
        }
    }

    #[test]
    fn parameters_get_the_cluster_s_registry_in_the_place_of_the_portable_name_and_are_otherwise_the_same(question in question()) {
        let (response, stored) = question.answer();
        if response["allowed"] != true {
            return Ok(());
        }
        let spec = |object: &Value| [object["spec"].clone(), object["spec"]["build"]["spec"].clone(), object["spec"]["buildSpec"].clone()];
        for (written, stored) in spec(&question.object).iter().zip(spec(&stored)) {
            let written = written["paramValues"].as_array().cloned().unwrap_or_default();
            let stored = stored["paramValues"].as_array().cloned().unwrap_or_default();
            let portable = |list: &[Value]| Value::from(list).to_string().replace(HOST, PORTABLE_HOST);
            prop_assert_eq!(portable(&written), portable(stored.get(..written.len()).unwrap_or_default()));
            // What a run gets in addition is that of the Build, unless it sets that itself.
            for added in stored.get(written.len()..).unwrap_or_default() {
                prop_assert_eq!(added, &json!({"name": "of-build", "value": format!("BASE={HOST}/b")}));
                prop_assert!(written.iter().all(|own| own["name"] != "of-build"));
            }
        }
    }

    #[test]
    fn a_request_that_match_conditions_skip_passes_unchanged(question in question()) {
        if !SHIPWRIGHT.asks(&question.request()) {
            let (response, _) = question.answer();
            prop_assert_eq!(&response["allowed"], &json!(true), "{}", response);
            prop_assert_eq!(patch(&response), None);
            prop_assert_eq!(&response["warnings"], &Value::Null);
        }
    }

    #[test]
    fn the_guard_passes_what_the_policy_lets_through(question in question()) {
        let (response, stored) = question.answer();
        // While Builds are not looked up, a run gets no output. The guard alone looks at the Build then.
        let is_unknown = !question.look_up && question.kind == Kind::BuildRun;
        if response["allowed"] == true && !is_unknown {
            prop_assert_ne!(guard::judge(&question.request(), &stored, &[build()]), Verdict::Refuses, "{}", stored);
        }
    }

    #[test]
    fn the_guard_refuses_what_the_policy_would_have_given_a_registry(question in question()) {
        let (response, stored) = question.answer();
        let request = question.request();
        let is_labelled = |object: &Value| object["metadata"]["labels"]["local-registry-hosting/output"] == "local";
        let output = stored.pointer("/spec/output/image").and_then(Value::as_str).unwrap_or_default();
        let is_new_and_portable = question.old_object.is_none() && is_labelled(&stored) && !is_labelled(&question.object)
            && ImageReference::parse(output).is_ok_and(|image| image.registry().is_none());
        if response["allowed"] == true && (is_new_and_portable || guard::is_given_a_registry(&request, &stored)) {
            prop_assert_ne!(guard::judge(&request, &question.object, &[build()]), Verdict::Passes, "{}", stored);
        }
    }

    #[test]
    fn only_what_was_recorded_gets_another_registry_and_nothing_else_is_recorded(question in question()) {
        let (response, stored) = question.answer();
        if response["allowed"] != true {
            return Ok(());
        }
        for field in question.fields() {
            let pointer = format!("/{}/image", field.path.join("/"));
            let Some(written) = question.object.pointer(&pointer).and_then(Value::as_str) else { continue };
            let Some(registry) = ImageReference::parse(written).ok().and_then(|reference| reference.registry()) else { continue };
            let annotation = |object: &Value| object["metadata"]["annotations"][field.role.annotation()].clone();
            let was_recorded = question.old_object.as_ref().is_some_and(|old| annotation(old) == "recorded");
            if registry != HOST && registry != PORTABLE_HOST && !was_recorded {
                prop_assert_eq!(stored.pointer(&pointer).unwrap(), written);
                // The policy records nothing of a run.
                prop_assert!(question.kind == Kind::BuildRun || annotation(&stored) != "recorded", "{}", stored);
            }
        }
    }

    #[test]
    fn an_update_of_another_annotation_is_never_rejected(question in question()) {
        let mut object = question.object.clone();
        object["metadata"]["annotations"]["touched"] = json!("now");
        let update = Question { object, old_object: Some(question.object.clone()), ..question };
        let (response, _) = update.answer();
        prop_assert_eq!(&response["allowed"], &json!(true), "{}", response);
    }

    #[test]
    fn no_update_drops_local_in_silence(question in question()) {
        for field in question.fields().iter().filter(|_| question.kind == Kind::Build) {
            let (mut object, mut old) = (question.object.clone(), question.object.clone());
            let pointer = format!("/{}", field.path.join("/"));
            let Some(said) = object.pointer_mut(&pointer).and_then(Value::as_object_mut) else { continue };
            said.remove("local");
            let written = said["image"].as_str().unwrap();
            let registry = ImageReference::parse(written).map(|reference| reference.registry().map(ToOwned::to_owned));
            if !matches!(registry.as_ref().map(Option::as_deref), Ok(None | Some(HOST))) {
                continue;
            }
            old.pointer_mut(&pointer).unwrap()["local"] = json!(true);
            let update = Question { object, old_object: Some(old), ..question.clone() };
            prop_assert!(SHIPWRIGHT.asks(&update.request()));
            let (response, stored) = update.answer();
            let mark = stored["metadata"]["annotations"][field.role.annotation()].as_str();
            let is_explicit = update.object["metadata"]["annotations"].get(field.role.annotation()).is_some();
            prop_assert!(response["allowed"] != true || is_explicit || mark == Some("recorded"), "{}", stored);
        }
    }

    #[test]
    fn the_runs_of_an_accepted_new_build_find_its_builder(question in question()) {
        let is_new_build = question.kind == Kind::Build && question.old_object.is_none();
        let (response, stored) = question.answer();
        if !is_new_build || response["allowed"] != true {
            return Ok(());
        }
        let annotation = &stored["metadata"]["annotations"]["local-registry-hosting/builder"];
        let field = stored["spec"]["builder"]["image"].as_str().filter(|_| question.version == Version::V1Alpha1);
        let mut parameters = stored["spec"]["paramValues"].as_array().into_iter().flatten().rev();
        let parameter = parameters.find(|parameter| parameter["name"] == "builder-image");
        let builder = field.or_else(|| parameter?["value"].as_str());
        if let Some(builder) = builder.filter(|_| *annotation == "true" || *annotation == "recorded") {
            let by_name = field.is_none() && builder.starts_with(&format!("{PORTABLE_HOST}/"));
            prop_assert!(by_name || builder.starts_with(&format!("{HOST}/")), "{}", stored);
        }
    }

    #[test]
    fn a_push_secret_comes_with_the_registry_and_never_replaces_another(question in question()) {
        let (response, stored) = question.answer();
        for field in question.fields() {
            let pointer = format!("/{}", field.path.join("/"));
            let (Some(said), Some(now)) = (question.object.pointer(&pointer), stored.pointer(&pointer)) else { continue };
            let (key, secret) = push_secret(question.version, SECRET);
            let is_injected = said["image"] != now["image"] && field.role == Role::Output;
            // A Build's output stays portable. Its label says that it is local, or its name does.
            let image = now["image"].as_str().unwrap();
            let registry = ImageReference::parse(image).map_or(Some(""), |image| image.registry());
            let is_labelled = stored["metadata"]["labels"]["local-registry-hosting/output"] == "local";
            let is_portable = registry.is_none() && is_labelled || registry == Some(PORTABLE_HOST) && said["local"] != false;
            let is_new = question.old_object.is_none();
            let stays_portable = is_new && question.kind == Kind::Build && field.role == Role::Output && is_portable;
            // What a named Build has is not always known.
            let is_known = question.kind == Kind::Build || is_new && (question.look_up || field.path.len() > 2);
            if !said[&key].is_null() {
                prop_assert_eq!(&now[&key], &said[&key], "{}", stored);
            } else if response["allowed"] == true && (is_injected && is_known || stays_portable) {
                prop_assert_eq!(&now[&key], &secret, "{}", stored);
            } else {
                prop_assert!(now[&key].is_null() || now[&key] == secret, "{}", stored);
            }
        }
    }

    #[test]
    fn a_stored_local_image_is_our_host_and_the_written_reference(question in question()) {
        let (response, stored) = question.answer();
        if response["allowed"] != true {
            return Ok(());
        }
        for field in question.fields() {
            let pointer = format!("/{}", field.path.join("/"));
            let Some(said) = question.object.pointer(&pointer) else { continue };
            let stored = stored.pointer(&pointer).unwrap();
            let written = said["image"].as_str().unwrap();
            let before = question.old_object.as_ref().and_then(|old| old.pointer(&pointer));
            // An image that an UPDATE does not change is never rejected, so it may be one that cannot be resolved.
            let reference = ImageReference::parse(written);
            let is_apart = |image: &ImageReference<'_>| {
                question.keeps_apart && field.role == Role::Output && !image.remainder().starts_with("team/")
            };
            let can_be_resolved = reference
                .as_ref()
                .is_ok_and(|image| matches!(image.registry(), None | Some(PORTABLE_HOST)) && !is_apart(image));
            let read = |said: &Value| ["image", "local", "insecure"].map(|key| said[key].clone());
            let unchanged = before.is_some_and(|before| {
                read(before) == read(said) || before["image"] == written && !can_be_resolved
            });
            if said["local"] != true || unchanged {
                continue;
            }
            prop_assert!(!reference.as_ref().is_ok_and(is_apart), "{}", written);
            let output_of_build = question.kind == Kind::Build && field.path == ["spec", "output"];
            let carried = written.strip_prefix(HOST).and_then(|rest| rest.strip_prefix('/'));
            let expected = match carried {
                None if output_of_build && question.look_up => written.to_owned(),
                None if can_be_resolved => format!("{HOST}/{}", reference.unwrap().remainder()),
                None => format!("{HOST}/{written}"),
                Some(_) => written.to_owned(),
            };
            prop_assert_eq!(&stored["image"], &json!(expected));
        }
        let by_name = ["build", "buildRef"].iter().any(|key| question.object["spec"][key]["name"] == "b");
        let silent = question.object["spec"].get("output").is_none();
        if by_name && silent && question.look_up && question.old_object.is_none() {
            let mut added = json!({"image": format!("{HOST}/team/looked-up"), "insecure": true});
            added.as_object_mut().unwrap().extend([push_secret(question.version, SECRET)]);
            prop_assert_eq!(&stored["spec"]["output"], &added);
        }
    }
}
