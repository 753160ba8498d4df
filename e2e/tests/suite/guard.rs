//! `deploy/guard`: an object is rejected if a later webhook undid what the policy did.

use e2e::{TestCluster, UndoingWebhook, build, build_run, eventually};
use serde_json::json;

#[test]
fn a_run_whose_output_a_later_webhook_removed_is_rejected() {
    let mut cluster = TestCluster::with_guard();
    cluster.create(&build("hello", json!({"image": "team/hello", "local": true})));
    let by_name = |name: &str| build_run(name, json!({"build": {"name": "hello"}}));
    let stored = cluster.create(&by_name("untouched"));
    assert_eq!(stored["spec"]["output"], json!({"image": "kind-registry:5000/team/hello"}));

    let _undoing = UndoingWebhook::start(&cluster.control_plane, &json!([{"op": "remove", "path": "/spec/output"}]));
    let create = ["create", "--dry-run=server", "--output=json", "-f", "-"];
    let reason = "another webhook took the cluster's registry out";
    eventually("the later webhook to be called, and the guard to reject", || {
        let answer = cluster.kubectl.run_with(&create, &by_name("probe").to_string());
        assert!(answer.code == Some(0) || answer.stderr.contains(reason), "{}", answer.stderr);
        answer.stderr.contains(reason).then_some(())
    });
    let answer = cluster.try_create(&by_name("undone"));
    answer.failed_with("clusterwide-local-registry-guard.kubewarden.admission");
    answer.failed_with(reason);
    assert!(!cluster.is_stored("buildrun", "undone"));

    // Without the guard, the run is stored without an output.
    cluster.kubectl.ok(&["delete", "clusteradmissionpolicy", "local-registry-guard"]);
    cluster.reconcile();
    eventually("the guard to be gone", || {
        (cluster.kubectl.run_with(&create, &by_name("probe").to_string()).code == Some(0)).then_some(())
    });
    assert_eq!(cluster.create(&by_name("undone"))["spec"].get("output"), None);
}

#[test]
fn a_run_whose_registry_a_later_webhook_removed_is_rejected() {
    let cluster = TestCluster::with_guard();
    cluster.create(&build("hello", json!({"image": "team/hello", "local": true})));
    let run = build_run("stripped", json!({"build": {"name": "hello"}}));
    let patch = json!([{"op": "replace", "path": "/spec/output/image", "value": "team/hello"}]);
    let _stripping = UndoingWebhook::start(&cluster.control_plane, &patch);
    let create = ["create", "--dry-run=server", "--output=json", "-f", "-"];
    eventually("the later webhook to be called, and the guard to reject", || {
        let answer = cluster.kubectl.run_with(&create, &run.to_string());
        answer.stderr.contains("another webhook took the cluster's registry out").then_some(())
    });
    cluster.try_create(&run).failed_with("clusterwide-local-registry-guard.kubewarden.admission");
    assert!(!cluster.is_stored("buildrun", "stripped"));
}
