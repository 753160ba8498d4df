//! The alias of labelled namespaces, kept with the service account that the chart gives the sync job.

use e2e::{Crds, TestCluster, eventually};
use serde_json::{Value, json};

const HOST: &str = "registry.local-registry.svc.cluster.local";
const SYNC: &str = "--as=system:serviceaccount:local-registry:local-registry-sync";

/// A cluster with the sync job's rights on aliases, whose registry is a Service.
fn installed() -> TestCluster {
    let cluster = TestCluster::start(Crds::Patched);
    cluster.install(&json!({"alias": {"enabled": true}}));
    cluster.kubectl.wait_for_admission_policies();
    cluster.declare(&format!("hostFromClusterNetwork: \"{HOST}:5000\"\n"));
    cluster
}

fn label(cluster: &TestCluster, namespace: &str, label: &str) {
    cluster.kubectl.ok(&["label", "namespace", namespace, &format!("local-registry-hosting/alias{label}")]);
}

/// Where the alias of a namespace leads.
fn alias(cluster: &TestCluster, namespace: &str) -> Option<String> {
    let namespace = format!("--namespace={namespace}");
    let get = [
        "get",
        "service",
        "local-registry",
        &namespace,
        "--ignore-not-found",
        "--output=jsonpath={.spec.externalName}",
    ];
    Some(cluster.kubectl.ok(&get)).filter(|host| !host.is_empty())
}

#[test]
fn a_label_brings_an_alias_and_takes_it_away() {
    let cluster = installed();
    let kubectl = &cluster.kubectl;
    for namespace in ["before", "other", "taken"] {
        kubectl.ok(&["create", "namespace", namespace]);
    }
    let of_a_team = ["create", "service", "clusterip", "local-registry", "--tcp=5000", "--namespace=taken"];
    kubectl.ok(&of_a_team);
    label(&cluster, "before", "=true");
    let sync = cluster.watch(&["--alias", "--resync=2"]);
    let leads = |namespace: &str, host: Option<&str>| {
        eventually(&format!("the alias of {namespace} to lead to {host:?}"), || {
            (alias(&cluster, namespace).as_deref() == host).then_some(())
        });
    };
    leads("before", Some(HOST));
    label(&cluster, "team", "=true");
    label(&cluster, "taken", "=true");
    label(&cluster, "other", "=yes");
    leads("team", Some(HOST));
    let counts = || {
        ["there", "failed", "left-alone", "missing"].map(|state| sync.metric(&format!("aliases{{state=\"{state}\"}}")))
    };
    eventually("the metrics to count them", || (counts() == [Some(2), Some(0), Some(1), Some(0)]).then_some(()));
    assert_eq!(alias(&cluster, "other"), None);
    let stored = kubectl.json(&["get", "service", "local-registry", "--namespace=taken"]);
    assert_eq!(stored["spec"]["type"], "ClusterIP", "{stored}");

    let answer = cluster.check(&[]);
    assert!(
        answer
            .stdout
            .contains("✗ aliases: in its place is a Service local-registry that somebody else has made: taken; "),
        "{answer:?}"
    );

    // What is changed by hand is put back, and what is deleted is made again.
    let edit = r#"--patch={"spec": {"externalName": "evil.example"}}"#;
    kubectl.ok(&["patch", "service", "local-registry", "--namespace=team", "--type=merge", edit]);
    leads("team", Some(HOST));
    kubectl.ok(&["delete", "service", "local-registry", "--namespace=team"]);
    leads("team", Some(HOST));
    for kind in ["ClusterIP", "NodePort", "LoadBalancer"] {
        let spec = json!({"spec": {"type": kind, "externalName": null, "ports": [{"port": 5000}]}});
        let patch =
            ["patch", "service", "local-registry", "--namespace=team", "--type=merge", "--patch", &spec.to_string()];
        kubectl.ok(&patch);
        leads("team", Some(HOST));
    }

    // A label that goes while the sync job is not there.
    drop(sync);
    label(&cluster, "before", "-");
    let answer = cluster.sync(&["--alias", "--dry-run"]);
    assert!(answer.stdout.contains("alias local-registry in before: would be deleted (dry run)"), "{answer:?}");
    let answer = cluster.sync(&["--alias"]);
    assert_eq!(answer.code, Some(1), "the Service of another one is to be looked at: {answer:?}");
    leads("before", None);
    cluster.declare("help: https://example.org");
    assert_eq!(cluster.sync(&["--alias"]).code, Some(0));
    leads("team", None);
}

/// What is different in a Service.
type Change = fn(&mut Value);

/// A Service `local-registry`, as the sync job applies it, but for this.
fn service(change: Change) -> Value {
    let labels =
        json!({"app.kubernetes.io/managed-by": "local-registry-sync", "app.kubernetes.io/part-of": "local-registry"});
    let mut service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "local-registry", "namespace": "team", "labels": labels},
        "spec": {"type": "ExternalName", "externalName": HOST},
    });
    change(&mut service);
    service
}

#[test]
fn the_account_can_make_aliases_and_nothing_else() {
    let cluster = installed();
    let kubectl = &cluster.kubectl;
    kubectl.ok(&["create", "namespace", "unlabelled"]);
    label(&cluster, "team", "=true");
    let apply = |service: &Value| {
        let apply =
            ["apply", "--server-side", "--field-manager=local-registry-sync", "--dry-run=server", SYNC, "-f", "-"];
        kubectl.run_with(&apply, &service.to_string())
    };
    assert_eq!(apply(&service(|_| {})).code, Some(0));
    let other_type = "local-registry-sync may make nothing but a Service of the type ExternalName that leads to a Service of this cluster";
    let metadata = "local-registry-sync may set nothing in the metadata of a Service but its own labels";
    let refused: [(Change, &str); 16] = [
        (|service| service["metadata"]["name"] = json!("registry"), "is forbidden"),
        (|service| service["metadata"]["namespace"] = json!("unlabelled"), "only in namespaces with the label"),
        (|service| service["spec"]["externalName"] = json!("evil.example"), other_type),
        (|service| service["spec"]["externalName"] = json!("a.b.svc.evil.example"), other_type),
        (|service| service["spec"]["externalName"] = json!("a.b.svc.cluster.local.evil.example"), other_type),
        (|service| service["spec"]["externalName"] = json!("a.b.c.svc.cluster.local"), other_type),
        (|service| drop(service["metadata"].as_object_mut().unwrap().remove("labels")), metadata),
        (|service| service["spec"] = json!({"ports": [{"port": 5000}], "selector": {"app": "any"}}), other_type),
        (|service| service["spec"] = json!({"type": "LoadBalancer", "ports": [{"port": 5000}]}), other_type),
        (|service| service["spec"]["externalIPs"] = json!(["192.0.2.1"]), other_type),
        (|service| service["spec"]["ports"] = json!([{"port": 5000}]), other_type),
        (|service| service["spec"]["selector"] = json!({"app": "any"}), other_type),
        (|service| service["metadata"]["labels"]["app"] = json!("web"), metadata),
        (|service| service["metadata"]["labels"]["app.kubernetes.io/managed-by"] = json!("Helm"), metadata),
        (
            |service| service["metadata"]["annotations"] = json!({"external-dns.alpha.kubernetes.io/hostname": "a.b"}),
            metadata,
        ),
        (|service| service["metadata"]["finalizers"] = json!(["example.com/a"]), metadata),
    ];
    for (change, message) in refused {
        apply(&service(change)).failed_with(message);
    }
    let create = ["create", "--dry-run=server", SYNC, "-f", "-"];
    kubectl.run_with(&create, &service(|_| {}).to_string()).failed_with("is forbidden");

    // What it has made itself, and another one has added to.
    let ours = service(|service| {
        service["metadata"]["labels"]["team"] = json!("a");
        service["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "u"}]);
    });
    kubectl.ok_with(&["create", "-f", "-"], &ours);
    // With every right, so that only the ValidatingAdmissionPolicy refuses.
    let patch = |change: &Value| {
        let change = format!("--patch={change}");
        let patch =
            ["patch", "service", "local-registry", "--namespace=team", "--dry-run=server", "--type=merge", &change];
        kubectl.run(&[&patch[..], &[SYNC, "--as-group=system:masters"]].concat())
    };
    assert_eq!(patch(&json!({"spec": {"externalName": "other.infra.svc.cluster.local"}})).code, Some(0));
    for change in [
        json!({"labels": {"team": null}}),
        json!({"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "b", "uid": "u"}]}),
        json!({"ownerReferences": null}),
    ] {
        patch(&json!({"metadata": change})).failed_with(metadata);
    }
    kubectl.ok(&["delete", "service", "local-registry", "--namespace=team"]);

    // What somebody else has made.
    kubectl.ok(&["create", "service", "clusterip", "local-registry", "--tcp=5000", "--namespace=team"]);
    let not_ours = "local-registry-sync may change and delete only a Service that it has made";
    kubectl
        .run_with(
            &["apply", "--server-side", "--force-conflicts", "--field-manager=local-registry-sync", SYNC, "-f", "-"],
            &service(|_| {}).to_string(),
        )
        .failed_with(not_ours);
    kubectl.run(&["delete", "service", "local-registry", "--namespace=team", SYNC]).failed_with(not_ours);
    for arguments in [
        &["get", "services", "--namespace=team"][..],
        &["get", "service", "kubernetes", "--namespace=default"],
        &["delete", "services", "--all", "--namespace=team"],
        &["get", "pods", "--namespace=team"],
        &["get", "namespace", "team"],
        &["label", "namespace", "team", "a=b"],
        &[
            "patch",
            "service",
            "local-registry",
            "--namespace=team",
            "--subresource=status",
            "--type=merge",
            "--patch={}",
        ],
    ] {
        kubectl.run(&[arguments, &[SYNC]].concat()).failed_with("is forbidden");
    }
}
