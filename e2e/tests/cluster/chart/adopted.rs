//! What the files of version 0.1.0 have installed becomes a release.

use e2e::{Chart, Crds, TestCluster, values};
use local_registry_testkit::repository::root;
use serde_json::{Value, json};

/// Where the files of that version have the sync job.
const NAMESPACE: &str = "kubewarden";

#[test]
fn the_policy_and_the_sync_job_of_before_stay_and_nothing_is_left_behind() {
    for helm in Chart::HELM {
        let cluster = TestCluster::start(Crds::Plain);
        let file = root().join("e2e/chart/files-0.1.0-policy.yaml");
        let file = file.to_str().unwrap();
        cluster.kubectl.ok(&["apply", "-f", file]);
        cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
        let answer = cluster.sync_in(NAMESPACE, &[]);
        assert_eq!(answer.code, Some(0), "{answer:?}");
        let deployment =
            || cluster.kubectl.json(&["get", "deployment", "local-registry-sync", "--namespace", NAMESPACE]);
        let before = (deployment(), cluster.policy());

        let chart = Chart::of(helm, &cluster.kubectl).in_namespace(NAMESPACE);
        // Helm says whose the objects are.
        chart.try_install(&values::usual(), &[]).failed_with("invalid ownership metadata");
        // As docs/install.md says.
        let arguments = ["--take-ownership", "--server-side=false"];
        let arguments = if helm == "4" { &arguments[..] } else { &arguments[..1] };
        let adopted = chart.try_install(&values::usual(), arguments);
        assert_eq!(adopted.code, Some(0), "Helm {helm}: {adopted:?}");
        let after = (deployment(), cluster.policy());
        let identity = |object: &Value| object["metadata"]["uid"].clone();
        assert_eq!(identity(&after.0), identity(&before.0), "Helm {helm}");
        assert_eq!(identity(&after.1), identity(&before.1), "Helm {helm}");
        // No pod of the sync job is made anew. The policy gets its default as a setting, and keeps its host.
        assert_eq!(after.0["spec"]["template"], before.0["spec"]["template"], "Helm {helm}");
        let settings = json!({"host": "kind-registry:5000", "outputWithoutRegistry": "warn"});
        let mut expected = before.1["spec"].clone();
        expected["settings"] = settings.clone();
        assert_eq!(after.1["spec"], expected, "Helm {helm}");
        assert!(cluster.sync_in(NAMESPACE, &[]).stdout.contains("local-registry: unchanged"), "Helm {helm}");

        // The next upgrade is one as any other.
        chart.install(&values::workloads());
        assert_eq!(cluster.policy()["spec"]["settings"], settings, "Helm {helm}");
        chart.uninstall_without_hooks();
        let left = cluster.kubectl.ok(&["get", "-f", file, "--ignore-not-found", "--output=name"]);
        assert_eq!(left, "", "Helm {helm}");
    }
}
