//! The namespaced variant: a policy for one namespace, which may not look anything up.

use e2e::{Crds, TestCluster, build, build_run};
use serde_json::{Value, json};

fn in_default(mut object: Value) -> Value {
    object["metadata"]["namespace"] = json!("default");
    object
}

#[test]
fn a_build_is_resolved_when_it_is_created() {
    let mut cluster = TestCluster::start(Crds::Patched);
    cluster.kubectl.ok(&["apply", "-k", "deploy/policy-namespaced"]);
    cluster.kubectl.ok(&["apply", "-k", "deploy/sync-namespaced"]);
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    let answer = cluster.sync(&["--policy=default/local-registry"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    cluster.reconcile();
    let output = json!({"image": "team/hello", "local": true});
    let hello = build("hello", output.clone());
    cluster.kubectl.ok_with(&["create", "-f", "-"], &in_default(hello.clone()));
    let stored = cluster.kubectl.json(&["get", "build", "hello"]);
    assert_eq!(stored["spec"]["output"]["image"], "kind-registry:5000/team/hello");
    cluster.kubectl.ok_with(&["create", "-f", "-"], &in_default(build_run("run", json!({"build": {"name": "hello"}}))));
    assert_eq!(cluster.kubectl.json(&["get", "buildrun", "run"])["spec"], json!({"build": {"name": "hello"}}));

    // The policy does not apply to other namespaces.
    assert_eq!(cluster.create(&hello)["spec"]["output"], output);
}
