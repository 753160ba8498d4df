//! The service accounts of `deploy/`: they can do their work, and nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

use std::collections::BTreeSet;

use e2e::{Cluster, Crds, Kubectl};
use serde_json::{Value, json};

/// Every right that a service account has in a namespace beyond those that any has, as
/// `group/resource[name] verb`.
fn rights(kubectl: &Kubectl, namespace: &str) -> BTreeSet<String> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    });
    let answer = kubectl.ok_with(&["create", "--validate=false", "--output=json", "-f", "-"], &review);
    let status: Value = serde_json::from_str::<Value>(&answer).unwrap()["status"].clone();
    assert_eq!(status["incomplete"], false, "{status}");
    let mut rights = BTreeSet::new();
    for rule in status["resourceRules"].as_array().unwrap() {
        let list = |key: &str| -> Vec<String> {
            let texts = rule[key].as_array().map(Vec::as_slice).unwrap_or_default();
            texts.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let mut names = list("resourceNames");
        if names.is_empty() {
            names.push("*".to_owned());
        }
        for group in list("apiGroups") {
            for resource in list("resources") {
                for name in &names {
                    rights.extend(list("verbs").iter().map(|verb| format!("{group}/{resource}[{name}] {verb}")));
                }
            }
        }
    }
    rights
}

/// Asserts what a service account may do, namespace by namespace, beyond what any may.
#[track_caller]
fn check(cluster: &Cluster, account: &str, expected: &[(&str, &[&str])]) {
    let kubectl = cluster.control_plane.kubectl_of("kubewarden", account);
    let nobody = cluster.control_plane.kubectl_of("kubewarden", "nobody");
    for (namespace, expected) in expected {
        let found: Vec<String> = rights(&kubectl, namespace).difference(&rights(&nobody, namespace)).cloned().collect();
        assert_eq!(found, *expected, "of {account} in {namespace}");
    }
}

fn start() -> Cluster {
    let cluster = Cluster::start(Crds::Patched);
    cluster.kubectl.ok(&["create", "serviceaccount", "nobody", "--namespace=kubewarden"]);
    cluster
}

const EVENTS: [&str; 2] = ["events.k8s.io/events[*] create", "events.k8s.io/events[*] patch"];
const CONFIG_MAP: [&str; 3] = [
    "/configmaps[local-registry-hosting] get",
    "/configmaps[local-registry-hosting] list",
    "/configmaps[local-registry-hosting] watch",
];

#[test]
fn the_usual_set() {
    let cluster = start();
    cluster.kubectl.ok(&["apply", "-k", "deploy"]);
    let policy = [
        "policies.kubewarden.io/clusteradmissionpolicies[local-registry] get",
        "policies.kubewarden.io/clusteradmissionpolicies[local-registry] patch",
    ];
    check(
        &cluster,
        "local-registry-sync",
        &[
            ("kube-public", &[&CONFIG_MAP[..], &EVENTS[..], &policy[..]].concat()),
            ("default", &[&EVENTS[..], &policy[..]].concat()),
            ("kubewarden", &policy),
            ("team", &policy),
        ],
    );
    let builds: &[&str] = &["shipwright.io/builds[*] get"];
    check(&cluster, "policy-server", &[("kube-public", builds), ("kubewarden", builds), ("team", builds)]);

    // What the API server says to the requests themselves.
    let sync = cluster.control_plane.kubectl_of("kubewarden", "local-registry-sync");
    for arguments in [
        &["get", "configmaps", "--namespace=kube-public"][..],
        &["get", "configmap", "kube-root-ca.crt", "--namespace=kube-public"],
        &["delete", "configmap", "local-registry-hosting", "--namespace=kube-public"],
        &["get", "clusteradmissionpolicies"],
        &["get", "clusteradmissionpolicy", "another"],
        &["delete", "clusteradmissionpolicy", "local-registry"],
        &["patch", "clusteradmissionpolicy", "local-registry", "--subresource=status", "--type=merge", "--patch={}"],
        &["get", "secrets", "--namespace=kubewarden"],
        &["get", "builds.shipwright.io", "--namespace=team"],
        &["get", "crd", "builds.shipwright.io"],
    ] {
        sync.run(arguments).failed_with("is forbidden");
    }
    let server = cluster.control_plane.kubectl_of("kubewarden", "policy-server");
    for arguments in [
        &["get", "builds.shipwright.io", "--namespace=team"][..],
        &["get", "buildrun.shipwright.io", "any", "--namespace=team"],
        &["delete", "build.shipwright.io", "any", "--namespace=team"],
        &["get", "secrets", "--namespace=team"],
        &["get", "clusteradmissionpolicies"],
    ] {
        server.run(arguments).failed_with("is forbidden");
    }
}

#[test]
fn the_guard_and_the_cronjob() {
    let cluster = start();
    cluster.kubectl.ok(&["apply", "-k", "deploy/guard"]);
    let policies = [
        "policies.kubewarden.io/clusteradmissionpolicies[local-registry-guard] get",
        "policies.kubewarden.io/clusteradmissionpolicies[local-registry-guard] patch",
        "policies.kubewarden.io/clusteradmissionpolicies[local-registry] get",
        "policies.kubewarden.io/clusteradmissionpolicies[local-registry] patch",
    ];
    check(
        &cluster,
        "local-registry-sync",
        &[("kube-public", &[&CONFIG_MAP[..], &EVENTS[..], &policies[..]].concat()), ("team", &policies)],
    );
    cluster.kubectl.ok(&["apply", "-k", "deploy/sync-cronjob"]);
    cluster.kubectl.ok(&["get", "cronjob", "local-registry-sync", "--namespace=kubewarden"]);
    check(&cluster, "local-registry-sync", &[("team", &[policies[2], policies[3]])]);
}

#[test]
fn the_namespaced_variant() {
    let cluster = start();
    cluster.kubectl.ok(&["apply", "-k", "deploy/policy-namespaced"]);
    cluster.kubectl.ok(&["apply", "-k", "deploy/sync-namespaced"]);
    let policy = [
        "policies.kubewarden.io/admissionpolicies[local-registry] get",
        "policies.kubewarden.io/admissionpolicies[local-registry] patch",
    ];
    check(
        &cluster,
        "local-registry-sync",
        &[
            ("kube-public", &[&CONFIG_MAP[..], &EVENTS[..]].concat()),
            ("default", &[&EVENTS[..], &policy[..]].concat()),
            ("kubewarden", &[]),
            ("team", &[]),
        ],
    );
    check(&cluster, "policy-server", &[("default", &[]), ("team", &[])]);
}
