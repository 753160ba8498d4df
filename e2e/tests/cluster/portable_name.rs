//! The portable name on a real API server: the same manifests, byte for byte, on clusters with different registries.

use e2e::{Answer, Crds, TestCluster, build_run, eventually, helm, in_v1alpha1};
use local_registry_testkit::repository::root;
use serde_json::{Value, json};

/// Nodes and pods know the registry by two names, as in the recipe of KinD.
const KIND: &str = "host: \"localhost:5001\"\nhostFromClusterNetwork: \"kind-registry:5000\"\n";
/// One name for both.
const KIT: &str = "hostFromContainerRuntime: \"registry.local-registry.svc.cluster.local:5000\"\n\
    hostFromClusterNetwork: \"registry.local-registry.svc.cluster.local:5000\"\n";
const KIT_HOST: &str = "registry.local-registry.svc.cluster.local:5000";

/// Applies the examples, and returns the spec of the run, that of a pod, and the ephemeral containers of that pod.
fn apply_examples(declaration: &str) -> (Value, Value, Value) {
    // Shipwright's own CRDs: the name needs no field.
    let (cluster, _controllers) = TestCluster::with_workloads(declaration);
    let kubectl = &cluster.kubectl;
    let apply =
        |file: &str| kubectl.ok(&["apply", "--namespace=team", "-f", &format!("examples/portable-name/{file}")]);
    apply("build.yaml");
    apply("deployment.yaml");
    // The Build stays as it is written, and nothing is added to it.
    let build = cluster.stored("build", "portable");
    assert_eq!(build["spec"]["output"], json!({"image": "local-registry:5000/team/app:v1"}));
    assert_eq!(build["spec"]["paramValues"][1]["values"], json!([{"value": "local-registry:5000"}]));
    assert_eq!(build["metadata"].get("labels"), None);
    let annotations: Vec<_> = build["metadata"]["annotations"].as_object().into_iter().flatten().collect();
    assert!(annotations.iter().all(|(key, _)| !key.starts_with("local-registry")), "{annotations:?}");
    // Applying it all again is no change, of templates neither.
    for file in ["build.yaml", "deployment.yaml"] {
        let again = apply(file);
        assert!(again.lines().all(|line| line.ends_with("unchanged") || line.contains("buildrun")), "{again}");
    }

    let pod = eventually("a pod of the Deployment", || {
        let pods = kubectl.json(&["get", "pods", "--namespace=team", "--selector=app=portable"]);
        pods["items"].get(0).cloned()
    });
    let name = pod["metadata"]["name"].as_str().unwrap();
    let debug =
        json!({"spec": {"ephemeralContainers": [{"name": "debug", "image": "local-registry:5000/team/tools"}]}});
    let patch = ["--namespace=team", "--subresource=ephemeralcontainers", "--patch", &debug.to_string()];
    kubectl.ok(&[&["patch", "pod", name], &patch[..]].concat());
    let pod = kubectl.json(&["get", "pod", name, "--namespace=team"]);
    (
        cluster.stored("buildrun", "portable-1")["spec"].clone(),
        pod["spec"].clone(),
        pod["spec"]["ephemeralContainers"][0]["image"].clone(),
    )
}

#[test]
fn the_same_manifests_use_the_registry_of_each_cluster() {
    for (declaration, for_pods, for_nodes) in
        [(KIND, "kind-registry:5000", "localhost:5001"), (KIT, KIT_HOST, KIT_HOST)]
    {
        let (run, pod, debug) = apply_examples(declaration);
        let parameters = json!([
            {"name": "build-args", "values": [{"value": format!("BASE={for_pods}/team/base:v1")}]},
            {"name": "registries-insecure", "values": [{"value": for_pods}]},
        ]);
        assert_eq!(run["output"]["image"], format!("{for_pods}/team/app:v1"));
        assert_eq!(run["paramValues"], parameters);
        assert_eq!(pod["containers"][0]["image"], format!("{for_nodes}/team/app:v1"));
        let mut volumes = pod["volumes"].as_array().unwrap().iter();
        let model = volumes.find(|volume| volume["name"] == "model").unwrap();
        assert_eq!(model["image"]["reference"], format!("{for_nodes}/team/model:v1"));
        assert_eq!(debug, format!("{for_nodes}/team/tools"));
    }
}

#[test]
fn every_place_of_builds_and_runs_is_resolved_in_both_versions() {
    let cluster = TestCluster::with_policy(Crds::Plain, KIT_HOST);
    let image = "local-registry:5000/team/app:v1";
    let resolved = format!("{KIT_HOST}/team/app:v1");
    let source = json!({"type": "OCI", "ociArtifact": {"image": image}});
    let strategy = json!({"name": "buildah", "kind": "ClusterBuildStrategy"});
    let spec = json!({
        "source": source, "strategy": strategy, "output": {"image": image},
        "paramValues": [{"name": "cache", "value": image}, {"name": "other", "value": "my-local-registry:5000"}],
    });
    let stored = cluster.create(&build_run("embedded", json!({"build": {"spec": spec}})));
    let embedded = &stored["spec"]["build"]["spec"];
    assert_eq!(embedded["output"]["image"], resolved);
    assert_eq!(embedded["source"]["ociArtifact"]["image"], resolved);
    let parameters =
        json!([{"name": "cache", "value": resolved}, {"name": "other", "value": "my-local-registry:5000"}]);
    assert_eq!(embedded["paramValues"], parameters);

    let mut build = in_v1alpha1(build_run(
        "old",
        json!({
            "strategy": strategy, "output": {"image": image}, "builder": {"image": image},
            "source": {"bundleContainer": {"image": image}}, "paramValues": [{"name": "cache", "value": image}],
        }),
    ));
    build["kind"] = json!("Build");
    let stored = cluster.create(&build);
    assert_eq!(stored["spec"]["output"]["image"], image);
    assert_eq!(stored["spec"]["source"]["ociArtifact"]["image"], resolved);
    let run = in_v1alpha1(build_run("old", json!({"buildRef": {"name": "old"}})));
    let stored = cluster.create(&run);
    assert_eq!(stored["spec"]["output"]["image"], resolved);
    assert_eq!(stored["spec"]["paramValues"], json!([{"name": "cache", "value": resolved}]));

    let mut contradiction = build_run("contradiction", json!({"build": {"spec": spec}}));
    contradiction["spec"]["build"]["spec"]["output"]["local"] = json!(false);
    // Shipwright's own CRDs drop the field, so nothing contradicts the name.
    let create = ["create", "--validate=ignore", "-f", "-"];
    cluster.kubectl.ok_with(&create, &contradiction);
    let stored = cluster.stored("buildrun", "contradiction");
    assert_eq!(stored["spec"]["build"]["spec"]["output"], json!({"image": resolved}));
}

#[test]
fn while_nobody_resolves_the_name_it_stays_as_it_is_and_names_nobody_else() {
    let cluster = TestCluster::with_policy(Crds::Patched, KIT_HOST);
    let contradiction = json!({"image": "local-registry:5000/team/app:v1", "local": false});
    let run = build_run("contradiction", json!({"build": {"name": "none"}, "output": contradiction}));
    cluster.try_create(&run).failed_with("but local: false says that the image is not local");
    cluster.kubectl.ok(&["delete", "mutatingwebhookconfigurations", "--all"]);
    let image = "local-registry:5000/team/app:v1";
    let run = build_run("alone", json!({"build": {"name": "none"}, "output": {"image": image}}));
    assert_eq!(cluster.create(&run)["spec"]["output"]["image"], image);
    // What a mark alone makes local is refused by the guard.
    let run =
        build_run("marked", json!({"build": {"name": "none"}, "output": {"image": "team/app:v1", "local": true}}));
    cluster.try_create(&run).failed_with("has put no registry in front of it");
}

/// A chart that puts a registry in front of its image, as those of many projects do, rendered with the example's values.
fn rendered_by_helm(release: &str) -> Value {
    let chart = tempfile::tempdir().unwrap();
    let template = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "{{ .Release.Name }}"},
        "spec": {"containers": [{
            "name": "app",
            "image": "{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}",
        }]},
    });
    std::fs::create_dir(chart.path().join("templates")).unwrap();
    std::fs::write(chart.path().join("Chart.yaml"), "apiVersion: v2\nname: app\nversion: 0.1.0\n").unwrap();
    std::fs::write(chart.path().join("templates/pod.yaml"), template.to_string()).unwrap();
    let values = root().join("examples/portable-name/values.yaml");
    let mut command = helm(release);
    command.args(["template", "app"]).arg(chart.path()).arg("--values").arg(values);
    let arguments = ["template"];
    serde_saphyr::from_str(&Answer::run(&mut command, "").ok(&arguments)).unwrap()
}

#[test]
fn helm_and_kustomize_read_the_name_as_a_registry() {
    for release in ["3", "4"] {
        let pod = rendered_by_helm(release);
        assert_eq!(pod["spec"]["containers"][0]["image"], "local-registry:5000/team/app:v1", "Helm {release}");
    }

    let cluster = TestCluster::start(Crds::Plain);
    let folder = tempfile::tempdir().unwrap();
    let image = |image: &str| json!({"name": image.replace(['/', ':', '@'], "-"), "image": image});
    let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"},
        "spec": {
            "containers": [
                image("local-registry:5000/team/app:v1"),
                image(&format!("local-registry:5000/team/app@{digest}")),
                image("local-registry:5000/team/app"),
                image("local-registry:5000/team/application:v1"),
                image("team/app:v1"),
                image("team/plain:v1"),
            ],
            "volumes": [{"name": "model", "image": {"reference": "local-registry:5000/team/app:v1"}}],
        },
    });
    let kustomization = json!({
        "resources": ["pod.json"],
        "images": [
            {"name": "local-registry:5000/team/app", "newTag": "v2"},
            {"name": "team/plain", "newName": "local-registry:5000/team/plain"},
        ],
    });
    std::fs::write(folder.path().join("pod.json"), pod.to_string()).unwrap();
    std::fs::write(folder.path().join("kustomization.yaml"), kustomization.to_string()).unwrap();
    let rendered = cluster.kubectl.ok(&["kustomize", folder.path().to_str().unwrap()]);
    let rendered: Value = serde_saphyr::from_str(&rendered).unwrap();
    let images: Vec<_> =
        rendered["spec"]["containers"].as_array().unwrap().iter().map(|found| found["image"].clone()).collect();
    assert_eq!(
        images,
        [
            "local-registry:5000/team/app:v2",
            "local-registry:5000/team/app:v2",
            "local-registry:5000/team/app:v2",
            "local-registry:5000/team/application:v1",
            "team/app:v1",
            "local-registry:5000/team/plain:v1",
        ]
    );
    assert_eq!(rendered["spec"]["volumes"][0]["image"]["reference"], "local-registry:5000/team/app:v2");
}
