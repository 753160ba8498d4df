//! What is left of a release that was removed: the images, and nothing else.

use e2e::{Chart, Crds, NAMESPACE, TestCluster, eventually, values};
use serde_json::{Value, json};

use super::release::there;
use crate::crds::{KINDS, stored, with_the_field};

#[test]
fn nothing_of_the_release_is_left_but_the_claim_of_the_images() {
    for helm in Chart::HELM {
        let cluster = TestCluster::start(Crds::Plain);
        // They remove what is in a namespace that goes.
        let _controllers = cluster.control_plane.start_controllers();
        let before = there(&cluster);
        let chart = Chart::of(helm, &cluster.kubectl);
        chart.install(&json!({
            "registry": {"enabled": true, "auth": {"enabled": true}},
            "workloads": {"enabled": true, "namespaces": "both"},
            "alias": {"enabled": true},
            "check": {"pull": true},
        }));
        let installed = there(&cluster);
        for object in [
            "ClusterAdmissionPolicy /local-registry",
            "ClusterAdmissionPolicy /local-registry-labelled",
            "Deployment local-registry/local-registry-sync",
            "Deployment local-registry/registry",
            "ValidatingAdmissionPolicy /local-registry-workloads-guard",
        ] {
            assert!(installed.contains(&object.to_owned()), "{object}: not in {installed:?}");
        }
        chart.uninstall_without_hooks();
        let mut expected = before;
        expected.push("PersistentVolumeClaim local-registry/registry".to_owned());
        eventually(&format!("Helm {helm}: what is left: {:?}", there(&cluster)), || {
            (there(&cluster) == expected).then_some(())
        });
        for namespace in ["local-registry-nodes", "local-registry-check"] {
            let get = ["get", "namespace", namespace, "--ignore-not-found", "--output=name"];
            eventually("the release's own namespaces to go", || cluster.kubectl.ok(&get).is_empty().then_some(()));
        }
    }
}

/// The objects that Helm makes before it removes the release.
fn hooks() -> Vec<Value> {
    let objects = Chart::alone("4").objects(&values::usual());
    objects.into_iter().filter(|object| object["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete").collect()
}

#[test]
fn the_field_goes_before_the_release_though_the_sync_job_still_runs() {
    let cluster = TestCluster::start(Crds::Plain);
    let before = KINDS.map(|(_, name)| stored(&cluster, name));
    cluster.install(&values::usual());
    let sync = cluster.watch(&["--crds", "--settle=0"]);
    for (kind, name) in KINDS {
        with_the_field(&cluster, kind, name);
    }

    // No pod runs here. So this does what Helm and the pod of its hook do.
    let (jobs, rights): (Vec<Value>, Vec<Value>) = hooks().into_iter().partition(|object| object["kind"] == "Job");
    for object in &rights {
        cluster.kubectl.ok_with(&["create", "-f", "-"], object);
    }
    let [job] = &jobs[..] else { panic!("{jobs:?}") };
    let pod = &job["spec"]["template"]["spec"];
    let arguments: Vec<&str> =
        pod["containers"][0]["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap()).collect();
    let account = pod["serviceAccountName"].as_str().unwrap();
    let answer = cluster.run_as(NAMESPACE, account, &arguments);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!(KINDS.map(|(_, name)| stored(&cluster, name)), before);

    // Whatever wakes the sync job, it cannot put the field back.
    let refusals = || sync.process.log().matches("is forbidden").count();
    let seen = refusals();
    for (_, name) in KINDS {
        cluster.kubectl.ok(&["annotate", "crd", &format!("{name}.shipwright.io"), "woken=yes"]);
    }
    eventually("the sync job to try", || (refusals() > seen).then_some(()));
    for (_, name) in KINDS {
        cluster.kubectl.ok(&["annotate", "crd", &format!("{name}.shipwright.io"), "woken-"]);
    }
    assert_eq!(KINDS.map(|(_, name)| stored(&cluster, name)), before);

    // A second time, when the rights of the sync job are gone already, is no error.
    let again = cluster.run_as(NAMESPACE, account, &arguments);
    assert_eq!(again.code, Some(0), "{again:?}");
    Chart::of("4", &cluster.kubectl).uninstall_without_hooks();
    assert_eq!(KINDS.map(|(_, name)| stored(&cluster, name)), before);
}

#[test]
fn the_account_of_the_hook_can_remove_the_field_and_one_right() {
    let cluster = TestCluster::start(Crds::Patched);
    cluster.install(&values::usual());
    for object in hooks().iter().filter(|object| object["kind"] != "Job") {
        cluster.kubectl.ok_with(&["create", "-f", "-"], object);
    }
    let kubectl = cluster.control_plane.kubectl_of(NAMESPACE, "local-registry-uninstall");
    for arguments in [
        &["get", "crds"][..],
        &["delete", "crd", "builds.shipwright.io"],
        &["get", "crd", "clusteradmissionpolicies.policies.kubewarden.io"],
        &["delete", "clusterrolebinding", "local-registry-policy"],
        &["get", "clusterrolebinding", "local-registry-sync"],
        &["get", "clusteradmissionpolicy", "local-registry"],
        &["delete", "clusteradmissionpolicy", "local-registry"],
        &["get", "secrets", "--namespace=local-registry"],
        &["get", "builds.shipwright.io", "--namespace=team"],
    ] {
        kubectl.run(arguments).failed_with("is forbidden");
    }
    kubectl.ok(&["get", "crd", "builds.shipwright.io"]);
    // It has limits of its own, which stay where the release goes and the account does not.
    Chart::of("4", &cluster.kubectl).uninstall_without_hooks();
    let evil = r#"--patch={"metadata": {"annotations": {"evil": "x"}}}"#;
    let patch = ["patch", "crd", "builds.shipwright.io", "--type=merge", evil, "--dry-run=server"];
    eventually("the limits to be enforced", || (kubectl.run(&patch).code != Some(0)).then_some(()));
    kubectl.run(&patch).failed_with("local-registry-uninstall may not change the metadata of a CRD");
}

/// Of what a hook that was interrupted leaves behind, the limits come first and go last.
#[test]
fn the_limits_of_the_hook_outlive_its_account() {
    let annotation = |object: &Value, name: &str| {
        object["metadata"]["annotations"][format!("helm.sh/{name}")].as_str().unwrap().to_owned()
    };
    let weight = |object: &Value| annotation(object, "hook-weight").parse::<i32>().unwrap();
    let (limits, others): (Vec<Value>, Vec<Value>) = hooks()
        .into_iter()
        .partition(|object| object["kind"].as_str().unwrap().starts_with("ValidatingAdmissionPolicy"));
    assert_eq!(limits.len(), 2);
    assert!(limits.iter().map(weight).max() < others.iter().map(weight).min());
    for object in &limits {
        assert_eq!(annotation(object, "hook-delete-policy"), "before-hook-creation,hook-succeeded");
    }
    for object in others.iter().filter(|object| object["kind"] != "Job") {
        assert!(annotation(object, "hook-delete-policy").contains("hook-failed"), "{object}");
    }
}
