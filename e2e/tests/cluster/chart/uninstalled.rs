//! What is left of a release that was removed: the images, and nothing else.

use e2e::{Chart, Crds, NAMESPACE, TestCluster, eventually, values};
use local_registry_testkit::repository;
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

/// The objects that Helm makes before it removes a release with these values.
fn hooks(values: &Value) -> Vec<Value> {
    let objects = Chart::alone("4").objects(values);
    objects.into_iter().filter(|object| object["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete").collect()
}

/// Makes what Helm makes for the Jobs of the hooks of such a release.
fn make_all_but_jobs(cluster: &TestCluster, values: &Value) {
    for object in hooks(values).iter().filter(|object| object["kind"] != "Job") {
        cluster.kubectl.ok_with(&["create", "-f", "-"], object);
    }
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
    make_all_but_jobs(&cluster, &values::usual());
    let jobs: Vec<Value> = hooks(&values::usual()).into_iter().filter(|object| object["kind"] == "Job").collect();
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
    make_all_but_jobs(&cluster, &values::usual());
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

/// A hook that is interrupted leaves no account behind without its limits.
#[test]
fn the_limits_of_a_hook_come_before_its_account() {
    let annotation = |object: &Value, name: &str| {
        object["metadata"]["annotations"][format!("helm.sh/{name}")].as_str().unwrap().to_owned()
    };
    let weight = |object: &Value| annotation(object, "hook-weight").parse::<i32>().unwrap();
    let (limits, others): (Vec<Value>, Vec<Value>) = hooks(&values::usual())
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

/// docs/install.md says how to remove what hooks leave behind that were interrupted.
#[test]
fn what_a_hook_leaves_behind_is_removed_by_the_documented_commands() {
    let cluster = TestCluster::start(Crds::Plain);
    let values = json!({"registry": {"enabled": true}, "alias": {"enabled": true}});
    cluster.install(&values);
    let installed = there(&cluster);
    for object in hooks(&values) {
        cluster.kubectl.ok_with(&["create", "-f", "-"], &object);
    }
    assert_eq!(there(&cluster).len(), installed.len() + hooks(&values).len());
    let page = repository::text("docs/install.md").replace(" \\\n   ", "");
    let commands: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("$ kubectl delete ")).collect();
    let commands: Vec<&&str> =
        commands.iter().filter(|command| command.contains("--selector=local-registry-hosting/hook")).collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in commands {
        let arguments: Vec<&str> = ["delete"].into_iter().chain(command.split(' ')).collect();
        cluster.kubectl.ok(&arguments);
    }
    assert_eq!(there(&cluster), installed);
}

#[test]
fn the_account_that_takes_the_agents_away_can_do_nothing_else() {
    let cluster = TestCluster::start(Crds::Plain);
    cluster.install(&values::nodes());
    make_all_but_jobs(&cluster, &values::nodes());
    let (namespace, account) = ("local-registry-nodes", "local-registry-uninstall-nodes");
    let kubectl = cluster.control_plane.kubectl_of(namespace, account);
    for arguments in [
        &["delete", "daemonset", "local-registry-node-clean-up"][..],
        &["patch", "daemonset", "local-registry-node", "--patch={}"],
        &["get", "daemonsets"],
        &["get", "secrets"],
        &["delete", "pod", "any"],
        &["create", "job", "evil", "--image=evil"],
        &["get", "pods", "--namespace=local-registry"],
        &["get", "nodes"],
    ] {
        kubectl.run(&[&["--namespace=local-registry-nodes"], arguments].concat()).failed_with("is forbidden");
    }
    kubectl.ok(&["get", "daemonset", "local-registry-node-clean-up", "--namespace=local-registry-nodes"]);
    let stopped = cluster.run_as(namespace, account, &["agents", "stop"]);
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    let gone = ["get", "daemonset", "local-registry-node", "--namespace=local-registry-nodes"];
    cluster.kubectl.run(&gone).failed_with("not found");
}

#[test]
fn the_hook_of_aliases_deletes_no_other_service() {
    let cluster = TestCluster::start(Crds::Plain);
    let values = json!({"alias": {"enabled": true}});
    cluster.install(&values);
    make_all_but_jobs(&cluster, &values);
    for (namespace, manager) in [("ours", "local-registry-sync"), ("theirs", "Helm")] {
        cluster.kubectl.ok(&["create", "namespace", namespace]);
        let service = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "local-registry", "namespace": namespace, "labels": {"app.kubernetes.io/managed-by": manager},
            },
            "spec": {"type": "ExternalName", "externalName": "registry.local-registry.svc.cluster.local"},
        });
        cluster.kubectl.ok_with(&["create", "-f", "-"], &service);
    }
    let kubectl = cluster.control_plane.kubectl_of(NAMESPACE, "local-registry-uninstall-aliases");
    let theirs = ["delete", "service", "local-registry", "--namespace=theirs", "--dry-run=server"];
    eventually("the limits to be enforced", || (kubectl.run(&theirs).code != Some(0)).then_some(()));
    kubectl.run(&theirs).failed_with("may only delete a Service local-registry that local-registry-sync has made");
    kubectl.run(&["delete", "service", "other", "--namespace=ours"]).failed_with("is forbidden");
    kubectl.run(&["get", "services", "--namespace=ours"]).failed_with("is forbidden");
    kubectl.run(&["patch", "service", "local-registry", "--namespace=ours", "--patch={}"]).failed_with("is forbidden");
    let answer = cluster.run_as(NAMESPACE, "local-registry-uninstall-aliases", &["aliases", "remove"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    cluster.kubectl.ok(&["get", "service", "local-registry", "--namespace=theirs"]);
    cluster.kubectl.run(&["get", "service", "local-registry", "--namespace=ours"]).failed_with("not found");
}

/// The field is for nothing without the policy, whatever removes that.
#[test]
fn an_upgrade_without_the_policy_takes_the_field_out_first() {
    let cluster = TestCluster::start(Crds::Plain);
    for helm in Chart::HELM {
        let chart = Chart::of(helm, &cluster.kubectl);
        let hooks = |values: &Value| {
            let answer = chart.try_install(values, &["--dry-run=server"]);
            assert_eq!(answer.code, Some(0), "{answer:?}");
            answer.stdout.matches("helm.sh/hook: pre-upgrade").count()
        };
        assert_eq!(hooks(&values::registry()), 0, "there is no policy yet");
        chart.install(&values::usual());
        assert_eq!(hooks(&values::usual()), 0);
        assert_eq!(hooks(&json!({"sync": {"crds": false}})), 0, "the policy still resolves");
        assert_eq!(hooks(&values::registry()), 6);
        chart.install(&json!({"alias": {"enabled": true}}));
        assert_eq!(hooks(&values::usual()), 6, "the aliases alone");
        assert_eq!(hooks(&values::registry()), 12);
        chart.uninstall_without_hooks();
        chart.install(&json!({"sync": {"crds": false}}));
        assert_eq!(hooks(&values::registry()), 0, "somebody else keeps the field");
        chart.uninstall_without_hooks();
    }
}
