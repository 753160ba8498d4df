//! The registry with `auth`: pushes need a password, and nodes pull without one.

use e2e::values;
use serde_json::json;

use crate::admission::{self, Admission, StandIn};
use crate::builds::{self, Built, QUAY};
use crate::kit::{self, CREDENTIALS, REGISTRY, WITHOUT_TLS, hello};

#[test]
fn pushes_need_a_password_and_pulls_by_the_node_do_not() {
    let kit = kit::with(&["auth"]);
    let name = format!("{REGISTRY}/team/guarded:v1");
    kit.node.push(&hello(), &name, &[WITHOUT_TLS]).failed_with("authentication required");
    let wrong = [WITHOUT_TLS, "--dest-creds=builder:wrong"];
    kit.node.push(&hello(), &name, &wrong).failed_with("authentication required");
    kit.node.push(&hello(), &name, &[WITHOUT_TLS, CREDENTIALS]).ok();
    assert_eq!(kit.node.pull(&name).ok(), "hello\n");
}

#[test]
fn a_build_that_names_no_secret_pushes_with_that_of_the_policy() {
    let kit = kit::with(&["auth"]);
    let kubectl = &kit.node.kubectl;
    StandIn.install(&kit);
    builds::install_projects(&kit);
    builds::add_the_field(&kit);
    builds::provide_builder(&kit);
    builds::serve_sources(&kit);
    builds::write_source("pushed");
    let with_secret = values::merged(admission::policies(), json!({"policy": {"pushSecret": "registry-push"}}));
    kit.install_policies(&with_secret).ok(&["upgrade"]);
    StandIn.serve(&kit, REGISTRY);

    kubectl.ok(&["create", "namespace", "pushing"]);
    let [build, run] = builds::example();
    let create = ["create", "--namespace=pushing", "-f", "-"];
    kubectl.run_with(&create, &build).ok(&create);
    // Nobody has made the Secret yet, and the Build says so.
    builds::failed(&kit, "pushing", &builds::start(&kit, "pushing", &run));
    let reason = ["get", "build", "hello", "--namespace=pushing", "--output=jsonpath={.status.reason}"];
    assert_eq!(kubectl.ok(&reason), "SpecOutputSecretRefNotFound");

    let server = format!("--docker-server={REGISTRY}");
    let secret = ["create", "secret", "docker-registry", "registry-push", "--namespace=pushing", &server];
    kubectl.ok(&[&secret[..], &["--docker-username=builder", "--docker-password=secret"]].concat());
    let registered = ["wait", "build", "hello", "--namespace=pushing", "--for=jsonpath={.status.registered}=True"];
    kubectl.ok(&[&registered[..], &["--timeout=60s"]].concat());
    let run = builds::succeed(&kit, "pushing", &run);
    assert_eq!(run["status"]["buildSpec"]["output"]["pushSecret"], "registry-push");
    drop(Built::by(&run, &format!("{REGISTRY}/team/hello:v1"), "pushed"));
    kubectl.ok(&["delete", "namespace", "pushing", "--wait=false"]);
    std::fs::remove_dir_all(QUAY).unwrap();
    kit.remove_policies();
    admission::forget(&kit);
}
