//! What users and controllers do to objects after they were created: nothing is doubled, nothing blocked.

use e2e::{Crds, HOST, TestCluster, build, build_run, hello};
use serde_json::{Value, json};

fn run() -> Value {
    build_run("run", json!({"build": {"name": "hello"}, "output": {"image": "team/app:v1", "local": true}}))
}

fn resolved() -> Value {
    json!({"image": "kind-registry:5000/team/app:v1", "local": true})
}

#[test]
fn apply_twice_and_replace() {
    let cluster = TestCluster::with_policy(Crds::Patched, HOST);
    for _ in 0..2 {
        for object in [hello(), run()] {
            cluster.kubectl.ok_with(&["apply", "-f", "-"], &object);
        }
        let source = &cluster.stored("build", "hello")["spec"]["source"]["ociArtifact"];
        assert_eq!(source["image"], "kind-registry:5000/team/source");
        assert_eq!(cluster.stored("buildrun", "run")["spec"]["output"], resolved());
    }
    let generation = cluster.stored("buildrun", "run")["metadata"]["generation"].clone();
    cluster.kubectl.ok_with(&["replace", "-f", "-"], &run());
    let stored = cluster.stored("buildrun", "run");
    assert_eq!(stored["spec"]["output"], resolved());
    assert_eq!(stored["metadata"]["generation"], generation, "replacing by the same changes nothing");

    // A run without an output of its own that is replaced: the added output is added again.
    let by_name = build_run("by-name", json!({"build": {"name": "hello"}}));
    let created = cluster.create(&by_name);
    cluster.kubectl.ok_with(&["replace", "-f", "-"], &by_name);
    assert_eq!(cluster.stored("buildrun", "by-name")["spec"], created["spec"]);
    cluster.kubectl.ok_with(&["apply", "-f", "-"], &by_name);
    assert_eq!(cluster.stored("buildrun", "by-name")["spec"], created["spec"]);
}

#[test]
fn server_side_apply_by_two_managers() {
    let cluster = TestCluster::with_policy(Crds::Patched, HOST);
    cluster.create(&hello());
    let apply = |manager: &str, object: &Value| {
        let manager = format!("--field-manager={manager}");
        cluster.kubectl.run_with(&["apply", "--server-side", &manager, "-f", "-"], &object.to_string())
    };
    for _ in 0..2 {
        assert_eq!(apply("first", &run()).code, Some(0));
        assert_eq!(cluster.stored("buildrun", "run")["spec"]["output"], resolved());
    }
    // What a Build's managers agree about is what is stored.
    let mut portable = hello();
    portable["metadata"]["name"] = json!("portable");
    portable["spec"].as_object_mut().unwrap().remove("source");
    for manager in ["first", "second", "first"] {
        let answer = apply(manager, &portable);
        assert_eq!(answer.code, Some(0), "{}", answer.stderr);
        assert_eq!(cluster.stored("build", "portable")["spec"]["output"], hello()["spec"]["output"]);
    }
    // The stored image of a run is no longer what either says: only its first manager may say it again.
    apply("second", &run()).failed_with(r#"conflict with "first": .spec.output.image"#);
    let take_over = ["apply", "--server-side", "--force-conflicts", "--field-manager=second", "-f", "-"];
    cluster.kubectl.ok_with(&take_over, &run());
    assert_eq!(cluster.stored("buildrun", "run")["spec"]["output"], resolved());
    let label = json!({
        "apiVersion": "shipwright.io/v1beta1",
        "kind": "BuildRun",
        "metadata": {"name": "run", "namespace": "team", "labels": {"a": "b"}},
    });
    let answer = apply("third", &label);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    let stored = cluster.stored("buildrun", "run");
    assert_eq!(stored["spec"]["output"], resolved());
    assert_eq!(stored["metadata"]["labels"], json!({"a": "b"}));
}

#[test]
fn label_cancel_and_delete_pass_whatever_the_host_is_now() {
    let mut cluster = TestCluster::with_policy(Crds::Patched, HOST);
    cluster.create(&hello());
    cluster.create(&run());
    cluster.create(&build_run("by-name", json!({"build": {"name": "hello"}})));
    for settings in [json!({"host": "registry.example:5000"}), json!({"host": null})] {
        cluster.patch_settings(&settings);
        for name in ["run", "by-name"] {
            let before = cluster.stored("buildrun", name);
            cluster.kubectl.ok(&["label", "buildrun", name, "--namespace=team", "--overwrite", "edited=yes"]);
            let cancel = r#"{"spec": {"state": "BuildRunCanceled"}}"#;
            cluster.kubectl.ok(&["patch", "buildrun", name, "--namespace=team", "--type=merge", "--patch", cancel]);
            let finalizers = r#"{"metadata": {"finalizers": ["example.com/held"]}}"#;
            cluster.kubectl.ok(&["patch", "buildrun", name, "--namespace=team", "--type=merge", "--patch", finalizers]);
            let after = cluster.stored("buildrun", name);
            assert_eq!(after["spec"]["output"], before["spec"]["output"]);
            assert_eq!(after["spec"]["state"], "BuildRunCanceled");
        }
        cluster.kubectl.ok(&["annotate", "build", "hello", "--namespace=team", "--overwrite", "edited=yes"]);
    }
    // The Build is gone before its runs, and the runs' finalizers still come off.
    cluster.kubectl.ok(&["delete", "build", "hello", "--namespace=team"]);
    cluster.kubectl.ok(&["delete", "buildrun", "--all", "--namespace=team", "--wait=false"]);
    for name in ["run", "by-name"] {
        let none = r#"{"metadata": {"finalizers": null}}"#;
        cluster.kubectl.ok(&["patch", "buildrun", name, "--namespace=team", "--type=merge", "--patch", none]);
        assert!(!cluster.is_stored("buildrun", name));
    }
}

#[test]
fn what_is_not_local_is_stored_as_it_was_sent() {
    let cluster = TestCluster::with_policy(Crds::Patched, HOST);
    let plain = build("plain", json!({"image": "docker.io/team/app", "insecure": true, "labels": {"a": "b"}}));
    assert_eq!(cluster.create(&plain)["spec"], plain["spec"]);
    let run = build_run("plain", json!({"build": {"name": "plain"}, "paramValues": [{"name": "a", "value": "1"}]}));
    assert_eq!(cluster.create(&run)["spec"], run["spec"]);
}
