//! A Build stays local even if a client drops the field `local`: the policy has recorded it as an annotation.

use e2e::{Crds, HOST, TestCluster, build, build_run, hello, v1alpha1_build};
use serde_json::{Value, json};

const RECORD: &str = "local-registry-hosting/output";

/// Creates a run of the Build `hello`, and returns its stored output.
fn output_of_a_run(cluster: &TestCluster, name: &str) -> Value {
    cluster.create(&build_run(name, json!({"build": {"name": "hello"}})))["spec"]["output"].clone()
}

/// Asserts that the stored Build `hello` has lost the field and kept the record.
#[track_caller]
fn has_only_its_record(cluster: &TestCluster) {
    let stored = cluster.stored("build", "hello");
    assert_eq!(stored["spec"]["output"], json!({"image": "team/hello:v1"}));
    assert_eq!(stored["spec"]["source"]["ociArtifact"], json!({"image": "kind-registry:5000/team/source"}));
    assert_eq!(stored["metadata"]["annotations"][RECORD], "recorded");
    assert_eq!(stored["metadata"]["annotations"]["local-registry-hosting/source"], "recorded");
}

fn resolved() -> Value {
    json!({"image": "kind-registry:5000/team/hello:v1"})
}

#[test]
fn a_write_through_v1alpha1_loses_the_field_but_not_the_record() {
    let cluster = TestCluster::with_policy(Crds::Patched, HOST);
    cluster.create(&hello());
    cluster.kubectl.ok(&["label", "builds.v1alpha1.shipwright.io", "hello", "--namespace=team", "x=y"]);
    has_only_its_record(&cluster);
    assert_eq!(output_of_a_run(&cluster, "run"), resolved());

    // Applying the manifest again brings the field back.
    cluster.kubectl.ok_with(&["apply", "-f", "-"], &hello());
    assert_eq!(cluster.stored("build", "hello")["spec"]["output"]["local"], true);
}

#[test]
fn a_typed_client_loses_the_field_but_not_the_record() {
    let cluster = TestCluster::with_policy(Crds::Patched, HOST);
    let mut stored = cluster.create(&hello());
    // A controller that reads the object into Shipwright's types writes it back without the field.
    for path in ["/spec/output", "/spec/source/ociArtifact"] {
        stored.pointer_mut(path).unwrap().as_object_mut().unwrap().remove("local").unwrap();
    }
    stored["metadata"]["labels"] = json!({"x": "y"});
    let answer = cluster.kubectl.run_with(&["replace", "-f", "-"], &stored.to_string());
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    // An author who removed the field on purpose learns how to make the image not local.
    let warning = "spec.output.image: `team/hello:v1` stays local, as the Build's annotation local-registry-hosting/output records";
    assert!(answer.stderr.contains(warning), "{}", answer.stderr);
    has_only_its_record(&cluster);
    assert_eq!(output_of_a_run(&cluster, "run"), resolved());
}

#[test]
fn an_upgrade_of_shipwright_loses_the_field_but_not_the_record() {
    let mut cluster = TestCluster::with_policy(Crds::Patched, HOST);
    cluster.create(&hello());
    cluster.apply_released_crds();
    // Shipwright's controller writes the status of every Build when it starts.
    let status = json!({"status": {"registered": "True"}}).to_string();
    let patch = ["patch", "build", "hello", "--namespace=team", "--subresource=status", "--type=merge", "--patch"];
    e2e::eventually("the API server to drop the field", || {
        cluster.kubectl.ok(&[&patch[..], &[r#"{"status": {"registered": null}}"#]].concat());
        cluster.kubectl.ok(&[&patch[..], &[&status]].concat());
        cluster.stored("build", "hello")["spec"]["output"].get("local").is_none().then_some(())
    });
    has_only_its_record(&cluster);
    assert_eq!(output_of_a_run(&cluster, "between"), resolved());
    cluster.patch_crds();
    has_only_its_record(&cluster);
    assert_eq!(output_of_a_run(&cluster, "after"), resolved());
}

#[test]
fn an_author_can_remove_the_record() {
    let cluster = TestCluster::with_policy(Crds::Patched, HOST);
    let annotations =
        |cluster: &TestCluster| cluster.stored("build", "hello")["metadata"]["annotations"][RECORD].clone();
    let apply = |output: Value| cluster.kubectl.run_with(&["apply", "-f", "-"], &build("hello", output).to_string());
    assert_eq!(apply(json!({"image": "team/hello", "local": true})).code, Some(0));
    assert_eq!(annotations(&cluster), "recorded");

    let answer = apply(json!({"image": "quay.io/team/hello"}));
    assert_eq!((answer.code, annotations(&cluster)), (Some(0), Value::Null), "{}", answer.stderr);
    assert_eq!(
        cluster.create(&build_run("elsewhere", json!({"build": {"name": "hello"}})))["spec"].get("output"),
        None
    );

    assert_eq!(apply(json!({"image": "team/hello", "local": true})).code, Some(0));
    let answer = apply(json!({"image": "team/hello", "local": false}));
    assert_eq!((answer.code, annotations(&cluster)), (Some(0), json!("false")), "{}", answer.stderr);
    let answer = cluster.try_create(&build_run("docker-hub", json!({"build": {"name": "hello"}})));
    let warning =
        "Warning: spec.build.name: the output image of Build `hello`, `team/hello`, names no registry and is not local";
    assert!(answer.stderr.contains(warning), "{}", answer.stderr);
    assert_eq!(cluster.stored("buildrun", "docker-hub")["spec"].get("output"), None);
}

#[test]
fn applying_a_v1alpha1_build_again_changes_nothing() {
    let cluster = TestCluster::with_policy(Crds::Patched, HOST);
    let mut old = v1alpha1_build("old");
    for (name, apply) in [("client", &["apply", "-f", "-"][..]), ("server", &["apply", "--server-side", "-f", "-"][..])]
    {
        old["metadata"]["name"] = json!(name);
        cluster.kubectl.ok_with(apply, &old);
        let first = cluster.stored("build", name);
        let expected = json!([{"name": "builder-image", "value": "kind-registry:5000/team/builder"}]);
        assert_eq!(first["spec"]["paramValues"], expected);
        for _ in 0..2 {
            let answer = cluster.kubectl.run_with(apply, &old.to_string());
            assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""));
            let again = cluster.stored("build", name);
            assert_eq!(again["metadata"]["generation"], first["metadata"]["generation"], "{name}");
            assert_eq!(again["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"], "{name}");
        }
        let run = build_run(&format!("run-of-{name}"), json!({"build": {"name": name}}));
        assert_eq!(cluster.create(&run)["spec"]["output"], resolved());
    }
}

#[test]
fn a_run_with_both_or_neither_of_name_and_spec_is_resolved_once_an_update_fixes_it() {
    let cluster = TestCluster::with_policy(Crds::Patched, HOST);
    cluster.create(&hello());
    let embedded = json!({"output": {"image": "team/app:v1", "local": true}, "strategy": {"name": "buildah"}});
    let patch = |name: &str, patch: Value| {
        let text = patch.to_string();
        cluster.kubectl.ok(&["patch", "buildrun", name, "--namespace=team", "--type=merge", "--patch", &text]);
        cluster.stored("buildrun", name)["spec"].clone()
    };

    let both = cluster.create(&build_run("both", json!({"build": {"name": "hello", "spec": embedded}})));
    // Its own images are resolved at once.
    assert_eq!(both["spec"]["build"]["spec"]["output"]["image"], "kind-registry:5000/team/app:v1");
    let spec = patch("both", json!({"spec": {"build": {"name": null}}}));
    assert_eq!(spec["build"]["spec"]["output"]["image"], "kind-registry:5000/team/app:v1");

    cluster.create(&build_run("spec-goes", json!({"build": {"name": "hello", "spec": embedded}})));
    assert_eq!(patch("spec-goes", json!({"spec": {"build": {"spec": null}}}))["output"], resolved());

    cluster.create(&build_run("neither", json!({"build": {}})));
    assert_eq!(patch("neither", json!({"spec": {"build": {"name": "hello"}}}))["output"], resolved());
}
