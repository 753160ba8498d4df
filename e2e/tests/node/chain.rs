//! The whole chain: manifests that name no registry, and the pods that run what was built from them.

use std::path::Path;

use e2e::node::Image;
use e2e::{Kubewarden, Shipwright, config_map, eventually};
use serde_json::{Value, json};

use crate::kit::{self, Kit, REGISTRY, WITHOUT_TLS};

/// The registry of another cluster. Its nodes were shown the way by hand.
const SECOND: &str = "registry.second.svc.cluster.local:5000";
const SECOND_FOLDER: &str = "/etc/containerd/certs.d/registry.second.svc.cluster.local_5000_";

#[test]
fn what_was_built_runs_by_the_same_name_whatever_the_registry_is() {
    let kit = kit::with(&[]);
    let kubectl = &kit.node.kubectl;
    kubectl.ok(&["create", "namespace", "team"]);
    let _kubewarden = Kubewarden::install(&kit.node.control_plane);
    let shipwright = Shipwright::install(&kit.node.control_plane);
    shipwright.patch_crds();
    kubectl.ok(&["apply", "-k", "deploy/workloads"]);
    // The sync job reads what the kit declares.
    serve(&kit, REGISTRY);
    build_and_run(&kit, REGISTRY, "first");

    // The same files on a cluster whose registry has another name.
    for kind in ["deployment", "buildrun", "build"] {
        kubectl.ok(&["delete", kind, "--all", "--namespace=team"]);
    }
    second_registry(&kit);
    let declaration = format!("hostFromClusterNetwork: \"{SECOND}\"\nhostFromContainerRuntime: \"{SECOND}\"\n");
    kubectl.ok_with(&["apply", "-f", "-"], &config_map(&declaration));
    serve(&kit, SECOND);
    build_and_run(&kit, SECOND, "second");

    kubectl.ok(&["delete", "deployment", "hello", "--namespace=team"]);
    kubectl.ok(&["delete", "namespace", "second"]);
    std::fs::remove_dir_all(SECOND_FOLDER).unwrap();
    kit.kustomize("apply", "deploy/registry", &[]);
    kit.ready();
}

/// Serves both policies, once the sync job has given them this host.
fn serve(kit: &Kit, host: &str) {
    for name in ["local-registry", "local-registry-workloads"] {
        let policy = eventually(&format!("the policy {name} to get the host"), || {
            let policy = kit.node.kubectl.json(&["get", "clusteradmissionpolicy", name]);
            let settings = &policy["spec"]["settings"];
            (settings["host"] == host && settings["runtimeHost"] == host).then_some(policy)
        });
        kit.node.serve(&policy);
    }
}

/// Creates the example's Build, its run and its Deployment. The image of the run is pushed as Shipwright would push it.
fn build_and_run(kit: &Kit, registry: &str, word: &str) {
    let kubectl = &kit.node.kubectl;
    kubectl.ok(&["create", "-f", "examples/build.yaml", "--namespace=team"]);
    let runs = kubectl.json(&["get", "buildruns", "--namespace=team"]);
    let name = runs["items"][0]["spec"]["output"]["image"].as_str().unwrap_or_else(|| panic!("no output: {runs}"));
    assert_eq!(name, format!("{registry}/team/hello:v1"));
    let image = Image::named(&format!("node.example/staying:{word}")).with_busybox();
    let image = image.running(&["/bin/sh", "-c", &format!("echo {word}; exec sleep infinity")]);
    kit.node.push(&image, name, &[WITHOUT_TLS]).ok();

    kubectl.ok(&["apply", "-f", "examples/deployment.yaml", "--namespace=team"]);
    kit.rolled_out("deployment/hello", "team");
    let pods = kubectl.json(&["get", "pods", "--namespace=team", "--selector=app=hello"]);
    let running = |pod: &&Value| pod["metadata"]["deletionTimestamp"].is_null();
    let pod = pods["items"].as_array().unwrap().iter().find(running).unwrap();
    assert_eq!(pod["spec"]["containers"][0]["image"], name);
    let pulled = pod["status"]["containerStatuses"][0]["imageID"].as_str().unwrap();
    assert!(pulled.starts_with(&format!("{registry}/team/hello@sha256:")), "{pulled}");
    let pod = pod["metadata"]["name"].as_str().unwrap();
    assert_eq!(kubectl.ok(&["logs", pod, "--namespace=team"]), format!("{word}\n"));
    // What was applied stays as it was written.
    let stored = kubectl.json(&["get", "deployment", "hello", "--namespace=team"]);
    assert_eq!(stored["spec"]["template"]["spec"]["containers"][0]["image"], "team/hello:v1");
}

/// Starts another registry, and shows the node the way to it, as an administrator does by hand.
fn second_registry(kit: &Kit) {
    let kubectl = &kit.node.kubectl;
    kubectl.ok(&["create", "namespace", "second"]);
    let labels = json!({"app": "registry"});
    let metadata = json!({"name": "registry", "namespace": "second"});
    let configuration = json!({
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": "/images"}},
        "http": {"addr": ":5000"},
    });
    for object in [
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config.yml": configuration.to_string()}}),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"port": 5000}]},
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {"selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "containers": [{
                        "name": "registry",
                        "image": kit::image_of("registry"),
                        "imagePullPolicy": "Never",
                        "args": ["serve", "/configuration/config.yml"],
                        "readinessProbe": {"httpGet": {"path": "/v2/", "port": 5000}},
                        "volumeMounts": [
                            {"name": "configuration", "mountPath": "/configuration"},
                            {"name": "images", "mountPath": "/images"},
                        ],
                    }],
                    "volumes": [
                        {"name": "configuration", "configMap": {"name": "registry"}},
                        {"name": "images", "emptyDir": {}},
                    ],
                },
            }},
        }),
    ] {
        kubectl.ok_with(&["create", "-f", "-"], &object);
    }
    kit.rolled_out("deployment/registry", "second");
    let address = ["get", "service", "registry", "--namespace=second", "--output=jsonpath={.spec.clusterIP}"];
    let url = format!("http://{}:5000", kubectl.ok(&address));
    std::fs::create_dir_all(SECOND_FOLDER).unwrap();
    let hosts = format!("server = \"{url}\"\n[host.\"{url}\"]\ncapabilities = [\"pull\", \"resolve\"]\n");
    std::fs::write(Path::new(SECOND_FOLDER).join("hosts.toml"), hosts).unwrap();
}
