//! The whole chain: manifests that name no registry, what Shipwright and Tekton build from them, and the pods and Knative
//! revisions that run it.

use std::time::Instant;

use e2e::node::Node;
use e2e::{Authority, config_map, eventually};
use serde_json::{Value, json};

use crate::admission::{Admission, StandIn};
use crate::builds::{self, Built, QUAY, lead_to, serve_pod};
use crate::kit::{self, Kit, PORTABLE_HOST, REGISTRY};
use crate::{knative, portable_name};

/// The registry of another cluster. Its nodes were shown the way by hand.
const SECOND: &str = "registry.second.svc.cluster.local:5000";
const SECOND_FOLDER: &str = "/etc/containerd/certs.d/registry.second.svc.cluster.local_5000_";

#[test]
fn what_was_built_runs_by_the_same_name_whatever_the_registry_is() {
    builds_and_runs(&StandIn);
}

/// Builds the example and runs what was built, on two clusters that name their registries in two ways.
pub(crate) fn builds_and_runs(admission: &dyn Admission) {
    let kit = kit::with(&[]);
    let kubectl = &kit.node.kubectl;
    kubectl.ok(&["create", "namespace", "team"]);
    admission.install(&kit);
    let shipwright = builds::install_projects(&kit);
    builds::add_the_field(&kit);
    builds::provide_builder(&kit);
    builds::serve_sources(&kit);
    admission.apply(&kit);
    // The sync job reads what the kit declares.
    admission.serve(&kit, REGISTRY);
    build_and_run(&kit, REGISTRY, "first");
    lose_the_field(&kit, shipwright);

    // The same files on a cluster whose registry has another name.
    for kind in ["services.serving.knative.dev", "deployment", "buildrun", "build"] {
        kubectl.ok(&["delete", kind, "--all", "--namespace=team"]);
    }
    second_registry(&kit);
    let declaration = format!("hostFromClusterNetwork: \"{SECOND}\"\nhostFromContainerRuntime: \"{SECOND}\"\n");
    kubectl.ok_with(&["apply", "-f", "-"], &config_map(&declaration));
    admission.serve(&kit, SECOND);
    build_and_run(&kit, SECOND, "second");

    lose_the_policies(&kit);
    println!("number: the node's programs and pods have {} MiB of memory", Node::memory() >> 20);
    kubectl.ok(&["delete", "namespace", "team", "second", "--wait=false"]);
    for folder in [SECOND_FOLDER, QUAY] {
        std::fs::remove_dir_all(folder).unwrap();
    }
    kit.repair();
    kit.ready();
}

/// Creates the example's Build and its run, and runs what Shipwright builds and pushes.
fn build_and_run(kit: &Kit, registry: &str, word: &str) {
    builds::write_source(word);
    let [build, run] = builds::example();
    let started = Instant::now();
    let create = ["create", "--namespace=team", "-f", "-"];
    kit.node.kubectl.run_with(&create, &build).ok(&create);
    let run = builds::succeed(kit, "team", &run);
    println!("number: examples/build.yaml has succeeded after {:.1} s", started.elapsed().as_secs_f64());
    let image = Built::by(&run, &format!("{registry}/team/hello:v1"), word);
    run_a_deployment(kit, &image);
    knative::run_a_service(kit, "examples/knative-service.yaml", &image);
    portable_name::builds_and_runs(kit, registry, word);
}

/// Runs examples/deployment.yaml. Its pod says the word.
fn run_a_deployment(kit: &Kit, built: &Built) {
    let kubectl = &kit.node.kubectl;
    kubectl.ok(&["apply", "-f", "examples/deployment.yaml", "--namespace=team"]);
    kit.rolled_out("deployment/hello", "team");
    let pods = kubectl.json(&["get", "pods", "--namespace=team", "--selector=app=hello"]);
    let running = |pod: &&Value| pod["metadata"]["deletionTimestamp"].is_null();
    let pod = pods["items"].as_array().unwrap().iter().find(running).unwrap();
    assert_eq!(pod["spec"]["containers"][0]["image"], built.name);
    assert_eq!(pod["status"]["containerStatuses"][0]["imageID"], built.by_digest);
    let pod = pod["metadata"]["name"].as_str().unwrap();
    assert_eq!(kubectl.ok(&["logs", pod, "--namespace=team"]), format!("{}\n", built.word));
    // What was applied stays as it was written.
    let stored = kubectl.json(&["get", "deployment", "hello", "--namespace=team"]);
    assert_eq!(stored["spec"]["template"]["spec"]["containers"][0]["image"], "team/hello:v1");
}

/// Takes the policies away. New pods with the portable name run all the same, since the node knows it.
fn lose_the_policies(kit: &Kit) {
    let kubectl = &kit.node.kubectl;
    for (kind, prefix) in [("clusteradmissionpolicy", ""), ("mutatingwebhookconfiguration", "clusterwide-")] {
        for policy in ["local-registry", "local-registry-workloads"] {
            kubectl.ok(&["delete", kind, &format!("{prefix}{policy}"), "--ignore-not-found"]);
        }
    }
    kubectl.ok(&["rollout", "restart", "deployment/portable", "--namespace=team"]);
    kit.rolled_out("deployment/portable", "team");
    let pods = ["get", "pods", "--namespace=team", "--selector=app=portable", "--field-selector=status.phase=Running"];
    let images = eventually("the pod of before to be gone", || {
        let pods = kubectl.json(&pods);
        let images = pods["items"].as_array()?.iter().map(|pod| pod["spec"]["containers"][0]["image"].clone());
        Some(images.collect::<Vec<_>>()).filter(|images| images.len() == 1)
    });
    assert_eq!(images, [format!("{PORTABLE_HOST}/team/app:v1")]);
}

/// Takes the field `local` from the Build, as an old client and then an upgrade of Shipwright do. Its runs stay local.
fn lose_the_field(kit: &Kit, shipwright: &Authority) {
    let kubectl = &kit.node.kubectl;
    let build = || kubectl.json(&["get", "builds.v1beta1.shipwright.io", "hello", "--namespace=team"]);
    assert_eq!(build()["spec"]["output"]["local"], true);
    // Shipwright's own webhook converts the Build, and its types have no such field.
    let old = kubectl.json(&["get", "builds.v1alpha1.shipwright.io", "hello", "--namespace=team"]);
    kubectl.ok_with(&["replace", "-f", "-"], &old);
    assert_eq!(build()["spec"]["output"]["local"], Value::Null);
    let [build, run] = builds::example();
    let field = || {
        let local = "--output=jsonpath={.spec.output.local}";
        let create = ["create", "--dry-run=server", "--validate=ignore", "--namespace=default", local, "-f", "-"];
        kubectl.run_with(&create, &build).ok(&create)
    };
    // The sync job would put it back at once.
    let sync_jobs = |replicas: u64| {
        let scale = ["scale", "deployment", "local-registry-sync", "--namespace=local-registry"];
        kubectl.ok(&[&scale[..], &[&format!("--replicas={replicas}")]].concat());
        let pods =
            ["get", "pods", "--namespace=local-registry", "--selector=app.kubernetes.io/name=local-registry-sync"];
        eventually("the sync job to stop or start", || {
            let pods = kubectl.json(&pods);
            (pods["items"].as_array().map(Vec::len) == usize::try_from(replicas).ok()).then_some(())
        });
    };
    sync_jobs(0);
    kit.node.apply_shipwright_crds(shipwright);
    eventually("the API server to drop the field", || field().is_empty().then_some(()));
    let check = || {
        let run = builds::succeed(kit, "team", &run);
        assert_eq!(run["spec"]["output"]["image"], format!("{REGISTRY}/team/hello:v1"));
    };
    check();
    // Where the CRDs have no such field, the annotation speaks.
    let annotated =
        build.replace("  name: hello\n", "  name: hello\n  annotations: {local-registry-hosting/output: \"true\"}\n");
    let annotated = annotated.strip_suffix("    local: true").unwrap();
    let replace = ["replace", "--namespace=team", "-f", "-"];
    kit.node.kubectl.run_with(&replace, annotated).ok(&replace);
    check();
    sync_jobs(1);
    eventually("the sync job to put the field back", || (field() == "true").then_some(()));
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
            "image": kit::registry_image(),
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
