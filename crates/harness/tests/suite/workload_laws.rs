//! Laws that hold for every request about a pod or revision to the built module.

use crate::conditions::{LABELLED, Shipped, WORKLOADS};
use crate::guard::{self, Verdict};
use crate::module;
use local_registry_testkit::review::patch;
use std::sync::LazyLock;

use local_registry_core::ImageReference;
use local_registry_core::registry::PORTABLE_HOST;
use local_registry_core::workload::{CONTAINERS_ANNOTATION, IMAGE_VOLUMES_ANNOTATION};
use local_registry_harness::capabilities::Capabilities;
use local_registry_harness::engine::Policy;
use local_registry_harness::objects::Objects;
use local_registry_harness::review::{AdmissionRequest, AdmissionReview};
use local_registry_testkit::strategy::{json_value, reference};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

const HOST: &str = "kind-registry:5000";
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];
const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";
const REVISION_LABEL: &str = "serving.knative.dev/revision";

static POLICY: LazyLock<Policy> = LazyLock::new(|| module::load(Capabilities::new([], Objects::Nowhere)));

/// A request about a pod or revision.
#[derive(Debug, Clone)]
struct Question {
    revision: bool,
    /// Whether it is in a labelled namespace, and about the policy for those.
    is_labelled: bool,
    sub_resource: &'static str,
    object: Value,
    old_object: Option<Value>,
    runtime_host: Option<&'static str>,
}

fn image() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,3}/[a-z]{2,4}(:v1)?",
        2 => reference(),
        2 => select(vec![HOST, "docker.io", "localhost:5001", PORTABLE_HOST, PORTABLE_HOST]).prop_map(|host| format!("{host}/team/app")),
    ]
}

fn container() -> impl Strategy<Value = Value> {
    let name = select(vec!["a", "b", "c", "d"]);
    (prop::option::weighted(0.95, name), prop::option::weighted(0.95, image()), json_value()).prop_map(
        |(name, image, other)| {
            let mut container = json!({"other": other});
            if let Some(name) = name {
                container["name"] = json!(name);
            }
            if let Some(image) = image {
                container["image"] = json!(image);
            }
            container
        },
    )
}

/// A volume, most of which are image volumes.
fn volume() -> impl Strategy<Value = Value> {
    let name = select(vec!["a", "b", "v"]);
    (name, prop::option::weighted(0.9, image()), prop::bool::weighted(0.8)).prop_map(|(name, image, is_image)| {
        match (is_image, image) {
            (true, Some(image)) => json!({"name": name, "image": {"pullPolicy": "Always", "reference": image}}),
            (true, None) => json!({"name": name, "image": {}}),
            (false, _) => json!({"name": name, "emptyDir": {}}),
        }
    })
}

fn annotation(weight: f64) -> impl Strategy<Value = Option<Value>> {
    let name = select(vec!["a", "a", "b", "b", " c ", "d", "v", "x", "", "*"]);
    let names = prop::collection::vec(name, 1..4).prop_map(|names| json!(names.join(",")));
    prop::option::weighted(weight, prop_oneof![24 => names, 1 => json_value()])
}

/// The annotations of an object, some of which is a static pod.
fn annotations() -> impl Strategy<Value = Option<Value>> {
    (annotation(0.7), annotation(0.3), prop::bool::weighted(0.15)).prop_map(|(names, volumes, is_static)| {
        let mut annotations = json!({"a": "b"});
        if is_static {
            annotations[MIRROR_ANNOTATION] = json!("x");
        }
        if let Some(names) = &names {
            annotations[CONTAINERS_ANNOTATION] = names.clone();
        }
        if let Some(volumes) = &volumes {
            annotations[IMAGE_VOLUMES_ANNOTATION] = volumes.clone();
        }
        (is_static || names.is_some() || volumes.is_some()).then_some(annotations)
    })
}

fn spec() -> impl Strategy<Value = Value> {
    let list =
        prop_oneof![30 => prop::collection::vec(container(), 0..3).prop_map(|list| json!(list)), 1 => json_value()];
    let volumes =
        prop_oneof![9 => prop::collection::vec(volume(), 0..3).prop_map(|list| json!(list)), 1 => json_value()];
    (prop::collection::vec(list, 3), volumes).prop_map(|(lists, volumes)| {
        let mut spec = json!({"volumes": volumes});
        for (name, list) in LISTS.into_iter().zip(lists) {
            if list != json!([]) {
                spec[name] = list;
            }
        }
        spec
    })
}

fn object() -> impl Strategy<Value = Value> {
    let labels = prop_oneof![9 => json_value(), 1 => Just(json!({REVISION_LABEL: "x"}))];
    (annotations(), spec(), labels).prop_map(|(annotations, spec, labels)| {
        let mut object = json!({"metadata": {"name": "x", "labels": labels}, "spec": spec});
        if let Some(annotations) = annotations {
            object["metadata"]["annotations"] = annotations;
        }
        object
    })
}

fn question() -> impl Strategy<Value = Question> {
    let hosts = select(vec![Some(HOST), Some(HOST), Some("localhost:5001"), None]);
    let sub_resource = select(vec!["", "", "ephemeralcontainers"]);
    (object(), object(), 0_u8..7, any::<(bool, bool)>(), sub_resource, hosts).prop_map(
        |(object, other, old, (revision, is_labelled), sub_resource, runtime_host)| {
            let mut old_object = match old {
                0 | 1 => None,
                2 => Some(object.clone()),
                3 => Some(other),
                4 => {
                    let mut old = object.clone();
                    old["metadata"]["annotations"] = other["metadata"]["annotations"].clone();
                    Some(old)
                }
                5 => {
                    let mut old = object.clone();
                    old["metadata"]["labels"] = other["metadata"]["labels"].clone();
                    Some(old)
                }
                _ => {
                    let mut old = object.clone();
                    if let Some(image) = old.pointer_mut("/spec/containers/0/image") {
                        *image = json!("team/before");
                    }
                    Some(old)
                }
            };
            if sub_resource == "ephemeralcontainers" {
                old_object = old_object.or_else(|| Some(object.clone()));
            }
            let revision = revision && sub_resource.is_empty();
            Question { revision, is_labelled, sub_resource, object, old_object, runtime_host }
        },
    )
}

impl Question {
    fn request(&self) -> Value {
        let kind = if self.revision {
            json!({"group": "serving.knative.dev", "version": "v1", "kind": "Revision"})
        } else {
            json!({"group": "", "version": "v1", "kind": "Pod"})
        };
        json!({
            "uid": "1", "kind": kind, "name": "x", "namespace": "team", "subResource": self.sub_resource,
            "operation": if self.old_object.is_some() { "UPDATE" } else { "CREATE" },
            "object": self.object, "oldObject": self.old_object,
        })
    }

    /// The response, and the object as it would be stored.
    fn answer(&self) -> (Value, Value) {
        let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": self.request()});
        let request = AdmissionRequest::parse_review(review.to_string().as_bytes()).unwrap();
        let without_registry = if self.is_labelled { "local" } else { "asWritten" };
        let settings =
            json!({"host": HOST, "runtimeHost": self.runtime_host, "imagesWithoutRegistry": without_registry});
        let review = AdmissionReview::evaluate(&POLICY, &request, &settings).unwrap();
        let stored = review.patched(&self.object).unwrap();
        (serde_json::to_value(review).unwrap()["response"].clone(), stored)
    }

    /// The policy that the question is about, as it is shipped.
    fn policy(&self) -> &'static Shipped {
        if self.is_labelled { &LABELLED } else { &WORKLOADS }
    }

    /// What the guards say of it with this object.
    fn judge(&self, object: &Value) -> Verdict {
        guard::judge_workload(&self.request(), object, self.is_labelled)
    }

    /// Whether all images without a registry are local, by the namespace or by `*` among the names. In the pods of a revision, `*`
    /// means nothing.
    fn means_all(&self, names: &[&str]) -> bool {
        let is_pod_of_revision = !self.revision
            && self.sub_resource.is_empty()
            && self.object["metadata"]["labels"].get(REVISION_LABEL).is_some();
        self.is_labelled || names.contains(&"*") && !is_pod_of_revision
    }

    /// Whether an API server sends such a request: an update of a pod changes no volume, and one for ephemeral containers no other
    /// containers.
    fn is_real(&self) -> bool {
        let Some(old) = &self.old_object else { return true };
        let kept: &[&str] =
            if self.sub_resource.is_empty() { &["volumes"] } else { &["initContainers", "containers", "volumes"] };
        kept.iter().all(|list| old["spec"][*list] == self.object["spec"][*list])
    }

    /// The object whose annotations will be stored.
    fn annotated(&self) -> &Value {
        self.old_object.as_ref().filter(|_| !self.sub_resource.is_empty()).unwrap_or(&self.object)
    }

    /// Whether the object shows a static pod, which the policy leaves as it is.
    fn is_static(&self) -> bool {
        !self.revision
            && self.sub_resource.is_empty()
            && !self.object["metadata"]["annotations"][MIRROR_ANNOTATION].is_null()
    }

    /// The names in an annotation.
    fn names(&self, annotation: &str) -> Vec<&str> {
        let annotation = self.annotated()["metadata"]["annotations"][annotation].as_str();
        annotation.into_iter().flat_map(|names| names.split(',').map(str::trim)).collect()
    }

    /// The images that this request writes.
    fn written<'a>(&'a self, stored: &'a Value) -> Vec<Written<'a>> {
        let lists: &[(&str, &str)] = if self.sub_resource.is_empty() {
            &[
                ("initContainers", "/image"),
                ("containers", "/image"),
                ("ephemeralContainers", "/image"),
                ("volumes", "/image/reference"),
            ]
        } else {
            &[("ephemeralContainers", "/image")]
        };
        let mut found = Vec::new();
        for (list, field) in lists {
            let is_volume = *list == "volumes";
            let mut names = self.names(if is_volume { IMAGE_VOLUMES_ANNOTATION } else { CONTAINERS_ANNOTATION });
            if is_volume && self.names(CONTAINERS_ANNOTATION).contains(&"*") {
                names.push("*");
            }
            for (index, element) in self.object["spec"][*list].as_array().into_iter().flatten().enumerate() {
                let image = |object: &'a Value| object["spec"][*list][index].pointer(field).unwrap_or(&Value::Null);
                // An element is the same wherever it is in its list.
                let is_same = |old: &'a Value| {
                    let mut before = old["spec"][*list].as_array().into_iter().flatten();
                    before.any(|old| old["name"] == element["name"] && old.pointer(field) == element.pointer(field))
                };
                if self.old_object.as_ref().is_some_and(is_same) || is_volume && element["image"].is_null() {
                    continue;
                }
                let text = image(&self.object).as_str().unwrap_or_default();
                let names_no_registry = ImageReference::parse(text).is_ok_and(|image| image.registry().is_none());
                let is_local = element["name"].as_str().is_some_and(|name| names.contains(&name) && name != "*")
                    || self.means_all(&names) && names_no_registry
                    || text.starts_with("local-registry:5000/");
                found.push(Written { is_local, is_volume, text, stored: image(stored) });
            }
        }
        found
    }
}

/// An image that a request writes.
#[derive(Debug)]
struct Written<'a> {
    is_local: bool,
    is_volume: bool,
    text: &'a str,
    stored: &'a Value,
}

proptest! {
    #![proptest_config(module::config(3000, 15))]

    #[test]
    fn an_accepted_object_passes_again_unchanged(question in question()) {
        let (response, stored) = question.answer();
        if response["allowed"] == true {
            let again = Question { object: stored.clone(), ..question };
            let (response, unchanged) = again.answer();
            prop_assert_eq!(&response["allowed"], &json!(true), "{}", response);
            prop_assert_eq!(patch(&response), None);
            prop_assert_eq!(unchanged, stored);
        }
    }

    #[test]
    fn a_patch_touches_only_images(question in question()) {
        let (response, _) = question.answer();
        for operation in patch(&response).as_ref().and_then(Value::as_array).into_iter().flatten() {
            let path = operation["path"].as_str().unwrap();
            let is_image = LISTS.iter().any(|list| path.starts_with(&format!("/spec/{list}/"))) && path.ends_with("/image");
            let is_volume = path.starts_with("/spec/volumes/") && path.ends_with("/image/reference");
            prop_assert!((is_image || is_volume) && operation["op"] == "replace", "{}", operation);
        }
    }

    #[test]
    fn a_request_that_match_conditions_or_rules_skip_passes_unchanged(question in question()) {
        let request = question.request();
        if !question.policy().covers(&request) || !question.policy().asks(&request) {
            let (response, _) = question.answer();
            prop_assert_eq!(&response["allowed"], &json!(true), "{}", response);
            prop_assert_eq!(patch(&response), None);
            prop_assert_eq!(&response["warnings"], &Value::Null);
        }
    }

    #[test]
    fn the_guard_passes_what_the_policy_lets_through(question in question()) {
        let (response, stored) = question.answer();
        if response["allowed"] == true && question.is_real() {
            prop_assert_ne!(question.judge(&stored), Verdict::Refuses, "{}", stored);
        }
    }

    #[test]
    fn the_guard_refuses_what_the_policy_would_have_given_a_registry(question in question()) {
        let (response, stored) = question.answer();
        // The portable name leads to nobody else's registry, so the guard lets it be.
        let is_given =
            |image: &Written<'_>| !image.text.is_empty() && !image.text.starts_with(PORTABLE_HOST) && image.stored != image.text;
        let is_written = question.written(&stored).iter().any(is_given) && question.is_real();
        if response["allowed"] == true && is_written {
            let verdict = question.judge(&question.object);
            prop_assert_ne!(verdict, Verdict::Passes, "{}", stored);
        }
    }

    #[test]
    fn a_local_image_that_is_written_is_stored_with_the_nodes_host(question in question()) {
        let (response, stored) = question.answer();
        if response["allowed"] != true || question.is_static() || question.revision && question.old_object.is_some() {
            return Ok(());
        }
        for image in question.written(&stored) {
            if !image.is_local {
                prop_assert!(image.stored.is_null() || image.stored == image.text, "{:?}", image);
                continue;
            }
            let host = question.runtime_host.unwrap();
            let reference = ImageReference::parse(image.text).unwrap();
            let expected = match reference.registry() {
                Some(registry) if registry == host => image.text.to_owned(),
                registry => {
                    prop_assert!(matches!(registry, None | Some(PORTABLE_HOST)), "{:?}", image);
                    let is_looked_up = question.revision && !image.is_volume && reference.digest().is_none();
                    prop_assert!(!is_looked_up || host == HOST, "{:?}", image);
                    format!("{host}/{}", reference.remainder())
                }
            };
            prop_assert_eq!(image.stored, &json!(expected));
        }
    }

    #[test]
    fn a_new_object_with_a_name_that_no_container_has_is_rejected(question in question()) {
        let all: Vec<&Value> = LISTS.iter().filter_map(|list| question.object["spec"][*list].as_array()).flatten().collect();
        let is_unknown = |name: &&str| **name != *"*" && !all.iter().any(|container| container["name"] == **name);
        let names = question.names(CONTAINERS_ANNOTATION);
        if question.old_object.is_none() && !question.is_static() && names.iter().any(is_unknown) {
            let (response, _) = question.answer();
            prop_assert_eq!(&response["allowed"], &json!(false));
        }
    }
}
