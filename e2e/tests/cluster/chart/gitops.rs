//! The chart, as Argo CD and Flux apply it: what others write into its objects is no difference for them.

use e2e::{Chart, Crds, TestCluster, values};
use serde_json::{Value, json};

/// Argo CD renders the chart and applies it by server-side apply. Flux installs it as Helm does. Both look for differences by a
/// server-side dry run as themselves.
#[test]
fn neither_argo_cd_nor_flux_sees_a_difference_after_the_sync_job_has_written() {
    let values = values::merged(values::both(), json!({"registry": {"enabled": true}}));
    let is_hook = |object: &Value| !object["metadata"]["annotations"]["helm.sh/hook"].is_null();
    for (manager, is_applied) in [("argocd-controller", true), ("helm-controller", false)] {
        let cluster = TestCluster::start(Crds::Plain);
        let chart = Chart::of("4", &cluster.kubectl);
        let objects: Vec<Value> =
            Chart::alone("4").objects(&values).into_iter().filter(|object| !is_hook(object)).collect();
        let manager = format!("--field-manager={manager}");
        let [by_server, by_force] = ["--server-side", "--force-conflicts"];
        let all = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        if is_applied {
            cluster.kubectl.ok(&["create", "namespace", "local-registry"]);
            // The objects of a namespace come before it in the list.
            let (first, rest): (Vec<&Value>, Vec<&Value>) =
                objects.iter().partition(|object| object["kind"] == "Namespace");
            for items in [first, rest] {
                let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
                cluster.kubectl.ok_with(&["apply", by_server, by_force, &manager, "-f", "-"], &list);
            }
        } else {
            chart.install(&values);
        }
        let diff = || {
            let answer =
                cluster.kubectl.run_with(&["diff", by_server, by_force, &manager, "-f", "-"], &all.to_string());
            assert_eq!(answer.code, Some(0), "{manager}: {answer:?}");
        };
        diff();
        // The registry of the release is declared by it.
        let answer = cluster.sync(&["--policy=local-registry,local-registry-workloads,local-registry-labelled"]);
        assert_eq!(answer.code, Some(0), "{answer:?}");
        assert_eq!(cluster.policy()["spec"]["settings"]["host"], "registry.local-registry.svc.cluster.local:5000");
        diff();
    }
}
