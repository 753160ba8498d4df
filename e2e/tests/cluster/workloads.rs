//! `workloads.enabled`: the pods of Deployments, Jobs and the like, and Knative's revisions.
//!
//! No pod runs here: the API server and the controllers are real, and no kubelet is. `e2e/tests/node` has one.

use e2e::{Answer, Kubectl, TestCluster, eventually, upstream, values};
use local_registry_testkit::case::{self, Case};
use serde_json::{Value, json};

use crate::asked::{Counts, IS_DOWN, ask_about};

const WEBHOOK: &str = "clusterwide-local-registry-workloads";

/// Nodes and pods know the registry by two names, as in the recipe of KinD.
const TWO_NAMES: &str = "host: \"localhost:5001\"\nhostFromClusterNetwork: \"kind-registry:5000\"\n";
/// One name for both.
const ONE_NAME: &str = "hostFromContainerRuntime: \"reg.example:5000\"\nhostFromClusterNetwork: \"reg.example:5000\"\n";

fn template(image: &str, restart: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "app"}, "annotations": {"local-registry-hosting/containers": "app, migrate"}},
        "spec": {
            "restartPolicy": restart,
            "initContainers": [{"name": "migrate", "image": image}],
            "containers": [
                {"name": "app", "image": image},
                {"name": "proxy", "image": "registry.example/proxy:v3"},
            ],
        },
    })
}

fn object(api_version: &str, kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "team"}, "spec": spec})
}

fn deployment(image: &str) -> Value {
    let spec =
        json!({"replicas": 2, "selector": {"matchLabels": {"app": "app"}}, "template": template(image, "Always")});
    object("apps/v1", "Deployment", "app", spec)
}

fn pod(name: &str, names: Option<&str>, image: &str) -> Value {
    let mut pod = object("v1", "Pod", name, json!({"containers": [{"name": "app", "image": image}]}));
    if let Some(names) = names {
        pod["metadata"]["annotations"] = json!({"local-registry-hosting/containers": names});
    }
    pod
}

fn stored(kubectl: &Kubectl, kind: &str, name: &str) -> Value {
    kubectl.json(&["get", kind, name, "--namespace=team"])
}

fn image(kubectl: &Kubectl, name: &str) -> Value {
    stored(kubectl, "pod", name)["spec"]["containers"][0]["image"].clone()
}

/// Sends a patch of the ephemeral containers of the pod `app`.
fn change_ephemeral(kubectl: &Kubectl, change: &Value) -> Answer {
    let change = change.to_string();
    kubectl.run(&["patch", "pod", "app", "--namespace=team", "--subresource=ephemeralcontainers", "--patch", &change])
}

/// The pods of an owner's kind that are not being deleted, with the images of `migrate`, `app` and `proxy`.
fn images_of(kubectl: &Kubectl, owner: &str) -> Vec<[String; 3]> {
    let pods = kubectl.json(&["get", "pods", "--namespace=team"]);
    let pods = pods["items"].as_array().unwrap().iter();
    let of_owner = pods.filter(|pod| {
        pod["metadata"]["ownerReferences"][0]["kind"] == owner && pod["metadata"]["deletionTimestamp"].is_null()
    });
    let text = |pod: &Value, path: &str| pod.pointer(path).unwrap().as_str().unwrap().to_owned();
    let images = ["/spec/initContainers/0/image", "/spec/containers/0/image", "/spec/containers/1/image"];
    of_owner.map(|pod| images.map(|path| text(pod, path))).collect()
}

/// Says of every pod that it runs and is ready, as a kubelet would do.
fn run_pods(kubectl: &Kubectl) {
    let ready =
        json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}).to_string();
    let pods = kubectl.json(&["get", "pods", "--namespace=team"]);
    for pod in pods["items"].as_array().unwrap().iter().filter(|pod| pod["status"]["phase"] != "Running") {
        let name = pod["metadata"]["name"].as_str().unwrap();
        // The pod may be gone by now.
        let patch =
            ["patch", "pod", name, "--namespace=team", "--subresource=status", "--type=merge", "--patch", &ready];
        let _ = kubectl.run(&patch);
    }
}

/// Waits until the pods of an owner's kind are this many, all with this image, while pods become ready.
fn wait_for_pods(kubectl: &Kubectl, owner: &str, count: usize, image: &str) {
    let expected = [image, image, "registry.example/proxy:v3"].map(ToOwned::to_owned);
    eventually(&format!("{count} pods of a {owner} with {image}"), || {
        run_pods(kubectl);
        let found = images_of(kubectl, owner);
        (found.len() == count && found.iter().all(|images| *images == expected)).then_some(())
    });
}

#[test]
fn the_pods_of_controllers_are_resolved_and_templates_stay_as_they_are_written() {
    let (cluster, _controllers) = TestCluster::with_workloads(TWO_NAMES);
    let kubectl = &cluster.kubectl;
    let stateful = json!({
        "replicas": 2, "serviceName": "app", "selector": {"matchLabels": {"app": "app"}},
        "template": template("team/app:v1", "Always"),
    });
    let job = json!({"template": template("team/app:v1", "Never")});
    let cron = json!({"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}});
    let mut daemon =
        json!({"selector": {"matchLabels": {"app": "app"}}, "template": template("team/app:v1", "Always")});
    daemon["template"]["spec"]["nodeSelector"] = json!({"no": "node"});
    let all = [
        deployment("team/app:v1"),
        object("apps/v1", "StatefulSet", "app", stateful),
        object("batch/v1", "Job", "app", job),
        object("batch/v1", "CronJob", "app", cron),
        object("apps/v1", "DaemonSet", "app", daemon),
    ];
    for object in &all {
        kubectl.ok_with(&["apply", "-f", "-"], object);
    }
    let v1 = "localhost:5001/team/app:v1";
    wait_for_pods(kubectl, "ReplicaSet", 2, v1);
    wait_for_pods(kubectl, "StatefulSet", 2, v1);
    wait_for_pods(kubectl, "Job", 1, v1);
    kubectl.ok(&["delete", "job", "app", "--namespace=team", "--cascade=foreground"]);
    kubectl.ok(&["create", "job", "by-hand", "--from=cronjob/app", "--namespace=team"]);
    wait_for_pods(kubectl, "Job", 1, v1);

    // What GitOps sees: nothing. The template is as it was written, and applying it again changes nothing.
    for object in &all {
        let kind = object["kind"].as_str().unwrap();
        let pointer = if kind == "CronJob" { "/spec/jobTemplate/spec/template/spec" } else { "/spec/template/spec" };
        let template = stored(kubectl, kind, if kind == "Job" { "by-hand" } else { "app" });
        let containers = &template.pointer(pointer).unwrap()["containers"];
        assert_eq!(containers[0]["image"], "team/app:v1", "{kind}");
        if kind != "Job" {
            let diff = kubectl.run_with(&["diff", "-f", "-"], &object.to_string());
            assert_eq!(diff.code, Some(0), "{kind}: {}", diff.stdout);
        }
    }

    let v2 = "localhost:5001/team/app:v2";
    for object in ["deployment/app", "statefulset/app"] {
        let images = ["app=team/app:v2", "migrate=team/app:v2"];
        kubectl.ok(&[&["set", "image", object, "--namespace=team"][..], &images].concat());
    }
    wait_for_pods(kubectl, "ReplicaSet", 2, v2);
    wait_for_pods(kubectl, "StatefulSet", 2, v2);
}

#[test]
fn an_annotation_that_nothing_reads_is_warned_about() {
    let (cluster, _controllers) = TestCluster::with_workloads(TWO_NAMES);
    cluster.kubectl.wait_for_admission_policies();
    let apply = |object: &Value| {
        let answer = cluster.kubectl.run_with(&["apply", "--dry-run=server", "-f", "-"], &object.to_string());
        assert_eq!(answer.code, Some(0), "{}", answer.stderr);
        answer.stderr
    };
    let with = |object: &Value, pointer: &str, annotations: Value| {
        let mut object = object.clone();
        object.pointer_mut(pointer).unwrap()["annotations"] = annotations;
        object
    };
    let key = "local-registry-hosting/containers";
    let template = template("team/app:v1", "Never");
    let job = json!({"template": template});
    let cron = object("batch/v1", "CronJob", "app", json!({"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}));
    let all = [
        (deployment("team/app:v1"), "/spec/template/metadata"),
        (object("batch/v1", "Job", "app", job), "/spec/template/metadata"),
        (cron, "/spec/jobTemplate/spec/template/metadata"),
    ];
    for (object, of_pods) in all {
        let misplaced = with(&with(&object, "/metadata", json!({key: "app"})), of_pods, json!({"a": "b"}));
        let warning = apply(&misplaced);
        assert!(warning.contains(&format!("metadata.annotations[{key}]: it does nothing here")), "{warning}");
        let typo = apply(&with(&object, of_pods, json!({"local-registry-hosting/Container": "app"})));
        assert!(typo.contains("the unknown annotation local-registry-hosting/Container, which does nothing"), "{typo}");
        for fine in
            [object.clone(), with(&object, "/metadata", json!({key: "app"})), with(&object, of_pods, json!(null))]
        {
            assert_eq!(apply(&fine), "");
        }
    }
}

#[test]
fn pods_are_resolved_when_they_are_created_and_when_an_image_is_written() {
    let (mut cluster, _controllers) = TestCluster::with_workloads(TWO_NAMES);
    let kubectl = &cluster.kubectl;
    let create = ["create", "-f", "-"];
    // As docs/workloads.md waits for the policy.
    let annotation = "--annotations=local-registry-hosting/containers=ready";
    let output = "--output=jsonpath={.spec.containers[0].image}";
    let ready = ["run", "ready", "--image=team/ready", annotation, "--dry-run=server", output, "--namespace=team"];
    assert_eq!(kubectl.ok(&ready), "localhost:5001/team/ready");
    assert_eq!(kubectl.run(&["get", "pod", "ready", "--namespace=team"]).code, Some(1), "a dry run stored the pod");

    kubectl.ok_with(&create, &pod("app", Some("app"), "team/app:v1"));
    assert_eq!(image(kubectl, "app"), "localhost:5001/team/app:v1");
    let set = |image: &str| kubectl.run(&["set", "image", "pod/app", &format!("app={image}"), "--namespace=team"]);
    assert_eq!(set("team/app:v2").code, Some(0));
    assert_eq!(image(kubectl, "app"), "localhost:5001/team/app:v2");
    set("docker.io/team/app:v3")
        .failed_with("spec.containers[0].image: `docker.io/team/app:v3` names the registry `docker.io`");
    assert_eq!(image(kubectl, "app"), "localhost:5001/team/app:v2");

    let path = "metadata.annotations[local-registry-hosting/containers]: no container is named `ap`";
    kubectl.run_with(&create, &pod("typo", Some("ap"), "team/app:v1").to_string()).failed_with(path);
    kubectl.ok_with(&create, &pod("plain", None, "team/app:v1"));
    assert_eq!(image(kubectl, "plain"), "team/app:v1");

    // An ephemeral container is named before it is there.
    let debug = |container: &str, image: &str| {
        let (container, image) = (format!("--container={container}"), format!("--image={image}"));
        kubectl.run(&["debug", "app", "--namespace=team", "--attach=false", "--profile=general", &container, &image])
    };
    let annotate = |names: &str| {
        let names = format!("local-registry-hosting/containers={names}");
        kubectl.ok(&["annotate", "pod", "app", "--namespace=team", "--overwrite", &names]);
    };
    annotate("app,debug2");
    debug("debug", "team/tools").failed_with("no container is named `debug2`");
    annotate("app,debug");
    let answer = debug("debug", "team/tools");
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    let added = |index: usize| stored(kubectl, "pod", "app")["spec"]["ephemeralContainers"][index]["image"].clone();
    assert_eq!(added(0), "localhost:5001/team/tools");
    assert_eq!(debug("other", "docker.io/library/busybox").code, Some(0));
    assert_eq!(added(1), "docker.io/library/busybox");
    // A client need not send the rest of the pod, which stays as it is.
    annotate("app,debug,last");
    let containers = json!([
        stored(kubectl, "pod", "app")["spec"]["ephemeralContainers"][0],
        stored(kubectl, "pod", "app")["spec"]["ephemeralContainers"][1],
        {"name": "last", "image": "team/tools:v2"},
    ]);
    let bare = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app", "namespace": "team"},
        "spec": {"ephemeralContainers": containers},
    });
    let resource = "/api/v1/namespaces/team/pods/app/ephemeralcontainers";
    kubectl.ok_with(&["replace", "--raw", resource, "-f", "-"], &bare);
    assert_eq!(added(2), "localhost:5001/team/tools:v2");
    // Such a request cannot annotate the pod.
    let more = json!({
        "metadata": {"annotations": {"local-registry-hosting/containers": "app,debug,last,more"}},
        "spec": {"ephemeralContainers": [{"name": "more", "image": "team/tools"}]},
    });
    change_ephemeral(kubectl, &more).failed_with("which name no `more`; annotate the pod first");
    // A typo in it is found all the same.
    let typo = json!({
        "metadata": {"annotations": {"local-registry-hosting/containers": "app,debug,last,mroe"}},
        "spec": {"ephemeralContainers": [{"name": "more", "image": "team/tools"}]},
    });
    change_ephemeral(kubectl, &typo).failed_with("no container is named `mroe`");

    // A patch puts a new container in front of those that are there, and these may have an earlier registry.
    cluster.redeclare(ONE_NAME);
    let kubectl = &cluster.kubectl;
    let first = json!({"spec": {"ephemeralContainers": [{"name": "first", "image": "registry.example/tools"}]}});
    let answer = change_ephemeral(kubectl, &first);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    let images = stored(kubectl, "pod", "app")["spec"]["ephemeralContainers"].clone();
    assert_eq!(
        [&images[0]["image"], &images[1]["image"]],
        [&json!("registry.example/tools"), &json!("localhost:5001/team/tools")]
    );
}

#[test]
fn pods_that_run_keep_their_image_when_the_host_changes() {
    let (mut cluster, _controllers) = TestCluster::with_workloads(TWO_NAMES);
    cluster.kubectl.ok_with(&["apply", "-f", "-"], &deployment("team/app:v1"));
    wait_for_pods(&cluster.kubectl, "ReplicaSet", 2, "localhost:5001/team/app:v1");
    cluster.redeclare(ONE_NAME);
    let kubectl = &cluster.kubectl;
    kubectl.ok(&["label", "pods", "--all", "--namespace=team", "edited=yes"]);
    kubectl.ok(&["annotate", "pods", "--all", "--namespace=team", "edited=yes"]);
    wait_for_pods(kubectl, "ReplicaSet", 2, "localhost:5001/team/app:v1");
    kubectl.ok(&["rollout", "restart", "deployment/app", "--namespace=team"]);
    wait_for_pods(kubectl, "ReplicaSet", 2, "reg.example:5000/team/app:v1");

    // Without a registry, new pods are refused, and the pods that run stay.
    cluster.redeclare("help: https://example.org/registry\n");
    let kubectl = &cluster.kubectl;
    let refused = kubectl.run_with(&["create", "-f", "-"], &pod("new", Some("app"), "team/app:v1").to_string());
    refused.failed_with("this cluster declares no local registry for its nodes");
    refused.failed_with("see https://example.org/registry");
    kubectl.ok(&["label", "pods", "--all", "--namespace=team", "edited=again", "--overwrite"]);
    wait_for_pods(kubectl, "ReplicaSet", 2, "reg.example:5000/team/app:v1");
}

/// The sum of a counter of the API server about the policy's webhook.
fn counter(kubectl: &Kubectl, name: &str) -> u64 {
    let metrics = kubectl.ok(&["get", "--raw", "/metrics"]);
    let webhook = format!("name=\"{WEBHOOK}.kubewarden.admission\"");
    let lines = metrics.lines().filter(|line| line.starts_with(&format!("{name}{{")) && line.contains(&webhook));
    lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
}

#[test]
fn pods_without_the_annotation_are_not_asked_about_and_start_while_the_policy_server_is_down() {
    let (mut cluster, _controllers) = TestCluster::with_workloads(TWO_NAMES);
    let create = ["create", "-f", "-"];
    let asked = |cluster: &TestCluster| counter(&cluster.kubectl, "apiserver_admission_webhook_request_total");
    let skipped =
        |cluster: &TestCluster| counter(&cluster.kubectl, "apiserver_admission_match_condition_exclusions_total");
    let before = (asked(&cluster), skipped(&cluster));
    for number in 0..20 {
        cluster.kubectl.ok_with(&create, &pod(&format!("plain-{number}"), None, "team/app:v1"));
    }
    let after = (asked(&cluster), skipped(&cluster));
    println!(
        "number: 20 pods without the annotation: asked {} times, {} times not by a condition",
        after.0 - before.0,
        after.1 - before.1
    );
    assert_eq!(after.0, before.0);
    assert!(after.1 >= before.1 + 20, "{before:?} {after:?}");
    cluster.kubectl.ok_with(&create, &pod("annotated", Some("app"), "team/app:v1"));
    assert_eq!(asked(&cluster), before.0 + 1);
    cluster.kubectl.ok(&["label", "pod", "annotated", "--namespace=team", "a=b"]);
    cluster.kubectl.ok(&["annotate", "pod", "annotated", "--namespace=team", "a=b"]);
    assert_eq!(asked(&cluster), before.0 + 1);

    cluster.kubewarden.kill_server(WEBHOOK);
    let kubectl = &cluster.kubectl;
    kubectl.ok_with(&create, &pod("plain", None, "team/app:v1"));
    let mut plain = deployment("team/app:v1");
    plain["spec"]["template"]["metadata"].as_object_mut().unwrap().remove("annotations");
    kubectl.ok_with(&create, &plain);
    wait_for_pods_without_registry(kubectl);
    kubectl.ok(&["label", "pod", "annotated", "--namespace=team", "c=d"]);
    kubectl.ok(&["delete", "pod", "plain", "--namespace=team"]);
    kubectl.run_with(&create, &pod("refused", Some("app"), "team/app:v1").to_string()).failed_with(IS_DOWN);
    kubectl.run(&["set", "image", "pod/annotated", "app=team/app:v2", "--namespace=team"]).failed_with(IS_DOWN);
    let mut marked = deployment("team/app:v1");
    marked["metadata"]["name"] = json!("marked");
    kubectl.ok_with(&create, &marked);
    eventually("the Deployment to say why it has no pods", || {
        let events = kubectl.json(&["get", "events", "--namespace=team", "--field-selector=reason=FailedCreate"]);
        let is_about = |event: &Value| event["message"].as_str().unwrap_or_default().contains(IS_DOWN);
        events["items"].as_array().unwrap().iter().any(is_about).then_some(())
    });
}

fn wait_for_pods_without_registry(kubectl: &Kubectl) {
    wait_for_pods(kubectl, "ReplicaSet", 2, "team/app:v1");
}

fn revision(name: &str, names: &str, image: &str) -> Value {
    let mut revision = object(
        "serving.knative.dev/v1",
        "Revision",
        name,
        json!({"containers": [{"name": "user-container", "image": image}], "containerConcurrency": 0}),
    );
    revision["metadata"]["annotations"] = json!({"local-registry-hosting/containers": names});
    revision
}

#[test]
fn a_knative_revision_gets_the_registry_if_pods_and_nodes_know_it_by_one_name() {
    let (mut cluster, _controllers) = TestCluster::with_workloads(ONE_NAME);
    for kind in ["revision", "configuration", "service"] {
        let crd: Value =
            serde_saphyr::from_str(&std::fs::read_to_string(upstream(&format!("knative/crds/{kind}.yaml"))).unwrap())
                .unwrap();
        cluster.kubectl.ok_with(&["create", "-f", "-"], &crd);
    }
    cluster.kubectl.wait_for_crds();
    let create = ["create", "-f", "-"];
    let names = "user-container";
    let image = |cluster: &TestCluster, kind: &str, pointer: &str| {
        stored(&cluster.kubectl, kind, "app").pointer(pointer).unwrap().clone()
    };
    cluster.kubectl.ok_with(&create, &revision("app", names, "team/app:v1"));
    let resolved = "reg.example:5000/team/app:v1";
    assert_eq!(image(&cluster, "revision", "/spec/containers/0/image"), resolved);
    // Knative's controllers write its status, and its labels as traffic moves.
    cluster.kubectl.ok(&["label", "revision", "app", "--namespace=team", "serving.knative.dev/routingState=active"]);
    let status = r#"{"status":{"observedGeneration":1}}"#;
    let patch =
        ["patch", "revision", "app", "--namespace=team", "--subresource=status", "--type=merge", "--patch", status];
    cluster.kubectl.ok(&patch);

    // The Service and Configuration stay as they are written.
    let spec = revision("x", names, "team/app:v1");
    let template =
        json!({"template": {"metadata": {"annotations": spec["metadata"]["annotations"]}, "spec": spec["spec"]}});
    for kind in ["Service", "Configuration"] {
        cluster.kubectl.ok_with(&create, &object("serving.knative.dev/v1", kind, "app", template.clone()));
        let resource = format!("{}s.serving.knative.dev", kind.to_lowercase());
        assert_eq!(image(&cluster, &resource, "/spec/template/spec/containers/0/image"), "team/app:v1");
    }

    // The pods of the Revision have its annotations, and the image by its digest.
    let digest = format!("reg.example:5000/team/app@sha256:{}", "0123456789abcdef".repeat(4));
    let mut pod = pod("of-the-revision", Some(names), &digest);
    pod["spec"]["containers"][0]["name"] = json!(names);
    let queue = json!({"name": "queue-proxy", "image": "gcr.io/knative-releases/queue"});
    pod["spec"]["containers"].as_array_mut().unwrap().push(queue);
    cluster.kubectl.ok_with(&create, &pod);
    let containers = stored(&cluster.kubectl, "pod", "of-the-revision")["spec"]["containers"].clone();
    assert_eq!(
        ["0", "1"].map(|index| containers[index.parse::<usize>().unwrap()]["image"].clone()),
        [json!(digest), json!("gcr.io/knative-releases/queue"),]
    );

    let refuse = |cluster: &TestCluster, object: &Value, reason: &str| {
        cluster.kubectl.run_with(&create, &object.to_string()).failed_with(reason);
    };
    refuse(&cluster, &revision("typo", "app", "team/app:v1"), "no container is named `app`");
    refuse(&cluster, &revision("elsewhere", names, "docker.io/team/app"), "names the registry `docker.io`");
    cluster.redeclare(TWO_NAMES);
    refuse(
        &cluster,
        &revision("two", names, "team/app:v1"),
        "the local registry is `kind-registry:5000` for pods and `localhost:5001` for nodes, and Knative looks a tag up from a pod",
    );
    // By digest, Knative asks no registry, so the nodes' name is right.
    let hex = "0123456789abcdef".repeat(4);
    cluster.kubectl.ok_with(&create, &revision("digest", names, &format!("local-registry:5000/team/app@sha256:{hex}")));
    let stored_image = &stored(&cluster.kubectl, "revision", "digest")["spec"]["containers"][0]["image"];
    assert_eq!(*stored_image, format!("localhost:5001/team/app@sha256:{hex}"));
    // The old one lives on, and so do its pods, which have the registry of before.
    cluster.kubectl.ok(&["label", "revision", "app", "--namespace=team", "a=b"]);
    pod["metadata"]["name"] = json!("app");
    cluster.kubectl.run_with(&create, &pod.to_string()).failed_with("names the registry `reg.example:5000`");
    pod["metadata"]["labels"] = json!({"serving.knative.dev/revision": "app"});
    cluster.kubectl.ok_with(&create, &pod);
    assert_eq!(image(&cluster, "pod", "/spec/containers/0/image"), digest.as_str());
}

#[test]
fn the_check_knows_both_policies() {
    let (cluster, _controllers) = TestCluster::with_workloads(ONE_NAME);
    let answer = cluster.check(&["--policy=local-registry", "--policy=local-registry-workloads"]);
    let lines: Vec<_> =
        answer.stdout.lines().filter(|line| line.contains(" policy local-registry-workloads")).collect();
    assert_eq!(
        lines,
        [
            "✓ policy local-registry-workloads: it is active, and its policy server serves its newest settings",
            &cluster.webhook_line("local-registry-workloads", "mutatingwebhookconfiguration"),
            "✓ policy local-registry-workloads server: 1 of 1 ready in kubewarden, by the labels kubewarden/policy-server=default",
            "✓ policy local-registry-workloads mode: protect",
            "✓ policy local-registry-workloads failurePolicy: Fail",
            "✓ policy local-registry-workloads rules: they cover pods, ephemeral containers and Knative revisions",
            "✓ policy local-registry-workloads namespaceSelector: it sees only namespaces with kubernetes.io/metadata.name notin (local-registry-check), as it is shipped",
            "✓ policy local-registry-workloads matchConditions: they are among those that this version ships",
            "✓ policy local-registry-workloads settings: they say what the cluster declares, and are served",
            "✓ policy local-registry-workloads runtimeHost: pods and Knative revisions get reg.example:5000",
            "✓ policy local-registry-workloads rights: it needs none, since it looks nothing up",
        ]
    );
}

/// `check --pull` asks the nodes for the portable name by such pods.
#[test]
fn pods_of_the_check_keep_the_portable_name_and_the_guard_looks_at_them_all_the_same() {
    let (cluster, _controllers) = TestCluster::with_workloads(TWO_NAMES);
    let kubectl = &cluster.kubectl;
    kubectl.ok(&["create", "namespace", "local-registry-check"]);
    kubectl.wait_for_service_accounts(&["local-registry-check", "team"]);
    kubectl.wait_for_admission_policies();
    let create = |namespace: &str, names: Option<&str>, image: &str| {
        let mut pod = pod("canary", names, image);
        pod["metadata"]["namespace"] = json!(namespace);
        let output = "--output=jsonpath={.spec.containers[0].image}";
        kubectl.run_with(&["create", "--dry-run=server", output, "-f", "-"], &pod.to_string())
    };
    let portable = "local-registry:5000/local-registry-check/canary";
    assert_eq!(create("local-registry-check", None, portable).ok(&["create"]), portable);
    assert_eq!(create("team", None, portable).ok(&["create"]), "localhost:5001/local-registry-check/canary");
    create("local-registry-check", Some("app"), "team/app:v1")
        .failed_with("is local by the annotation local-registry-hosting/containers");
}

/// The real API server evaluates the conditions as the harness's tests do. No policy server runs here, so a request
/// fails if the API server asks about it, and passes otherwise.
#[test]
fn the_api_server_asks_about_every_case_that_the_policy_answers() {
    let (mut cluster, _controllers) = TestCluster::with_workloads(TWO_NAMES);
    // Some cases are about pods that the guard refuses, so that goes, too.
    cluster.install(&values::usual());
    cluster.reconcile();
    let is_a_pod = |case: &Case| {
        let request = &case.request;
        request["kind"] == json!({"group": "", "version": "v1", "kind": "Pod"})
            && request["subResource"].is_null()
            && request["operation"] != "DELETE"
    };
    let cases: Vec<Case> = case::all().into_iter().filter(is_a_pod).collect();
    let is_update = |case: &Case| case.request["operation"] == "UPDATE";
    for case in cases.iter().filter(|case| is_update(case)) {
        eventually("webhook and guard to be gone", || {
            let old = complete_pod(case, "oldObject").to_string();
            let answer = cluster.kubectl.run_with(&["create", "--validate=ignore", "-f", "-"], &old);
            (!answer.stderr.contains("webhook") && !answer.stderr.contains("guard")).then_some(())
        });
    }
    cluster.install(&values::workloads());
    cluster.redeclare(TWO_NAMES);
    cluster.kubewarden.kill_server(WEBHOOK);
    let (for_labelled, others): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(is_for_labelled);
    let Counts { asked, not_asked } = ask_about(&cluster.kubectl, &others, complete_pod);
    assert!(asked[0] > 20 && asked[1] > 8, "{asked:?}");
    assert!(not_asked[0] > 3 && not_asked[1] > 2, "{not_asked:?}");

    // The condition for labelled namespaces asks about more, and so about all of the others, too.
    cluster.kubectl.ok(&["label", "namespace", "team", "local-registry-hosting/workloads=true"]);
    cluster.install(&values::merged(values::labelled(), values::without_guard()));
    cluster.reconcile();
    cluster.kubewarden.kill_server("clusterwide-local-registry-labelled");
    let cases: Vec<Case> = for_labelled.into_iter().chain(others).collect();
    let Counts { asked, not_asked } = ask_about(&cluster.kubectl, &cases, complete_pod);
    assert!(asked[0] > 30 && asked[1] > 10, "{asked:?}");
    assert!(not_asked[0] > 0 && not_asked[1] > 3, "{not_asked:?}");
}

/// Whether a case has the setting of the policy for labelled namespaces.
pub(crate) fn is_for_labelled(case: &Case) -> bool {
    case.settings["imagesWithoutRegistry"] == "local"
}

/// A pod or revision of a case, with a name of its own.
pub(crate) fn complete_pod(case: &Case, which: &str) -> Value {
    let mut object = case.request[which].clone();
    object["metadata"]["name"] = json!(case.name);
    object["metadata"]["namespace"] = json!("team");
    // The API server adds a volume to containers otherwise, so that replacing a pod always changes its containers.
    if let Some(spec) = object["spec"].as_object_mut().filter(|_| case.request["kind"]["kind"] == "Pod") {
        spec.insert("automountServiceAccountToken".to_owned(), json!(false));
    }
    object
}
