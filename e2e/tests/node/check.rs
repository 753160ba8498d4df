//! `helm test`: what `check` says of the kit, and whether the node pulls.

use serde_json::json;

use crate::admission::{Admission, StandIn};
use crate::kit::{self, REGISTRY};

#[test]
fn the_check_follows_the_kit_and_pulls_on_the_node() {
    let kit = kit::with(&[]);
    let kubectl = &kit.node.kubectl;
    StandIn.install(&kit);
    kit.install_policies(&json!({"policy": {"enabled": true}, "check": {"pull": true}})).ok(&["upgrade"]);
    // Nothing serves the policy, so the check fails, and its log is shown all the same.
    let answer = kit.test();
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let log = answer.stdout;
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
    kit.remove_policies();
    kubectl.ok(&["delete", "pod", "local-registry-check", "--namespace=local-registry", "--wait=false"]);
}
