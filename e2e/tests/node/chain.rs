//! The whole chain: a manifest that names no registry, and the pod that runs what was built from it.

use e2e::{Kubewarden, Shipwright, build_run, eventually, hello};
use serde_json::{Value, json};

use crate::kit::{self, REGISTRY, WITHOUT_TLS};

#[test]
fn what_a_run_names_is_pushed_and_pulled() {
    let kit = kit::with(&[]);
    let kubectl = &kit.node.kubectl;
    kubectl.ok(&["create", "namespace", "team"]);
    let _kubewarden = Kubewarden::install(&kit.node.control_plane);
    let shipwright = Shipwright::install(&kit.node.control_plane);
    shipwright.patch_crds();
    kubectl.ok(&["apply", "-k", "deploy"]);
    // The sync job reads what the kit declares.
    let policy = eventually("the policy to get the host", || {
        let policy = kubectl.json(&["get", "clusteradmissionpolicy", "local-registry"]);
        (policy["spec"]["settings"]["host"] == REGISTRY).then_some(policy)
    });
    kit.node.serve(&policy);

    kubectl.ok_with(&["create", "-f", "-"], &hello());
    let run = build_run("hello", json!({"build": {"name": "hello"}}));
    kubectl.ok_with(&["create", "-f", "-"], &run);
    let stored: Value = kubectl.json(&["get", "buildrun", "hello", "--namespace=team"]);
    let name = stored["spec"]["output"]["image"].as_str().unwrap_or_else(|| panic!("no output: {stored}"));
    assert_eq!(name, format!("{REGISTRY}/team/hello:v1"));
    kit.node.push(&kit::saying("built"), name, &[WITHOUT_TLS]).ok();
    assert_eq!(kit.node.pull(name).ok(), "built\n");
}
