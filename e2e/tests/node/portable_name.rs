//! The examples of the portable name, as they are: what builds by it, on a base image of the local registry, and what runs.

use e2e::eventually;
use e2e::node::Image;
use local_registry_testkit::repository;
use serde_json::Value;

use crate::builds::{self, Built};
use crate::kit::{Kit, PORTABLE_HOST, WITHOUT_TLS, saying};
use crate::knative;

/// What the examples' own image is called, by the portable name.
const IMAGE: &str = "team/app:v1";

/// Builds the example, pushes it to this registry, and runs it wherever an image may stand.
pub(crate) fn builds_and_runs(kit: &Kit, registry: &str, word: &str) {
    let kubectl = &kit.node.kubectl;
    push_what_is_there_before(kit, registry);
    builds::write_source_on_base(word);
    let create = ["create", "--namespace=team", "-f", "-"];
    kubectl.run_with(&create, &builds::portable_example()).ok(&create);
    let run = builds::succeeded(kit, "team", "buildrun/portable-1");
    let built = Built::by(&run, &format!("{registry}/{IMAGE}"), word);

    apply(kit, "deployment.yaml");
    kit.rolled_out("deployment/portable", "team");
    let pod = runs(kit, "--selector=app=portable", &built);
    assert_eq!(pod["spec"]["volumes"][0]["image"]["reference"], format!("{registry}/team/model:v1"));
    let name = pod["metadata"]["name"].as_str().unwrap();
    assert_eq!(kubectl.ok(&["logs", name, "--namespace=team"]), format!("{word}\n"));
    // What was applied stays as it was written.
    let stored = kubectl.json(&["get", "deployment", "portable", "--namespace=team"]);
    let image = &stored["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, &format!("{PORTABLE_HOST}/{IMAGE}"));

    apply(kit, "cronjob.yaml");
    kubectl.ok(&["create", "job", "portable", "--from=cronjob/portable", "--namespace=team"]);
    runs(kit, "--selector=job-name=portable", &built);
    kubectl.ok(&["delete", "job/portable", "cronjob/portable", "--namespace=team"]);

    apply(kit, "image-volume.yaml");
    let pod = runs(kit, "--field-selector=metadata.name=image-volume", &built);
    assert_eq!(pod["spec"]["volumes"][0]["image"]["reference"], format!("{registry}/team/model:v1"));
    debug(kit, registry);
    kubectl.ok(&["delete", "pod/image-volume", "--namespace=team"]);

    knative::run_a_service(kit, "examples/portable-name/knative-service.yaml", &built);
}

/// Pushes what the examples do not build themselves: the base image, a model, and tools.
fn push_what_is_there_before(kit: &Kit, registry: &str) {
    let images: [(Image, &str); 3] = [(builds::base(), "base"), (saying("model"), "model"), (saying("tools"), "tools")];
    std::thread::scope(|scope| {
        for (image, name) in &images {
            scope.spawn(move || kit.node.push(image, &format!("{registry}/team/{name}:v1"), &[WITHOUT_TLS]).ok());
        }
    });
}

fn apply(kit: &Kit, file: &str) {
    kit.node.kubectl.ok(&["apply", "-f", &format!("examples/portable-name/{file}"), "--namespace=team"]);
}

/// Waits until a pod runs, and returns it. Its image must be what was built, by the registry's own name.
fn runs(kit: &Kit, which: &str, built: &Built) -> Value {
    let pod = eventually(&format!("a pod to run ({which})"), || {
        let pods = kit.node.kubectl.json(&["get", "pods", "--namespace=team", which]);
        let stays =
            |pod: &&Value| pod["metadata"]["deletionTimestamp"].is_null() && pod["status"]["phase"] == "Running";
        pods["items"].as_array()?.iter().find(stays).cloned()
    });
    assert_eq!(pod["spec"]["containers"][0]["image"], built.name);
    assert_eq!(pod["status"]["containerStatuses"][0]["imageID"], built.by_digest);
    pod
}

/// Adds a debug container to the pod of image-volume.yaml, as docs/portable-name.md says.
fn debug(kit: &Kit, registry: &str) {
    let kubectl = &kit.node.kubectl;
    let page = repository::text("docs/portable-name.md");
    let line = page.lines().find_map(|line| line.strip_prefix("$ kubectl debug ")).unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    kubectl.ok(&[&["debug", "--namespace=team"][..], &words].concat());
    let pod = kubectl.json(&["get", "pod", "image-volume", "--namespace=team"]);
    assert_eq!(pod["spec"]["ephemeralContainers"][0]["image"], format!("{registry}/team/tools:v1"));
    eventually("the debug container to have run", || {
        let log = kubectl.run(&["logs", "image-volume", "--container=debug", "--namespace=team"]);
        (log.stdout == "tools\n").then_some(())
    });
}
