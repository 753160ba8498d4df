//! The field `local`, in an API server whose CRDs have it or lack it.

use e2e::{Crds, HOST, TestCluster, build, build_run, eventually, in_v1alpha1, v1alpha1_build};
use serde_json::{Value, json};

fn local_run(name: &str) -> Value {
    build_run(name, json!({"build": {"name": "any"}, "output": {"image": "team/app:v1", "local": true}}))
}

#[test]
fn without_the_field_it_is_refused_or_dropped_and_the_annotation_works() {
    let cluster = TestCluster::with_policy(Crds::Plain, HOST);
    cluster.create(&build("any", json!({"image": "registry.example/any"})));
    cluster.try_create(&local_run("strict")).failed_with(r#"unknown field "spec.output.local""#);
    assert!(!cluster.is_stored("buildrun", "strict"));

    let lax = cluster.kubectl.run_with(&["create", "--validate=warn", "-f", "-"], &local_run("lax").to_string());
    assert!(lax.stderr.contains(r#"Warning: unknown field "spec.output.local""#), "{}", lax.stderr);
    assert_eq!(cluster.stored("buildrun", "lax")["spec"]["output"], json!({"image": "team/app:v1"}));

    let mut annotated = build_run("annotated", json!({"build": {"name": "any"}, "output": {"image": "team/app:v1"}}));
    annotated["metadata"]["annotations"] = json!({"local-registry-hosting/output": "true"});
    let stored = cluster.create(&annotated);
    assert_eq!(stored["spec"]["output"], json!({"image": "kind-registry:5000/team/app:v1"}));
}

#[test]
fn the_field_works_until_it_is_removed() {
    let mut cluster = TestCluster::with_policy(Crds::Plain, HOST);
    let spec = |kind: &str| cluster_spec(&cluster, kind);
    let before = [spec("builds"), spec("buildruns")];
    cluster.patch_crds();
    cluster.create(&build("any", json!({"image": "registry.example/any"})));
    let stored = cluster.create(&local_run("run"));
    assert_eq!(stored["spec"]["output"], json!({"image": "kind-registry:5000/team/app:v1", "local": true}));

    let answer = e2e::as_administrator(&cluster.kubectl, &["crds", "--remove"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!([cluster_spec(&cluster, "builds"), cluster_spec(&cluster, "buildruns")], before);
    eventually("the API server to refuse the field again", || {
        let create = ["create", "--dry-run=server", "-f", "-"];
        let answer = cluster.kubectl.run_with(&create, &local_run("another").to_string());
        answer.stderr.contains(r#"unknown field "spec.output.local""#).then_some(())
    });
}

fn cluster_spec(cluster: &TestCluster, kind: &str) -> Value {
    cluster.kubectl.json(&["get", "crd", &format!("{kind}.shipwright.io")])["spec"].clone()
}

#[test]
fn every_image_gets_the_field() {
    let cluster = TestCluster::start(Crds::Patched);
    let source = json!({"type": "OCI", "ociArtifact": {"image": "team/source", "local": true}});
    let mut with_source = build("source", json!({"image": "team/app", "local": true}));
    with_source["spec"]["source"] = source.clone();
    assert_eq!(cluster.create(&with_source)["spec"], with_source["spec"]);
    let run = build_run("embedded", json!({"build": {"spec": with_source["spec"]}}));
    assert_eq!(cluster.create(&run)["spec"], run["spec"]);
    let old = v1alpha1_build("old");
    let old_run = build_run("old", json!({"output": old["spec"]["output"], "buildSpec": old["spec"]}));
    let old_run = in_v1alpha1(old_run);
    for object in [old, old_run] {
        let answer = cluster.kubectl.run_with(&["create", "--dry-run=server", "-f", "-"], &object.to_string());
        assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    }
}
