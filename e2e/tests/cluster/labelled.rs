//! `workloads.namespaces`: in labelled namespaces, every image without a registry is local.

use e2e::{Kubectl, NAMESPACE, Process, TestCluster, eventually, values};
use serde_json::{Value, json};

use crate::asked::IS_DOWN;

/// Nodes and pods know the registry by two names, as in the recipe of KinD.
const TWO_NAMES: &str = "host: \"localhost:5001\"\nhostFromClusterNetwork: \"kind-registry:5000\"\n";
const LABEL: &str = "local-registry-hosting/workloads";
const POLICIES: [&str; 3] =
    ["--policy=local-registry", "--policy=local-registry-workloads", "--policy=local-registry-labelled"];
const WEBHOOK: &str = "clusterwide-local-registry-labelled";

/// A cluster whose namespace `team` is labelled, and `other` is not.
fn start() -> (TestCluster, Process) {
    let (mut cluster, controllers) = TestCluster::with_workloads(TWO_NAMES);
    let kubectl = &cluster.kubectl;
    kubectl.ok(&["create", "namespace", "other"]);
    kubectl.ok(&["label", "namespace", "team", &format!("{LABEL}=true")]);
    cluster.install(&values::both());
    kubectl.wait_for_service_accounts(&["other", "team"]);
    kubectl.wait_for_admission_policies();
    let answer = cluster.sync(&POLICIES);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    cluster.reconcile();
    (cluster, controllers)
}

fn pod(name: &str, namespace: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [{"name": "app", "image": image}]},
    })
}

/// A pod as it is stored, or would be.
fn stored(kubectl: &Kubectl, pod: &Value) -> Value {
    let answer = kubectl.run_with(&["create", "--dry-run=server", "--output=json", "-f", "-"], &pod.to_string());
    serde_json::from_str(&answer.ok(&["create"])).unwrap()
}

fn image(kubectl: &Kubectl, pod: &Value) -> String {
    stored(kubectl, pod)["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()
}

#[test]
fn a_labelled_namespace_needs_no_annotation_and_another_is_never_asked() {
    let (mut cluster, _controllers) = start();
    let kubectl = &cluster.kubectl;
    // A chart as somebody else wrote it, with a sidecar of another registry.
    let containers =
        json!([{"name": "app", "image": "team/app:v1"}, {"name": "proxy", "image": "registry.example/proxy:v3"}]);
    let template = json!({"metadata": {"labels": {"app": "app"}}, "spec": {"containers": containers}});
    let spec = json!({"replicas": 1, "selector": {"matchLabels": {"app": "app"}}, "template": template});
    for namespace in ["team", "other"] {
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app", "namespace": namespace}, "spec": spec});
        kubectl.ok_with(&["apply", "-f", "-"], &deployment);
        let pod = eventually("a pod of the Deployment", || {
            let pods = kubectl.json(&["get", "pods", "--selector=app=app", &format!("--namespace={namespace}")]);
            pods["items"].get(0).cloned()
        });
        let images = |object: &Value| {
            let all = object["spec"]["containers"].as_array().unwrap().iter();
            all.map(|container| container["image"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let resolved = if namespace == "team" { "localhost:5001/team/app:v1" } else { "team/app:v1" };
        assert_eq!(images(&pod), [resolved, "registry.example/proxy:v3"]);
        let written = kubectl.json(&["get", "deployment", "app", &format!("--namespace={namespace}")]);
        assert_eq!(images(&written["spec"]["template"]), ["team/app:v1", "registry.example/proxy:v3"]);
        // Applying it again is no change.
        let again = kubectl.run_with(&["apply", "-f", "-"], &deployment.to_string()).ok(&["apply"]);
        assert!(again.trim_end().ends_with("unchanged"), "{again}");
    }

    assert_eq!(image(kubectl, &pod("bare", "team", "nginx")), "localhost:5001/nginx");
    let mut model = pod("model", "team", "registry.example/app");
    model["spec"]["volumes"] = json!([{"name": "model", "image": {"reference": "team/model:v1"}}]);
    let model = stored(kubectl, &model);
    let mut volumes = model["spec"]["volumes"].as_array().unwrap().iter();
    let model = volumes.find(|volume| volume["name"] == "model").unwrap();
    assert_eq!(model["image"]["reference"], "localhost:5001/team/model:v1");
    // An annotation keeps its meaning.
    let mut typo = pod("typo", "team", "team/app:v1");
    typo["metadata"]["annotations"] = json!({"local-registry-hosting/containers": "ap"});
    kubectl.run_with(&["create", "-f", "-"], &typo.to_string()).failed_with("no container is named `ap`");

    kubectl.ok_with(&["create", "-f", "-"], &pod("app", "team", "team/app:v1"));
    let debug = [
        "debug",
        "app",
        "--namespace=team",
        "--attach=false",
        "--profile=general",
        "--container=debug",
        "--image=busybox",
    ];
    kubectl.ok(&debug);
    let app = kubectl.json(&["get", "pod", "app", "--namespace=team"]);
    assert_eq!(app["spec"]["ephemeralContainers"][0]["image"], "localhost:5001/busybox");

    // While the policy server is down, only an image without a registry waits for it, and only here.
    cluster.kubewarden.kill_server(WEBHOOK);
    let kubectl = &cluster.kubectl;
    kubectl.run_with(&["create", "-f", "-"], &pod("down", "team", "team/app:v1").to_string()).failed_with(IS_DOWN);
    assert_eq!(image(kubectl, &pod("down", "team", "registry.example/app")), "registry.example/app");
    assert_eq!(image(kubectl, &pod("down", "other", "team/app:v1")), "team/app:v1");
    kubectl.ok(&["label", "pod", "app", "--namespace=team", "a=b"]);
    kubectl.ok(&["delete", "pod", "app", "--namespace=team", "--grace-period=0", "--force"]);
}

#[test]
fn without_the_policy_the_guard_refuses_until_the_label_goes() {
    let (mut cluster, _controllers) = start();
    cluster.kubectl.ok(&["delete", "clusteradmissionpolicy", "local-registry-labelled"]);
    cluster.reconcile();
    let kubectl = &cluster.kubectl;
    let refused = "container app: the image team/app:v1 names no registry, so it is local in this namespace";
    let create = |namespace: &str, image: &str| {
        let pod = pod("new", namespace, image).to_string();
        kubectl.run_with(&["create", "--dry-run=server", "-f", "-"], &pod)
    };
    // The API server takes a moment to forget the webhook.
    eventually("the guard to refuse", || create("team", "team/app:v1").stderr.contains(refused).then_some(()));
    create("team", "registry.example/app").ok(&["create"]);
    create("other", "team/app:v1").ok(&["create"]);
    kubectl.ok(&["label", "namespace", "team", &format!("{LABEL}-")]);
    eventually("the API server to know that the label is gone", || {
        (create("team", "team/app:v1").code == Some(0)).then_some(())
    });
}

#[test]
fn the_sync_job_and_the_check_know_the_policy() {
    let (mut cluster, _controllers) = start();
    let policy = ["clusteradmissionpolicy", "local-registry-labelled"];
    let settings =
        |cluster: &TestCluster| cluster.kubectl.json(&[&["get"], &policy[..]].concat())["spec"]["settings"].clone();
    let expected = json!({
        "host": "kind-registry:5000", "runtimeHost": "localhost:5001",
        "imagesWithoutRegistry": "local", "knativeTags": "resolved",
    });
    assert_eq!(settings(&cluster), expected);
    // The sync job owns what the cluster declares, and its account can change nothing else.
    let sync = cluster.control_plane.kubectl_of(NAMESPACE, "local-registry-sync");
    let patch = r#"{"spec":{"settings":{"imagesWithoutRegistry":"asWritten"}}}"#;
    sync.run(&[&["patch"], &policy[..], &["--type=merge", "--patch", patch]].concat())
        .failed_with("local-registry-sync may change no settings of a policy but host, runtimeHost and help");

    let about_it = |cluster: &TestCluster| {
        let answer = cluster.check(&POLICIES);
        let about = |line: &&str| line.contains("local-registry-labelled") && !line.contains(" safeguards: ");
        answer.stdout.lines().filter(about).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let found = about_it(&cluster);
    assert!(found.len() > 10 && found.iter().all(|line| line.starts_with('✓')), "{found:#?}");
    assert!(found.iter().any(|line| line.starts_with("✓ guard local-registry-labelled-guard: ")), "{found:#?}");

    cluster.kubectl.ok(&[&["patch"], &policy[..], &["--type=merge", "--patch", patch]].concat());
    cluster.kubectl.ok(&["delete", "validatingadmissionpolicybinding", "local-registry-labelled-guard"]);
    cluster.reconcile();
    let found = about_it(&cluster);
    let trouble: Vec<_> = found.iter().filter(|line| !line.starts_with('✓')).collect();
    assert_eq!(trouble.len(), 2, "{trouble:#?}");
    assert!(trouble[0].starts_with("✗ policy local-registry-labelled settings.imagesWithoutRegistry: it is asWritten"));
    assert!(
        trouble[1].starts_with("✗ guard local-registry-labelled-guard: there is no ValidatingAdmissionPolicyBinding")
    );

    let sync = cluster.watch(&POLICIES);
    for metric in [
        r#"policy_served{policy="local-registry-labelled"}"#,
        r#"guard_enforced{guard="local-registry-labelled-guard"}"#,
    ] {
        eventually("the metric to say what is missing", || (sync.metric(metric) == Some(0)).then_some(()));
    }
}
