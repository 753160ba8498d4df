//! Laws that hold for every request about a pod or revision to the built module.

use crate::conditions::WORKLOADS;
use crate::guard::{self, Verdict};
use crate::module;
use local_registry_testkit::review::patch;
use std::sync::LazyLock;

use local_registry_core::ImageReference;
use local_registry_core::workload::CONTAINERS_ANNOTATION;
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

static POLICY: LazyLock<Policy> = LazyLock::new(|| module::load(Capabilities::new([], Objects::Nowhere)));

/// A request about a pod or revision.
#[derive(Debug, Clone)]
struct Question {
    revision: bool,
    sub_resource: &'static str,
    object: Value,
    old_object: Option<Value>,
    runtime_host: Option<&'static str>,
}

fn container() -> impl Strategy<Value = Value> {
    let image = prop_oneof![
        4 => "[a-z]{1,3}/[a-z]{2,4}(:v1)?",
        2 => reference(),
        2 => select(vec![HOST, "docker.io", "localhost:5001"]).prop_map(|host| format!("{host}/team/app")),
    ];
    let name = select(vec!["a", "b", "c", "d"]);
    (prop::option::weighted(0.95, name), prop::option::weighted(0.95, image), json_value()).prop_map(
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

fn annotation() -> impl Strategy<Value = Option<Value>> {
    let name = select(vec!["a", "a", "b", "b", " c ", "d", "x", ""]);
    let names = prop::collection::vec(name, 1..4).prop_map(|names| json!(names.join(",")));
    prop::option::weighted(0.85, prop_oneof![24 => names, 1 => json_value()])
}

/// The annotations of an object, some of which is a static pod.
fn annotations() -> impl Strategy<Value = Option<Value>> {
    (annotation(), prop::bool::weighted(0.15)).prop_map(|(names, is_static)| {
        let mut annotations = json!({"a": "b"});
        if is_static {
            annotations[MIRROR_ANNOTATION] = json!("x");
        }
        if let Some(names) = &names {
            annotations[CONTAINERS_ANNOTATION] = names.clone();
        }
        (is_static || names.is_some()).then_some(annotations)
    })
}

fn spec() -> impl Strategy<Value = Value> {
    let list =
        prop_oneof![30 => prop::collection::vec(container(), 0..3).prop_map(|list| json!(list)), 1 => json_value()];
    (prop::collection::vec(list, 3), json_value()).prop_map(|(lists, other)| {
        let mut spec = json!({"volumes": other});
        for (name, list) in LISTS.into_iter().zip(lists) {
            if list != json!([]) {
                spec[name] = list;
            }
        }
        spec
    })
}

fn object() -> impl Strategy<Value = Value> {
    (annotations(), spec(), json_value()).prop_map(|(annotations, spec, other)| {
        let mut object = json!({"metadata": {"name": "x", "labels": other}, "spec": spec});
        if let Some(annotations) = annotations {
            object["metadata"]["annotations"] = annotations;
        }
        object
    })
}

fn question() -> impl Strategy<Value = Question> {
    let hosts = select(vec![Some(HOST), Some(HOST), Some("localhost:5001"), None]);
    let sub_resource = select(vec!["", "", "ephemeralcontainers"]);
    (object(), object(), 0_u8..7, any::<bool>(), sub_resource, hosts).prop_map(
        |(object, other, old, revision, sub_resource, runtime_host)| {
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
            Question { revision, sub_resource, object, old_object, runtime_host }
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
        let settings = json!({"host": HOST, "runtimeHost": self.runtime_host});
        let review = AdmissionReview::evaluate(&POLICY, &request, &settings).unwrap();
        let stored = review.patched(&self.object).unwrap();
        (serde_json::to_value(review).unwrap()["response"].clone(), stored)
    }

    /// Whether an API server sends such a request: one for ephemeral containers changes no other containers.
    fn is_real(&self) -> bool {
        let same =
            |list: &str| self.old_object.as_ref().is_some_and(|old| old["spec"][list] == self.object["spec"][list]);
        self.sub_resource.is_empty() || LISTS[..2].iter().all(|list| same(list))
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

    /// The names in the annotation.
    fn names(&self) -> Vec<&str> {
        let annotation = self.annotated()["metadata"]["annotations"][CONTAINERS_ANNOTATION].as_str();
        annotation.into_iter().flat_map(|names| names.split(',').map(str::trim)).collect()
    }

    /// The containers that this request writes: their places, and what they are before and after.
    fn written<'a>(&'a self, stored: &'a Value) -> Vec<(&'a Value, &'a Value)> {
        let lists = if self.sub_resource.is_empty() { &LISTS[..] } else { &LISTS[2..] };
        let mut found = Vec::new();
        for list in lists {
            for (index, container) in self.object["spec"][*list].as_array().into_iter().flatten().enumerate() {
                let place = |object: &'a Value| &object["spec"][*list][index];
                let same = |key: &str| self.old_object.as_ref().is_some_and(|old| place(old)[key] == container[key]);
                if !(same("name") && same("image")) {
                    found.push((container, place(stored)));
                }
            }
        }
        found
    }
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
            prop_assert!(is_image && operation["op"] == "replace", "{}", operation);
        }
    }

    #[test]
    fn a_request_that_match_conditions_or_rules_skip_passes_unchanged(question in question()) {
        let request = question.request();
        if !WORKLOADS.covers(&request) || !WORKLOADS.asks(&request) {
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
            prop_assert_ne!(guard::judge_workload(&question.request(), &stored), Verdict::Refuses, "{}", stored);
        }
    }

    #[test]
    fn the_guard_refuses_what_the_policy_would_have_given_a_registry(question in question()) {
        let (response, stored) = question.answer();
        let is_written = question.written(&stored).iter().any(|(written, stored)| written["image"] != stored["image"]);
        if response["allowed"] == true && is_written {
            let verdict = guard::judge_workload(&question.request(), &question.object);
            prop_assert_ne!(verdict, Verdict::Passes, "{}", stored);
        }
    }

    #[test]
    fn a_named_image_that_is_written_is_stored_with_the_nodes_host(question in question()) {
        let (response, stored) = question.answer();
        if response["allowed"] != true || question.is_static() || question.revision && question.old_object.is_some() {
            return Ok(());
        }
        let names = question.names();
        for (written, stored) in question.written(&stored) {
            let is_named = written["name"].as_str().is_some_and(|name| names.contains(&name));
            if !is_named {
                prop_assert_eq!(written, stored);
                continue;
            }
            let host = question.runtime_host.unwrap();
            prop_assert!(!question.revision || host == HOST, "{}", stored);
            let text = written["image"].as_str().unwrap();
            let expected = match ImageReference::parse(text).unwrap().registry() {
                Some(registry) => {
                    prop_assert_eq!(registry, host);
                    text.to_owned()
                }
                None => format!("{host}/{text}"),
            };
            prop_assert_eq!(&stored["image"], &json!(expected));
        }
    }

    #[test]
    fn a_new_object_with_a_name_that_no_container_has_is_rejected(question in question()) {
        let all: Vec<&Value> = LISTS.iter().filter_map(|list| question.object["spec"][*list].as_array()).flatten().collect();
        let is_unknown = |name: &&str| !all.iter().any(|container| container["name"] == **name);
        if question.old_object.is_none() && !question.is_static() && question.names().iter().any(is_unknown) {
            let (response, _) = question.answer();
            prop_assert_eq!(&response["allowed"], &json!(false));
        }
    }
}
