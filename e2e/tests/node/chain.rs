//! The whole chain: manifests that name no registry, what Shipwright and Tekton build from them, and the pods that run it.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use e2e::node::{Image, Node};
use e2e::{Kubewarden, config_map, eventually};
use serde_json::{Value, json};

use crate::kit::{self, Kit, REGISTRY};

/// The registry of another cluster. Its nodes were shown the way by hand.
const SECOND: &str = "registry.second.svc.cluster.local:5000";
const SECOND_FOLDER: &str = "/etc/containerd/certs.d/registry.second.svc.cluster.local_5000_";

/// The image of the sample strategies' build step, and where nodes find it.
const BUILDAH: &str = "containers/buildah:v1.43.1";
const QUAY: &str = "/etc/containerd/certs.d/quay.io";

#[test]
fn what_was_built_runs_by_the_same_name_whatever_the_registry_is() {
    let kit = kit::with(&[]);
    let kubectl = &kit.node.kubectl;
    let started = Instant::now();
    kubectl.ok(&["create", "namespace", "team"]);
    let _kubewarden = Kubewarden::install(&kit.node.control_plane);
    kit.node.install_tekton();
    kit.node.install_shipwright();
    println!("number: Tekton and Shipwright are installed after {:.1} s", started.elapsed().as_secs_f64());
    for kind in ["builds", "buildruns"] {
        let patch = format!("--patch-file=deploy/crd-patches/{kind}.yaml");
        kubectl.ok(&["patch", "crd", &format!("{kind}.shipwright.io"), "--type=json", &patch]);
    }
    provide_builder(&kit);
    serve_sources(&kit);
    kubectl.ok(&["apply", "-k", "deploy/workloads"]);
    // As docs/registry.md says: the registry speaks plain HTTP.
    let insecure = r#"--patch={"spec": {"settings": {"insecure": true}}}"#;
    kubectl.ok(&["patch", "clusteradmissionpolicy", "local-registry", "--type=merge", insecure]);
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
    kubectl.ok(&["delete", "namespace", "second", "sources"]);
    for folder in [SECOND_FOLDER, QUAY] {
        std::fs::remove_dir_all(folder).unwrap();
    }
    kit.kustomize("apply", "deploy/registry", &[]);
    kit.ready();
}

/// Puts the image of the sample strategies' build step into the registry, and shows the node the way to it: this node reaches
/// no other.
fn provide_builder(kit: &Kit) {
    let [policy, users] = ["policy.json", "passwd"].map(|name| kit.node.control_plane.file(name));
    std::fs::write(&policy, r#"{"default": [{"type": "insecureAcceptAnything"}]}"#).unwrap();
    std::fs::write(&users, "root:x:0:0:root:/:/bin/sh\n").unwrap();
    let image = Image::named("node.example/buildah:v1")
        .with_busybox()
        .with_program(&e2e::node::installed("bash"))
        .with_program(&e2e::node::installed("buildah"))
        .with_file(&policy, "/etc/containers/policy.json")
        .with_file(&users, "/etc/passwd");
    kit.push(&image, BUILDAH);
    lead_to(QUAY, &format!("http://{}:5000", kit.address("registry")));
}

/// Serves the source that examples/build.yaml names, whose program says a word.
fn serve_sources(kit: &Kit) {
    let image = Image::named("node.example/git-server:v1").with_busybox().with_git();
    kit.node.containerd.import(&image);
    kit.node.kubectl.ok(&["create", "namespace", "sources"]);
    std::fs::create_dir_all(sources()).unwrap();
    let pod = json!({
        "containers": [{
            "name": "git",
            "image": image.name(),
            "command": ["/usr/lib/git-core/git-daemon", "--base-path=/sources", "--export-all", "--verbose"],
            // The files belong to whoever runs the tests.
            "env": [
                {"name": "GIT_CONFIG_COUNT", "value": "1"},
                {"name": "GIT_CONFIG_KEY_0", "value": "safe.directory"},
                {"name": "GIT_CONFIG_VALUE_0", "value": "*"},
            ],
            "readinessProbe": {"tcpSocket": {"port": 9418}},
            "volumeMounts": [{"name": "sources", "mountPath": "/sources", "readOnly": true}],
        }],
        "volumes": [{"name": "sources", "hostPath": {"path": sources()}}],
    });
    serve_pod(kit, "git", "sources", 9418, &pod);
}

/// Runs a pod behind a Service of the same name, and waits until it is ready.
fn serve_pod(kit: &Kit, name: &str, namespace: &str, port: u16, pod: &Value) {
    let labels = json!({"app": name});
    let metadata = json!({"name": name, "namespace": namespace});
    for object in [
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"port": port}]},
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }),
    ] {
        kit.node.kubectl.ok_with(&["create", "-f", "-"], &object);
    }
    kit.rolled_out(&format!("deployment/{name}"), namespace);
}

/// Where the served sources are.
fn sources() -> std::path::PathBuf {
    Node::disk().join("sources")
}

/// Writes the source anew, with a program that says this word and stays.
fn write_source(word: &str) {
    let repository = sources().join("sample-go");
    let _ = std::fs::remove_dir_all(&repository);
    let folder = repository.join("docker-build");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(e2e::node::installed("busybox"), folder.join("busybox")).unwrap();
    let run = format!(
        "FROM scratch\nCOPY busybox /busybox\nENTRYPOINT [\"/busybox\", \"sh\", \"-c\", \"echo {word}; exec /busybox sleep 99999\"]\n"
    );
    std::fs::write(folder.join("Dockerfile"), run).unwrap();
    for arguments in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "."],
        &["-c", "user.name=e2e", "-c", "user.email=e2e@example.org", "commit", "--quiet", "--message=source"],
    ] {
        let mut git = Command::new("git");
        git.current_dir(&repository).args(arguments).env("GIT_CONFIG_NOSYSTEM", "1");
        assert!(git.status().unwrap().success(), "git {arguments:?}");
    }
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

/// Creates the example's Build, its run and its Deployment. Shipwright builds and pushes.
fn build_and_run(kit: &Kit, registry: &str, word: &str) {
    let kubectl = &kit.node.kubectl;
    write_source(word);
    let example = local_registry_testkit::repository::text("examples/build.yaml");
    let url = "https://github.com/shipwright-io/sample-go";
    assert!(example.contains(url));
    let example = example.replace(url, "git://git.sources.svc.cluster.local/sample-go");
    let started = Instant::now();
    kubectl.run_with(&["create", "--namespace=team", "-f", "-"], &example).ok(&["create"]);
    let run = eventually("the run to end", || {
        let runs = kubectl.json(&["get", "buildruns", "--namespace=team"]);
        let run = runs["items"][0].clone();
        let status = run["status"]["conditions"][0]["status"].as_str().unwrap_or_default();
        ["True", "False"].contains(&status).then_some(run)
    });
    let selector = format!("--selector=buildrun.shipwright.io/name={}", run["metadata"]["name"].as_str().unwrap());
    let logs = || kubectl.run(&["logs", &selector, "--namespace=team", "--all-containers", "--tail=-1"]).stdout;
    assert_eq!(run["status"]["conditions"][0]["reason"], "Succeeded", "{run:#}\n{}", logs());
    println!("number: examples/build.yaml has succeeded after {:.1} s", started.elapsed().as_secs_f64());
    let name = run["spec"]["output"]["image"].as_str().unwrap_or_else(|| panic!("no output: {run}"));
    assert_eq!(name, format!("{registry}/team/hello:v1"));
    let pushed = run["status"]["output"]["digest"].as_str().unwrap_or_else(|| panic!("no digest: {run}"));

    kubectl.ok(&["apply", "-f", "examples/deployment.yaml", "--namespace=team"]);
    kit.rolled_out("deployment/hello", "team");
    let pods = kubectl.json(&["get", "pods", "--namespace=team", "--selector=app=hello"]);
    let running = |pod: &&Value| pod["metadata"]["deletionTimestamp"].is_null();
    let pod = pods["items"].as_array().unwrap().iter().find(running).unwrap();
    assert_eq!(pod["spec"]["containers"][0]["image"], name);
    let pulled = pod["status"]["containerStatuses"][0]["imageID"].as_str().unwrap();
    assert_eq!(pulled, format!("{registry}/team/hello@{pushed}"));
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
    let configuration = json!({
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": "/images"}},
        "http": {"addr": ":5000"},
    });
    let metadata = json!({"name": "registry", "namespace": "second"});
    let files = json!({"config.yml": configuration.to_string()});
    let files = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files});
    kubectl.ok_with(&["create", "-f", "-"], &files);
    let pod = json!({
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
    });
    serve_pod(kit, "registry", "second", 5000, &pod);
    let address = ["get", "service", "registry", "--namespace=second", "--output=jsonpath={.spec.clusterIP}"];
    lead_to(SECOND_FOLDER, &format!("http://{}:5000", kubectl.ok(&address)));
}

/// Leads the node's pulls of a registry to another address.
fn lead_to(folder: &str, url: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let hosts = format!("server = \"{url}\"\n[host.\"{url}\"]\ncapabilities = [\"pull\", \"resolve\"]\n");
    std::fs::write(Path::new(folder).join("hosts.toml"), hosts).unwrap();
}
