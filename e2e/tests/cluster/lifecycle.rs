//! What users and controllers do with stored objects. No registry is added twice, and no update is blocked.

use e2e::{Crds, HOST, TestCluster, build, build_run, hello};
use serde_json::{Value, json};

fn run() -> Value {
    build_run("run", json!({"build": {"name": "hello"}, "output": {"image": "team/app:v1", "local": true}}))
}

fn resolved() -> Value {
    json!({"image": "kind-registry:5000/team/app:v1", "local": true})
}

#[test]
fn applying_or_replacing_twice_adds_the_registry_once() {
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
    assert_eq!(stored["metadata"]["generation"], generation, "replacing the run by the same manifest changed it");

    // Replacing a run without an output removes the added one, so the policy adds it again.
    let by_name = build_run("by-name", json!({"build": {"name": "hello"}}));
    let created = cluster.create(&by_name);
    cluster.kubectl.ok_with(&["replace", "-f", "-"], &by_name);
    assert_eq!(cluster.stored("buildrun", "by-name")["spec"], created["spec"]);
    cluster.kubectl.ok_with(&["apply", "-f", "-"], &by_name);
    assert_eq!(cluster.stored("buildrun", "by-name")["spec"], created["spec"]);
}

#[test]
fn two_managers_may_apply_the_same_build_but_not_the_same_run() {
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
    // A Build's output is stored as both managers apply it, so they share it.
    let mut portable = hello();
    portable["metadata"]["name"] = json!("portable");
    portable["spec"].as_object_mut().unwrap().remove("source");
    for manager in ["first", "second", "first"] {
        let answer = apply(manager, &portable);
        assert_eq!(answer.code, Some(0), "{}", answer.stderr);
        assert_eq!(cluster.stored("build", "portable")["spec"]["output"], hello()["spec"]["output"]);
    }
    // A run's image is stored with the registry. A second manager that applies it without one gets a conflict.
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
fn labels_cancellations_and_deletions_pass_after_a_change_of_the_host() {
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
    // The finalizers of runs come off, although their Build is already deleted.
    cluster.kubectl.ok(&["delete", "build", "hello", "--namespace=team"]);
    cluster.kubectl.ok(&["delete", "buildrun", "--all", "--namespace=team", "--wait=false"]);
    for name in ["run", "by-name"] {
        let none = r#"{"metadata": {"finalizers": null}}"#;
        cluster.kubectl.ok(&["patch", "buildrun", name, "--namespace=team", "--type=merge", "--patch", none]);
        assert!(!cluster.is_stored("buildrun", name));
    }
}

#[test]
fn objects_that_are_not_local_are_stored_as_they_were_sent() {
    let cluster = TestCluster::with_policy(Crds::Patched, HOST);
    let plain = build("plain", json!({"image": "docker.io/team/app", "insecure": true, "labels": {"a": "b"}}));
    assert_eq!(cluster.create(&plain)["spec"], plain["spec"]);
    let run = build_run("plain", json!({"build": {"name": "plain"}, "paramValues": [{"name": "a", "value": "1"}]}));
    assert_eq!(cluster.create(&run)["spec"], run["spec"]);
}
