//! What the chart gives to Prometheus finds its pods.

use local_registry_testkit::monitoring::{assert_jobs_named, assert_scraped};
use serde_json::{Value, json};

use super::{object, objects};

/// Every query of a part's alerts and of its dashboard, as they are rendered.
fn queries(objects: &[Value], name: &str, dashboard: &str) -> Vec<String> {
    let groups = object(objects, "PrometheusRule", name)["spec"]["groups"].as_array().unwrap().iter();
    let alerts = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let dashboard = object(objects, "ConfigMap", dashboard)["data"].as_object().unwrap();
    let dashboard: Value = serde_json::from_str(dashboard.values().next().unwrap().as_str().unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    alerts.chain(targets).map(|asking| asking["expr"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn prometheus_finds_the_pods_is_let_in_and_is_asked_about_them() {
    for nodes in ["local-registry-nodes", "agents"] {
        let objects = objects(&json!({
            "registry": {"enabled": true, "auth": {"enabled": true}},
            "nodes": {"namespace": nodes},
            "monitoring": {"enabled": true},
        }));
        let mut asked = 0;
        for (kind, name, dashboard) in [
            ("Deployment", "registry", "local-registry-registry-dashboard"),
            ("DaemonSet", "local-registry-node", "local-registry-node-dashboard"),
            ("Deployment", "local-registry-sync", "local-registry-sync-dashboard"),
        ] {
            let (monitor, workload) = (object(&objects, "PodMonitor", name), object(&objects, kind, name));
            let of_namespace = |object: &&Value| object["metadata"]["namespace"] == workload["metadata"]["namespace"];
            let policies = objects.iter().filter(|object| object["kind"] == "NetworkPolicy").filter(of_namespace);
            assert_scraped(monitor, workload, &policies.cloned().collect::<Vec<_>>());
            asked += assert_jobs_named(monitor, workload, &queries(&objects, name, dashboard));
        }
        assert!(asked > 5, "only {asked}");
    }
}

#[test]
fn prometheus_may_be_another_one() {
    let objects = objects(&json!({
        "registry": {"enabled": true},
        "monitoring": {"prometheus": {"namespace": "observability", "podLabels": {"app": "prometheus"}}},
    }));
    let policy = object(&objects, "NetworkPolicy", "registry")["spec"]["ingress"].to_string();
    assert!(policy.contains(r#""kubernetes.io/metadata.name":"observability""#), "{policy}");
    assert!(policy.contains(r#""matchLabels":{"app":"prometheus"}"#), "{policy}");
}
