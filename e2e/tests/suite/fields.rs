//! The field `local`, in an API server with and without `deploy/crd-patches`.

use e2e::{Crds, HOST, TestCluster, build, build_run, eventually, in_v1alpha1, v1alpha1_build};
use local_registry_testkit::repository::root;
use serde_json::{Value, json};

fn local_run(name: &str) -> Value {
    build_run(name, json!({"build": {"name": "any"}, "output": {"image": "team/app:v1", "local": true}}))
}

#[test]
fn without_the_patch_the_field_is_refused_or_dropped_and_the_annotation_works() {
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
fn with_the_patch_the_field_works_until_it_is_removed() {
    let mut cluster = TestCluster::with_policy(Crds::Plain, HOST);
    let spec = |kind: &str| cluster_spec(&cluster, kind);
    let before = [spec("builds"), spec("buildruns")];
    cluster.patch_crds();
    cluster.create(&build("any", json!({"image": "registry.example/any"})));
    let stored = cluster.create(&local_run("run"));
    assert_eq!(stored["spec"]["output"], json!({"image": "kind-registry:5000/team/app:v1", "local": true}));

    for kind in ["builds", "buildruns"] {
        let patch = format!("--patch-file=deploy/crd-patches/remove-{kind}.yaml");
        cluster.kubectl.ok(&["patch", "crd", &format!("{kind}.shipwright.io"), "--type=json", &patch]);
    }
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
fn every_image_gets_the_field_and_a_crd_of_another_shape_stays_as_it_is() {
    let mut cluster = TestCluster::start(Crds::Patched);
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

    // A CRD with its versions in another order is refused. Patching a patched CRD changes nothing.
    let builds = "builds.shipwright.io";
    let reverse = r#"[{"op": "move", "from": "/spec/versions/0", "path": "/spec/versions/1"}]"#;
    cluster.kubectl.ok(&["patch", "crd", builds, "--type=json", "--patch", reverse]);
    let before = cluster_spec(&cluster, "builds");
    let patch = ["patch", "crd", builds, "--type=json", "--patch-file=deploy/crd-patches/builds.yaml"];
    let refused = cluster.kubectl.run(&patch);
    refused.failed_with("The request is invalid");
    assert_eq!(cluster_spec(&cluster, "builds"), before);
    cluster.kubectl.ok(&["patch", "crd", builds, "--type=json", "--patch", reverse]);
    let before = cluster_spec(&cluster, "builds");
    cluster.patch_crds();
    assert_eq!(cluster_spec(&cluster, "builds"), before, "the second patch changed something");
}

#[test]
fn the_kustomize_component_patches_as_the_commands_do() {
    let cluster = TestCluster::start(Crds::Patched);
    // kustomize only reads files in the kustomization's folder, and reaches the component by a relative path.
    let folder = tempfile::tempdir_in(root().join("target")).unwrap();
    let mut resources = Vec::new();
    for kind in ["builds", "buildruns"] {
        std::fs::write(folder.path().join(kind), cluster.shipwright_crd(kind).to_string()).unwrap();
        resources.push(kind);
    }
    let kustomization = json!({"components": ["../../deploy/crd-patches"], "resources": resources});
    std::fs::write(folder.path().join("kustomization.yaml"), kustomization.to_string()).unwrap();
    let rendered = cluster.kubectl.ok(&["kustomize", folder.path().to_str().unwrap()]);
    let replace = ["replace", "--dry-run=server", "--output=json", "-f", "-"];
    let answer = cluster.kubectl.run_with(&replace, &rendered);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    // kubectl prints the objects one after the other, not as a list.
    let crds: Vec<Value> = serde_json::Deserializer::from_str(&answer.stdout).into_iter().map(Result::unwrap).collect();
    assert_eq!(crds.len(), 2);
    for crd in crds {
        let kind = crd["spec"]["names"]["plural"].as_str().unwrap();
        assert_eq!(crd["spec"]["versions"], cluster_spec(&cluster, kind)["versions"]);
    }
}
