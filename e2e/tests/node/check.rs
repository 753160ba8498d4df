//! `check` in the cluster, with the rights of its Job: what it says of the kit, and whether the node pulls.

use e2e::eventually;

use crate::kit::{self, REGISTRY};

#[test]
fn the_check_follows_the_kit_and_pulls_on_the_node() {
    let kit = kit::with(&[]);
    let kubectl = &kit.node.kubectl;
    // Another scenario may have installed Kubewarden.
    let _ = kubectl.run(&["create", "namespace", "kubewarden"]);
    kubectl.ok(&["apply", "-k", "deploy/check-pull"]);
    let ended = |job: &serde_json::Value| {
        let conditions = job["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|found| ["Complete", "Failed"].iter().any(|kind| found["type"] == *kind))
    };
    let job = ["get", "job", "local-registry-check", "--namespace=kubewarden"];
    eventually("the check to end", || Some(kubectl.json(&job)).filter(ended));
    let log = kubectl.ok(&["logs", "--namespace=kubewarden", "job/local-registry-check"]);
    let address = kit.address("registry");
    for expected in [
        format!("✓ ConfigMap: the local registry is {REGISTRY}"),
        format!("✓ Service local-registry/registry: it is at http://{address}:5000"),
        "✓ registry pods: 1 of 1 ready in local-registry, by the labels app.kubernetes.io/name=registry".to_owned(),
        format!("✓ nodes: 1 of 1 read a file that leads to where the registry is: http://{address}:5000"),
        format!("✓ pull on node node: it pulled and ran {REGISTRY}/local-registry-check/canary@sha256:"),
        "✓ pull on node node by local-registry:5000: it pulled and ran local-registry:5000/local-registry-check/canary@sha256:".to_owned(),
    ] {
        assert!(log.lines().any(|line| line.starts_with(&expected)), "expected: {expected}\nfound:\n{log}");
    }
    let left = kubectl.ok(&["get", "pods", "--namespace=local-registry-check", "--output=name"]);
    assert_eq!(left, "");
    kubectl.ok(&["delete", "-k", "deploy/check-pull"]);
}
