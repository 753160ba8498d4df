//! The registry with `auth`: pushes need a password, and nodes pull without one.

use e2e::values;
use serde_json::json;

use crate::admission::{self, Admission, StandIn};
use crate::builds::{self, Built};
use crate::kit::{self, REGISTRY, WITHOUT_TLS, hello};

#[test]
fn pushes_need_a_password_and_pulls_by_the_node_do_not() {
    let kit = kit::with(&["auth"]);
    let name = format!("{REGISTRY}/team/guarded:v1");
    kit.node.push(&hello(), &name, &[WITHOUT_TLS]).failed_with("authentication required");
    let wrong = [WITHOUT_TLS, "--dest-creds=builder:wrong"];
    kit.node.push(&hello(), &name, &wrong).failed_with("authentication required");
    kit.node.push(&hello(), &name, &[WITHOUT_TLS, "--dest-creds=builder:secret"]).ok();
    assert_eq!(kit.node.pull(&name).ok(), "hello\n");
}

#[test]
fn a_build_that_names_no_secret_pushes_with_that_of_the_policy() {
    let kit = kit::with(&["auth"]);
    let kubectl = &kit.node.kubectl;
    StandIn.install(&kit);
    builds::install_projects(&kit);
    builds::add_the_field(&kit);
    builds::import_builder(&kit);
    builds::serve_sources(&kit);
    builds::write_source("pushed");
    let with_secret = values::merged(admission::policies(), json!({"policy": {"pushSecret": "registry-push"}}));
    kit.install_policies(&with_secret).ok(&["upgrade"]);
    StandIn.serve(&kit, REGISTRY);

    kubectl.ok(&["create", "namespace", "pushing"]);
    let [build, run] = builds::example();
    let strategies = ["buildah-shipwright-managed-push", "buildah-strategy-managed-push"];
    assert!(build.contains(strategies[0]));
    let create = ["create", "--namespace=pushing", "-f", "-"];
    kubectl.run_with(&create, &build).ok(&create);
    // Nobody has made the Secret yet, and the run says so.
    let log = builds::failed(&kit, "pushing", &builds::start(&kit, "pushing", &run));
    println!("without the Secret: {log}");

    let server = format!("--docker-server={REGISTRY}");
    let secret = ["create", "secret", "docker-registry", "registry-push", "--namespace=pushing", &server];
    kubectl.ok(&[&secret[..], &["--docker-username=builder", "--docker-password=secret"]].concat());
    let image = format!("{REGISTRY}/team/hello:v1");
    for strategy in strategies {
        let name = format!("of-{strategy}");
        let build = build.replace(strategies[0], strategy).replace("name: hello\n", &format!("name: {name}\n"));
        kubectl.run_with(&create, &build).ok(&create);
        let run = run.replace("name: hello\n", &format!("name: {name}\n"));
        let run = builds::succeed(&kit, "pushing", if run.contains(&name) { &run } else { panic!("{run}") });
        assert_eq!(run["spec"]["output"]["pushSecret"], "registry-push");
        let built = Built::by(&run, &image, "pushed");
        assert_eq!(kit.node.pull(&built.name).ok(), "pushed\n");
    }
    kubectl.ok(&["delete", "namespace", "pushing", "--wait=false"]);
    kit.remove_policies();
    admission::forget(&kit);
}
