//! Objects that scenarios create: Builds, BuildRuns, and the ConfigMap.

use serde_json::{Value, json};

/// A Build in the namespace `team`.
#[must_use]
pub fn build(name: &str, output: Value) -> Value {
    json!({
        "apiVersion": "shipwright.io/v1beta1",
        "kind": "Build",
        "metadata": {"name": name, "namespace": "team"},
        "spec": {"output": output, "strategy": {"name": "buildah", "kind": "ClusterBuildStrategy"}},
    })
}

/// A Build in the namespace `team` with a local output and a local source.
#[must_use]
pub fn hello() -> Value {
    let mut build = build("hello", json!({"image": "team/hello:v1", "local": true}));
    build["spec"]["source"] = json!({"type": "OCI", "ociArtifact": {"image": "team/source", "local": true}});
    build
}

/// A BuildRun in the namespace `team`.
#[must_use]
pub fn build_run(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "shipwright.io/v1beta1",
        "kind": "BuildRun",
        "metadata": {"name": name, "namespace": "team"},
        "spec": spec,
    })
}

/// The same object in v1alpha1.
#[must_use]
pub fn in_v1alpha1(mut object: Value) -> Value {
    object["apiVersion"] = json!("shipwright.io/v1alpha1");
    object
}

/// A v1alpha1 Build in the namespace `team` with a local output, source and builder.
#[must_use]
pub fn v1alpha1_build(name: &str) -> Value {
    let mut build = in_v1alpha1(build(name, json!({"image": "team/hello:v1", "local": true})));
    build["spec"]["source"] = json!({"bundleContainer": {"image": "team/source", "local": true}});
    build["spec"]["builder"] = json!({"image": "team/builder", "local": true});
    build
}

/// The ConfigMap of KEP-1755.
#[must_use]
pub fn config_map(declaration: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "local-registry-hosting", "namespace": "kube-public"},
        "data": {"localRegistryHosting.v1": declaration},
    })
}
