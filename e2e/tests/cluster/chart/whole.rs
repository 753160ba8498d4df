//! The usual set as a release: what others write into the policy stays, and what a cluster has once is refused a second time.

use e2e::{Chart, ControlPlane, Crds, TestCluster, values};
use serde_json::{Value, json};

use super::release::there;

const HOST: &str = "kind-registry:5000";

/// A cluster with a declared registry.
fn declaring() -> TestCluster {
    let cluster = TestCluster::start(Crds::Plain);
    cluster.declare(&format!("hostFromClusterNetwork: \"{HOST}\"\n"));
    cluster
}

fn settings(cluster: &TestCluster) -> Value {
    cluster.policy()["spec"]["settings"].clone()
}

#[test]
fn the_host_that_the_sync_job_wrote_outlives_every_change_of_the_release() {
    for helm in Chart::HELM {
        let cluster = declaring();
        let chart = Chart::of(helm, &cluster.kubectl);
        chart.install(&values::usual());
        let answer = cluster.sync(&[]);
        assert_eq!(answer.code, Some(0), "{answer:?}");
        let host = json!({"host": HOST, "outputWithoutRegistry": "warn"});
        assert_eq!(settings(&cluster), host, "Helm {helm}");
        let uid = cluster.policy()["metadata"]["uid"].clone();

        let plain_http = json!({"policy": {"insecure": true, "outputWithoutRegistry": "reject"}});
        let with_more = json!({"host": HOST, "insecure": true, "outputWithoutRegistry": "reject"});
        for (values, expected) in [
            (values::usual(), &host),
            (values::both(), &host),
            (plain_http.clone(), &with_more),
            (values::usual(), &host),
            (plain_http, &with_more),
        ] {
            chart.install(&values);
            assert_eq!(settings(&cluster), *expected, "Helm {helm}: {values}");
        }
        chart.roll_back();
        assert_eq!(settings(&cluster), host, "Helm {helm}");
        chart.roll_back();
        assert_eq!(settings(&cluster), with_more, "Helm {helm}");
        // What somebody sets by hand is put back by force, and what the sync job has set is not. Helm 3 compares nothing but what it
        // rendered before with what it renders now.
        if helm == "4" {
            cluster.patch_policy("merge", &json!({"spec": {"settings": {"insecure": false}}}));
            chart.force(&json!({"policy": {"insecure": true}}));
            assert_eq!(settings(&cluster), json!({"host": HOST, "insecure": true, "outputWithoutRegistry": "warn"}));
        }
        assert_eq!(cluster.policy()["metadata"]["uid"], uid, "Helm {helm}");
        assert!(cluster.sync(&[]).stdout.contains("local-registry: unchanged"), "Helm {helm}");
    }
}

/// Whoever has the account of the sync job can do no more than the operator allows.
#[test]
fn the_sync_job_sets_only_hosts_that_the_operator_allows() {
    let cluster = TestCluster::start(Crds::Plain);
    cluster.install(&json!({"sync": {"allowHosts": ["*.svc.cluster.local:5000", "kind-registry:5000"]}}));
    cluster.kubectl.wait_for_admission_policies();
    for (host, is_allowed) in [
        ("kind-registry:5000", true),
        ("registry.infra.svc.cluster.local:5000", true),
        ("evil.example:5000", false),
        ("kind-registry:50001", false),
        ("kind-registryx5000.example", false),
        ("a:1.svc.cluster.local:5000", false),
        ("registry.svc-cluster.local:5000", false),
    ] {
        for key in ["host", "runtimeHost"] {
            let policy = json!({
                "apiVersion": "policies.kubewarden.io/v1",
                "kind": "ClusterAdmissionPolicy",
                "metadata": {"name": "local-registry"},
                "spec": {"settings": {key: host}},
            });
            let apply = [
                "apply",
                "--server-side",
                "--field-manager=local-registry-sync",
                "--as=system:serviceaccount:local-registry:local-registry-sync",
                "--dry-run=server",
                "-f",
                "-",
            ];
            let answer = cluster.kubectl.run_with(&apply, &policy.to_string());
            assert_eq!(answer.code == Some(0), is_allowed, "{key}: {host}: {answer:?}");
            if !is_allowed {
                assert!(answer.stderr.contains("local-registry-sync may set no host"), "{key}: {host}: {answer:?}");
            }
        }
    }
}

#[test]
fn plain_http_follows_the_registry_of_the_release() {
    let cluster = TestCluster::start(Crds::Plain);
    for (values, insecure) in [
        (json!({"registry": {"enabled": true}}), json!(true)),
        (json!({"registry": {"enabled": true}, "policy": {"insecure": false}}), json!(false)),
        (json!({"registry": {"enabled": true, "tls": {"enabled": true, "certManager": false}}}), json!(false)),
        (json!({"registry": {"enabled": true, "declaration": {"enabled": false}}}), Value::Null),
        (values::usual(), Value::Null),
    ] {
        cluster.install(&values);
        assert_eq!(settings(&cluster)["insecure"], insecure, "{values}");
    }
}

/// Asserts that a release in this namespace is refused, by both releases of Helm, with all of this.
#[track_caller]
fn refused(cluster: &TestCluster, namespace: &str, values: &Value, says: &[&str]) {
    for helm in Chart::HELM {
        let answer = Chart::of(helm, &cluster.kubectl).in_namespace(namespace).try_install(values, &[]);
        assert_eq!(answer.code, Some(1), "Helm {helm}: {values}");
        for text in says {
            assert!(answer.stderr.contains(text), "Helm {helm}: expected: {text}\nfound: {}", answer.stderr);
        }
    }
}

#[test]
fn a_second_release_cannot_take_what_a_cluster_has_once() {
    let cluster = TestCluster::start(Crds::Plain);
    cluster.install(&values::both());
    let before = there(&cluster);
    let owner = "belongs to the Helm release local-registry/local-registry";
    refused(&cluster, "other", &values::usual(), &["policy.enabled: ", owner, "set policy.enabled=false"]);
    let pods = values::without_policy(values::workloads());
    refused(&cluster, "other", &pods, &["workloads.enabled: ", owner, "set workloads.enabled=false"]);
    refused(&cluster, "other", &values::guard_alone(), &["guard.enabled: ", owner, "set guard.enabled=false"]);
    assert_eq!(there(&cluster), before);

    // Policies for one namespace are beside each other, and beside that for all.
    for namespace in ["apps", "shop"] {
        Chart::of("4", &cluster.kubectl).in_namespace(namespace).install(&values::namespaced());
    }
    let policies = cluster.kubectl.json(&["get", "admissionpolicies", "--all-namespaces"]);
    assert_eq!(policies["items"].as_array().map(Vec::len), Some(2), "{policies}");
    // And each release takes with it what is its own.
    let apps = Chart::of("4", &cluster.kubectl).in_namespace("apps");
    apps.uninstall();
    let left = there(&cluster);
    assert!(left.iter().all(|object| !object.contains("apps")), "{left:?}");
    Chart::of("4", &cluster.kubectl).in_namespace("shop").uninstall();
    assert_eq!(there(&cluster), before);
}

#[test]
fn without_kubewarden_policies_are_refused_and_all_else_is_installed() {
    let control_plane = ControlPlane::start();
    let kubectl = control_plane.kubectl();
    for helm in Chart::HELM {
        let chart = Chart::of(helm, &kubectl);
        let pods = values::without_policy(values::workloads());
        for (values, key) in [
            (values::usual(), "policy.enabled"),
            (json!({"registry": {"enabled": true}}), "policy.enabled"),
            (values::namespaced(), "policy.enabled"),
            (pods, "workloads.enabled"),
        ] {
            let answer = chart.try_install(&values, &[]);
            assert_eq!(answer.code, Some(1), "Helm {helm}: {values}");
            let expected = format!(
                "{key}: is true, and this cluster does not serve policies.kubewarden.io/v1; install Kubewarden first"
            );
            assert!(answer.stderr.contains(&expected), "Helm {helm}: {values}: {}", answer.stderr);
        }
    }
    let chart = Chart::of("4", &kubectl);
    chart.install(&values::registry());
    chart.install(&values::merged(values::registry(), values::guard_alone()));
}
