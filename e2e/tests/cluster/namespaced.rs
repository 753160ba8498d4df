//! The namespaced variant: a policy for one namespace, which may not look anything up.

use e2e::{Chart, Crds, TestCluster, build, build_run, values};
use serde_json::{Value, json};

/// The namespace of the release, and so of the policy.
const NAMESPACE: &str = "apps";

fn in_apps(mut object: Value) -> Value {
    object["metadata"]["namespace"] = json!(NAMESPACE);
    object
}

#[test]
fn a_build_is_resolved_when_it_is_created() {
    let mut cluster = TestCluster::start(Crds::Patched);
    Chart::of("4", &cluster.kubectl).in_namespace(NAMESPACE).install(&values::namespaced());
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    let answer = cluster.sync_in(NAMESPACE, &["--policy=apps/local-registry"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    cluster.reconcile();
    let output = json!({"image": "team/hello", "local": true});
    let hello = build("hello", output.clone());
    cluster.kubectl.ok_with(&["create", "-f", "-"], &in_apps(hello.clone()));
    let stored = cluster.kubectl.json(&["get", "build", "hello", "--namespace", NAMESPACE]);
    assert_eq!(stored["spec"]["output"]["image"], "kind-registry:5000/team/hello");
    cluster.kubectl.ok_with(&["create", "-f", "-"], &in_apps(build_run("run", json!({"build": {"name": "hello"}}))));
    assert_eq!(
        cluster.kubectl.json(&["get", "buildrun", "run", "--namespace", NAMESPACE])["spec"],
        json!({"build": {"name": "hello"}})
    );

    // The policy does not apply to other namespaces.
    assert_eq!(cluster.create(&hello)["spec"]["output"], output);
}
