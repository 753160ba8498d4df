//! A cluster where nothing of this project is installed: the portable name leads to nobody.

use std::collections::BTreeSet;
use std::path::Path;

use e2e::eventually;
use serde_json::{Value, json};

use crate::admission::{self, Admission, StandIn};
use crate::builds;
use crate::kit::{self, FOLDER, FOLDERS, Kit, PORTABLE_HOST, hello, imported};
use crate::outside::Outside;

const NAMESPACE: &str = "not-installed";
/// What programs say that have asked for the name.
const NO_SUCH_HOST: &str = "no such host";

#[test]
fn where_nothing_is_installed_the_portable_name_leads_to_nobody() {
    let mut kit = kit::with(&[]);
    builds::install_projects(&kit);
    StandIn.install(&kit);
    uninstall(&mut kit);
    let kubectl = &kit.node.kubectl;

    builds::import_builder(&kit);
    builds::serve_sources(&kit);
    builds::write_source_on_base("nothing");
    kit.node.containerd.import(&imported());
    kubectl.ok(&["create", "namespace", NAMESPACE]);
    kubectl.wait_for_service_accounts(&[NAMESPACE]);
    provide_strategy(&kit);

    let outside = Outside::watch();
    let image = format!("{PORTABLE_HOST}/team/app:v1");
    let pulled = kit.node.pull(&image);
    pulled.failed_with("lookup local-registry");
    pulled.failed_with(NO_SUCH_HOST);
    an_image_volume_stays_at_pulling(&kit, &image);
    builds_fail(&kit);
    a_job_fails(&kit);
    assert_eq!(outside.names(), BTreeSet::from(["local-registry.".to_owned()]));
    assert_eq!(Outside::packets(), 0);

    // What does go elsewhere is seen: from a pod, and from the node.
    kit.node.push(&hello(), "registry.example/team/app:v1", &[]).failed_with("no route to host");
    assert!(outside.names().contains("registry.example."), "{:?}", outside.names());
    let packets = Outside::packets();
    assert!(packets > 0);
    kit.node.pull("team/app:v1").failed_with("no route to host");
    assert!(outside.names().contains("registry-1.docker.io."), "{:?}", outside.names());
    assert!(Outside::packets() > packets);

    drop(outside);
    kubectl.ok(&["delete", "namespace", NAMESPACE, "--wait=false"]);
}

/// Installs everything, and removes the release. Its hooks take the field out of Shipwright's CRDs first, and the files from the node,
/// and nothing else is left. An upgrade that removes the policy alone takes the field out, too.
fn uninstall(kit: &mut Kit) {
    let has_field = |kit: &Kit| {
        ["builds.shipwright.io", "buildruns.shipwright.io"].map(|crd| {
            kit.node.kubectl.ok(&["get", "crd", crd, "--output=json"]).contains("The image names no registry")
        })
    };
    StandIn.apply(kit);
    eventually("the sync job to add the field", || (has_field(kit) == [true, true]).then_some(()));
    kit.remove_policies();
    assert_eq!(has_field(kit), [false, false]);
    StandIn.apply(kit);
    eventually("the sync job to add the field again", || (has_field(kit) == [true, true]).then_some(()));
    let others = Path::new(FOLDERS).join("registry.example");
    std::fs::create_dir_all(&others).unwrap();
    assert!(Path::new(FOLDER).join("hosts.toml").exists());
    kit.remove();
    admission::forget(kit);
    assert_eq!(has_field(kit), [false, false]);
    let files: Vec<_> = std::fs::read_dir(FOLDERS).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["registry.example"]);
    std::fs::remove_dir_all(others).unwrap();
    let kinds = "validatingadmissionpolicies,validatingadmissionpolicybindings,mutatingwebhookconfigurations,\
                 validatingwebhookconfigurations,clusteradmissionpolicies,daemonsets,deployments,jobs,clusterroles,\
                 clusterrolebindings,roles,rolebindings,serviceaccounts,configmaps,priorityclasses,networkpolicies";
    let left = kit.node.kubectl.ok(&["get", kinds, "--all-namespaces", "--output=name"]);
    // What stands in for the policy server is named after its policy.
    let ours = left.lines().filter(|line| line.contains("local-registry") && !line.contains("/policy-server-"));
    assert_eq!(ours.collect::<Vec<_>>(), [""; 0]);
}

/// The strategy that examples/portable-name/build.yaml names, for this namespace. Its image need not be pulled: the node has it.
fn provide_strategy(kit: &Kit) {
    let kubectl = &kit.node.kubectl;
    let mut strategy = kubectl.json(&["get", "clusterbuildstrategy", "buildah-strategy-managed-push"]);
    let name = strategy["metadata"]["name"].clone();
    strategy["kind"] = json!("BuildStrategy");
    strategy["metadata"] = json!({"name": name, "namespace": NAMESPACE});
    strategy["spec"]["steps"][0]["imagePullPolicy"] = json!("IfNotPresent");
    kubectl.ok_with(&["create", "-f", "-"], &strategy);
}

fn an_image_volume_stays_at_pulling(kit: &Kit, image: &str) {
    let kubectl = &kit.node.kubectl;
    let pod = kit.node.create(json!({
        "containers": [{"name": "main", "image": imported().name(), "volumeMounts": [{"name": "model", "mountPath": "/model"}]}],
        "volumes": [{"name": "model", "image": {"reference": image, "pullPolicy": "Always"}}],
    }));
    let about = format!("--field-selector=involvedObject.name={pod}");
    eventually("the image volume to fail", || {
        let events = kubectl.json(&["get", "events", "--namespace=default", &about]);
        let says = |event: &Value| {
            let message = event["message"].as_str().unwrap_or_default();
            message.contains(image) && message.contains(NO_SUCH_HOST)
        };
        events["items"].as_array()?.iter().any(says).then_some(())
    });
    let phase = kubectl.ok(&["get", "pod", &pod, "--namespace=default", "--output=jsonpath={.status.phase}"]);
    assert_eq!(phase, "Pending");
    kubectl.ok(&["delete", "pod", &pod, "--namespace=default", "--wait=false"]);
}

/// Runs the example, which gets no base image, and once more without one, which cannot be pushed.
fn builds_fail(kit: &Kit) {
    let kind = "kind: ClusterBuildStrategy";
    let example = builds::portable_example();
    assert!(example.contains(kind));
    let create = ["create", "--namespace", NAMESPACE, "-f", "-"];
    kit.node.kubectl.run_with(&create, &example.replace(kind, "kind: BuildStrategy")).ok(&create);
    let log = builds::failed(kit, NAMESPACE, "buildrun/portable-1");
    assert!(
        log.contains(&format!("Trying to pull {PORTABLE_HOST}/team/base:v1")) && log.contains(NO_SUCH_HOST),
        "{log}"
    );

    let run = json!({
        "apiVersion": "shipwright.io/v1beta1",
        "kind": "BuildRun",
        "metadata": {"name": "portable-2"},
        "spec": {
            "build": {"name": "portable"},
            "paramValues": [{"name": "build-args", "values": [{"value": "BASE=scratch"}]}],
        },
    });
    let run = builds::start(kit, NAMESPACE, &run.to_string());
    let log = builds::failed(kit, NAMESPACE, &run);
    assert!(log.contains(&format!("Pushing image {PORTABLE_HOST}/team/app:v1")) && log.contains(NO_SUCH_HOST), "{log}");
}

/// Runs the example of a Job that pushes, in a namespace without the alias.
fn a_job_fails(kit: &Kit) {
    let kubectl = &kit.node.kubectl;
    let namespace = format!("--namespace={NAMESPACE}");
    kubectl.ok(&["apply", "-f", "examples/portable-name/job.yaml", &namespace]);
    eventually("a pod of the Job to fail", || {
        let log = kubectl.run(&["logs", "job/made-by-a-job", &namespace]);
        log.stdout.contains(NO_SUCH_HOST).then_some(())
    });
    kubectl.ok(&["delete", "job/made-by-a-job", &namespace]);
}
