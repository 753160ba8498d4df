//! Builds and BuildRuns as the API server stores them.

use e2e::{Crds, HOST, TestCluster, build_run, hello, in_v1alpha1, v1alpha1_build};
use serde_json::json;

#[test]
fn a_build_stays_portable_and_its_runs_name_the_registry() {
    let cluster = TestCluster::with_policy(Crds::Patched, HOST);
    let stored = cluster.create(&hello());
    assert_eq!(stored["spec"]["output"], hello()["spec"]["output"]);
    assert_eq!(stored["spec"]["source"]["ociArtifact"]["image"], "kind-registry:5000/team/source");

    let stored = cluster.create(&build_run("by-name", json!({"build": {"name": "hello"}})));
    let expected = json!({"build": {"name": "hello"}, "output": {"image": "kind-registry:5000/team/hello:v1"}});
    assert_eq!(stored["spec"], expected);
    assert_eq!(cluster.stored("build", "hello")["spec"]["output"], hello()["spec"]["output"]);

    let output = json!({"image": "team/other:v2", "local": true});
    let stored = cluster.create(&build_run("own", json!({"build": {"name": "hello"}, "output": output})));
    assert_eq!(stored["spec"]["output"], json!({"image": "kind-registry:5000/team/other:v2", "local": true}));

    let stored = cluster.create(&build_run("embedded", json!({"build": {"spec": hello()["spec"]}})));
    let specification = &stored["spec"]["build"]["spec"];
    assert_eq!(specification["output"]["image"], "kind-registry:5000/team/hello:v1");
    assert_eq!(specification["source"]["ociArtifact"]["image"], "kind-registry:5000/team/source");
    assert_eq!(stored["spec"].get("output"), None);
}

#[test]
fn runs_get_insecure_for_a_registry_without_tls() {
    let mut cluster = TestCluster::with_policy(Crds::Patched, HOST);
    cluster.patch_settings(&json!({"insecure": true}));
    cluster.create(&hello());
    let stored = cluster.create(&build_run("run", json!({"build": {"name": "hello"}})));
    assert_eq!(stored["spec"]["output"], json!({"image": "kind-registry:5000/team/hello:v1", "insecure": true}));
}

#[test]
fn requests_in_v1alpha1_are_resolved() {
    let cluster = TestCluster::with_policy(Crds::Patched, HOST);
    let old = v1alpha1_build("old");
    let stored = cluster.create(&old);
    // Shipwright's conversion drops the field, but keeps the annotations that record it.
    let annotations = json!({
        "local-registry-hosting/builder": "recorded",
        "local-registry-hosting/output": "recorded",
        "local-registry-hosting/source": "recorded",
    });
    assert_eq!(stored["metadata"]["annotations"], annotations);
    assert_eq!(stored["spec"]["output"]["image"], "team/hello:v1");

    let run = in_v1alpha1(build_run("old", json!({"buildRef": {"name": "old"}, "output": old["spec"]["output"]})));
    assert_eq!(cluster.create(&run)["spec"]["output"]["image"], "kind-registry:5000/team/hello:v1");

    let parameters = json!([{"name": "builder-image", "value": "kind-registry:5000/team/builder"}]);
    assert_eq!(stored["spec"]["paramValues"], parameters);

    let mut embedded = in_v1alpha1(build_run("embedded", json!({"buildSpec": old["spec"]})));
    let fault = json!({"image": "quay.io/team/builder", "local": true});
    embedded["spec"]["buildSpec"]["builder"] = fault;
    cluster.try_create(&embedded).failed_with(
        "spec.buildSpec.builder.image: `quay.io/team/builder` names the registry `quay.io`, and a local image must not name one",
    );

    // A v1alpha1 run can name a v1beta1 Build.
    cluster.create(&hello());
    let run = in_v1alpha1(build_run("by-name", json!({"buildRef": {"name": "hello"}})));
    assert_eq!(cluster.create(&run)["spec"]["output"], json!({"image": "kind-registry:5000/team/hello:v1"}));
}

#[test]
fn rejections_reach_the_terminal() {
    let mut cluster = TestCluster::with_policy(Crds::Patched, HOST);
    let denied = "admission webhook \"clusterwide-local-registry.kubewarden.admission\" denied the request: ";
    let run =
        |image: &str| build_run("run", json!({"build": {"name": "none"}, "output": {"image": image, "local": true}}));
    cluster.try_create(&run("docker.io/team/app")).failed_with(&format!(
        "{denied}spec.output.image: `docker.io/team/app` names the registry `docker.io`, and a local image must not name one; write `team/app` or set local: false"
    ));
    cluster
        .try_create(&build_run("run", json!({"build": {"name": "none"}})))
        .failed_with(&format!("{denied}spec.build.name: there is no Build `none` in namespace `team`"));
    assert!(!cluster.is_stored("buildrun", "run"));

    // Several faults, each with its path.
    let mut two = hello();
    two["spec"]["output"]["image"] = json!("a//b");
    two["spec"]["source"]["ociArtifact"]["image"] = json!("localhost:5000/a");
    let answer = cluster.try_create(&two);
    answer.failed_with("spec.output.image: ");
    answer.failed_with("spec.source.ociArtifact.image: ");

    // If no registry is declared, the rejection shows the help.
    cluster.patch_settings(&json!({"host": null, "help": "https://example.com/registry"}));
    cluster.try_create(&run("team/app")).failed_with("https://example.com/registry");

    // While the policy server is down, local images are rejected, and other kinds are stored.
    cluster.kubewarden.kill_server("clusterwide-local-registry");
    cluster.try_create(&run("team/app")).failed_with("failed calling webhook");
    assert!(!cluster.is_stored("buildrun", "run"));
    cluster.kubectl.ok(&["create", "configmap", "other", "--namespace=team"]);
}

#[test]
fn a_run_of_a_stale_build_says_to_apply_the_build_again() {
    let mut cluster = TestCluster::with_policy(Crds::Patched, HOST);
    cluster.create(&hello());
    cluster.set_host("registry.example:5000");
    let run = build_run("run", json!({"build": {"name": "hello"}}));
    cluster.try_create(&run).failed_with("re-apply");
    cluster.kubectl.ok_with(&["apply", "-f", "-"], &hello());
    let stored = cluster.create(&run);
    assert_eq!(stored["spec"]["output"]["image"], "registry.example:5000/team/hello:v1");
}
