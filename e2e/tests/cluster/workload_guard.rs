//! The guard for pods and Knative revisions, in the API server itself: what the policy did not see is refused.
//!
//! No webhook is registered here, as after Kubewarden was removed.

use e2e::{Crds, TestCluster, eventually, upstream, values};
use local_registry_testkit::case::{self, Case};
use serde_json::{Value, json};

use crate::guard::{Refusals, has_portable_name};
use crate::workloads::{complete_pod, is_for_labelled};

const REASON: &str = "is local by the annotation local-registry-hosting/";
/// What the guard for labelled namespaces says.
const NO_REGISTRY: &str = "names no registry, so it is local in this namespace";

/// A cluster with what these values install, which nobody serves. These objects were there before.
fn unserved(before: &[Value], values: &Value) -> TestCluster {
    let cluster = TestCluster::start(Crds::Plain);
    let controllers = cluster.control_plane.start_controllers();
    cluster.kubectl.wait_for_service_accounts(&["kubewarden", "team"]);
    drop(controllers);
    let crd = std::fs::read_to_string(upstream("knative/crds/revision.yaml")).unwrap();
    cluster.kubectl.ok_with(&["create", "-f", "-"], &serde_saphyr::from_str(&crd).unwrap());
    cluster.kubectl.wait_for_crds();
    for object in before {
        // Some cases are no objects that the API server takes.
        let _ = cluster.kubectl.run_with(&["create", "--validate=ignore", "-f", "-"], &object.to_string());
    }
    cluster.install(values);
    cluster.kubectl.wait_for_admission_policies();
    cluster
}

fn pod(name: &str, namespace: &str, names: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "annotations": {"local-registry-hosting/containers": names}},
        "spec": {"containers": [{"name": "app", "image": image}]},
    })
}

#[test]
fn what_the_policy_did_not_see_is_refused_and_all_else_passes() {
    let cluster = unserved(&[pod("before", "team", "app, debug", "team/app:v1")], &values::workloads());
    let kubectl = &cluster.kubectl;
    let create = |object: &Value| kubectl.run_with(&["create", "--dry-run=server", "-f", "-"], &object.to_string());
    // Kubewarden exempts its own namespace from all policies.
    for namespace in ["team", "kubewarden"] {
        for names in ["app", " app "] {
            create(&pod("new", namespace, names, "team/app:v1")).failed_with(REASON);
        }
        let many = vec!["app"; 101].join(",");
        for names in ["", ",", "App", "ap", "app debug", "app\u{200b}", "\"app\"", &many] {
            let image = "reg.example/team/app:v1";
            create(&pod("new", namespace, names, image))
                .failed_with("has a name that nothing in the object has, is empty");
        }
        for (names, image) in [
            ("app", "reg.example/team/app:v1"),
            ("app", "localhost/team/app"),
            // It leads to nobody else.
            ("app", "local-registry:5000/team/app:v1"),
            // Image parsers read a registry here, which cannot be reached.
            ("app", "Registry/team/app"),
            ("app", "localhost:5001/team/app:v1"),
        ] {
            create(&pod("new", namespace, names, image)).ok(&["create"]);
        }
    }
    let mut plain = pod("plain", "team", "app", "team/app:v1");
    plain["metadata"].as_object_mut().unwrap().remove("annotations");
    create(&plain).ok(&["create"]);
    create(&pod("app", "team", "app", "team/app:v1")).failed_with("container app: the image team/app:v1 is local");
    let long = format!("team/{}", "a/".repeat(4000));
    create(&pod("app", "team", "app", &long)).failed_with("an image is local by the annotation");

    // A pod that was stored before is left alone, until an image changes.
    kubectl.ok(&["label", "pod", "before", "--namespace=team", "a=b"]);
    let image = |image: &str| kubectl.run(&["set", "image", "pod/before", "--namespace=team", &format!("app={image}")]);
    image("team/app:v2").failed_with(REASON);
    image("reg.example/team/app:v2").ok(&["set"]);
    let debug = |name: &str, image: &str| {
        let container = json!({"spec": {"ephemeralContainers": [{"name": name, "image": image}]}}).to_string();
        let patch = ["patch", "pod", "before", "--namespace=team", "--subresource=ephemeralcontainers", "--patch"];
        kubectl.run(&[&patch[..], &[&container, "--dry-run=server"]].concat())
    };
    debug("debug", "team/tools").failed_with(REASON);
    debug("debug", "reg.example/team/tools").ok(&["patch"]);
    debug("other", "team/tools").ok(&["patch"]);
    kubectl.ok(&["delete", "pod", "before", "--namespace=team", "--grace-period=0", "--force"]);
}

#[test]
fn in_a_labelled_namespace_an_image_without_a_registry_is_refused_and_all_else_passes() {
    let plain = |name: &str, namespace: &str, image: &str| {
        let mut pod = pod(name, namespace, "app", image);
        pod["metadata"].as_object_mut().unwrap().remove("annotations");
        pod
    };
    let cluster = unserved(&[plain("before", "team", "team/app:v1")], &values::labelled());
    let kubectl = &cluster.kubectl;
    kubectl.ok(&["label", "namespace", "team", "local-registry-hosting/workloads=true"]);
    kubectl.ok(&["label", "namespace", "kubewarden", "local-registry-hosting/workloads=false"]);
    let create = |object: &Value| kubectl.run_with(&["create", "--dry-run=server", "-f", "-"], &object.to_string());
    eventually("the API server to know the label", || {
        (create(&plain("new", "team", "team/app:v1")).code != Some(0)).then_some(())
    });
    create(&plain("new", "team", "team/app:v1"))
        .failed_with("container app: the image team/app:v1 names no registry, so it is local in this namespace");
    create(&plain("new", "team", "nginx")).failed_with(NO_REGISTRY);
    let long = format!("team/{}", "a/".repeat(4000));
    create(&plain("new", "team", &long)).failed_with("an image names no registry");
    let mut others = plain("new", "team", "reg.example/team/app");
    others["spec"]["initContainers"] = json!([{"name": "init", "image": "team/init"}]);
    create(&others).failed_with("container init: the image team/init names no registry");
    others["spec"].as_object_mut().unwrap().remove("initContainers");
    others["spec"]["volumes"] =
        json!([{"name": "data", "emptyDir": {}}, {"name": "model", "image": {"reference": "team/model"}}]);
    create(&others).failed_with("image volume model: the image team/model names no registry");
    others["spec"]["volumes"][1]["image"]["reference"] = json!("reg.example/model");
    create(&others).ok(&["create"]);
    for image in ["reg.example/app", "localhost/app", "localhost:5001/app", "local-registry:5000/app", "Registry/app"] {
        create(&plain("new", "team", image)).ok(&["create"]);
    }
    for namespace in ["default", "kubewarden"] {
        create(&plain("new", namespace, "team/app:v1")).ok(&["create"]);
    }
    let mut of_revision = plain("of-a-revision", "team", "knative/queue");
    of_revision["metadata"]["labels"] = json!({"serving.knative.dev/revision": "app"});
    // Anybody may write that label.
    create(&of_revision).failed_with(NO_REGISTRY);
    of_revision["spec"]["containers"][0]["image"] = json!("reg.example/knative/queue");
    create(&of_revision).ok(&["create"]);
    let mut mirror = plain("mirror", "team", "team/app:v1");
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
    mirror["spec"]["nodeName"] = json!("n1");
    create(&mirror).ok(&["create"]);

    // A pod that was stored before is left alone, until an image changes.
    kubectl.ok(&["label", "pod", "before", "--namespace=team", "a=b"]);
    let image = |image: &str| kubectl.run(&["set", "image", "pod/before", "--namespace=team", &format!("app={image}")]);
    image("team/app:v2").failed_with(NO_REGISTRY);
    image("reg.example/team/app:v2").ok(&["set"]);
    let debug = |image: &str| {
        let container = json!({"spec": {"ephemeralContainers": [{"name": "debug", "image": image}]}}).to_string();
        let patch = ["patch", "pod", "before", "--namespace=team", "--subresource=ephemeralcontainers", "--patch"];
        kubectl.run(&[&patch[..], &[&container, "--dry-run=server"]].concat())
    };
    debug("busybox").failed_with(NO_REGISTRY);
    debug("reg.example/team/tools").ok(&["patch"]);
    kubectl.ok(&["delete", "pod", "before", "--namespace=team", "--grace-period=0", "--force"]);
}

/// The two laws of the guard, on every case of pods and revisions.
#[test]
fn it_passes_what_the_policy_let_through_and_refuses_what_the_policy_would_have_changed() {
    let is_meant = |case: &Case| !is_for_labelled(case);
    let counts = check_laws("local-registry-workloads-guard", REASON, &values::workloads(), is_meant);
    assert!(counts[0] > 20 && counts[1] > 10, "{counts:?}");
}

/// The same of the guard for labelled namespaces.
#[test]
fn in_a_labelled_namespace_it_passes_and_refuses_the_same_as_the_policy() {
    let counts = check_laws("local-registry-labelled-guard", NO_REGISTRY, &values::labelled(), is_for_labelled);
    assert!(counts[0] > 5 && counts[1] > 3, "{counts:?}");
}

/// Holds a guard to its laws by the cases that are meant for it. Returns how many it passed, and how many it refused.
fn check_laws(guard: &'static str, reason: &'static str, values: &Value, is_meant: fn(&Case) -> bool) -> [usize; 2] {
    let can_be_sent = |case: &Case| {
        let request = &case.request;
        ["Pod", "Revision"].iter().any(|kind| request["kind"]["kind"] == *kind)
            && request["kind"]["version"] == "v1"
            && ["", "serving.knative.dev"].iter().any(|group| request["kind"]["group"] == *group)
            && request["subResource"].is_null()
            && request["object"].is_object()
            // The API server makes an empty text of it, and neither policy nor guard takes that.
            && request.pointer("/object/metadata/annotations/local-registry-hosting~1containers") != Some(&Value::Null)
    };
    let cases: Vec<Case> = case::all().into_iter().filter(|case| can_be_sent(case) && is_meant(case)).collect();
    let olds = cases.iter().filter(|case| case.request["operation"] == "UPDATE");
    let cluster = unserved(&olds.map(|case| complete_pod(case, "oldObject")).collect::<Vec<_>>(), values);
    cluster.kubectl.ok(&["label", "namespace", "team", "local-registry-hosting/workloads=true"]);
    let probe = json!({"containers": [{"name": "app", "image": "team/app"}]});
    let annotations = json!({"local-registry-hosting/containers": "app"});
    let probe = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe", "namespace": "team", "annotations": annotations}, "spec": probe});
    eventually("the guard to know the label", || {
        let answer = cluster.kubectl.run_with(&["create", "--dry-run=server", "-f", "-"], &probe.to_string());
        answer.stderr.contains(reason).then_some(())
    });
    let refusals = Refusals { guard, reason };
    let is_refused = |case: &Case, object: &Value| refusals.meet(&cluster.kubectl, case, object, "--dry-run=server");
    let (mut passed, mut refused) = (0, 0);
    for case in &cases {
        let expected = case.expected();
        if expected["allowed"] != true {
            continue;
        }
        let sent = complete_pod(case, "object");
        let mut let_through = sent.clone();
        for operation in expected["patch"].as_array().into_iter().flatten() {
            assert_eq!(operation["op"], "replace", "{}", case.name);
            *let_through.pointer_mut(operation["path"].as_str().unwrap()).unwrap() = operation["value"].clone();
        }
        if let Some(is_refused) = is_refused(case, &let_through) {
            assert!(!is_refused, "{}: the policy let it through", case.name);
            passed += 1;
        }
        if sent != let_through
            && !has_portable_name(case)
            && let Some(is_refused) = is_refused(case, &sent)
        {
            assert!(is_refused, "{}: the policy would have put a registry in front", case.name);
            refused += 1;
        }
    }
    println!("{guard} passed {passed} cases, and refused {refused}");
    [passed, refused]
}
