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
    for (nodes, asking) in [("local-registry-nodes", "auth"), ("agents", "tenants")] {
        let objects = objects(&json!({
            "registry": {"enabled": true, asking: {"enabled": true}},
            "nodes": {"namespace": nodes},
            "monitoring": {"enabled": true},
        }));
        let scraped = |kind, name| {
            let (monitor, workload) = (object(&objects, "PodMonitor", name), object(&objects, kind, name));
            let of_namespace = |object: &&Value| object["metadata"]["namespace"] == workload["metadata"]["namespace"];
            let policies = objects.iter().filter(|object| object["kind"] == "NetworkPolicy").filter(of_namespace);
            assert_scraped(monitor, workload, &policies.cloned().collect::<Vec<_>>());
            (monitor, workload)
        };
        let mut registry = vec![scraped("Deployment", "registry")];
        if asking == "tenants" {
            registry.push(scraped("Deployment", "registry-token"));
            registry.push(scraped("Deployment", "registry-credentials"));
        }
        let agent = [scraped("DaemonSet", "local-registry-node")];
        let sync = [scraped("Deployment", "local-registry-sync")];
        let mut asked = 0;
        for (scraped, name, dashboard) in [
            (&registry[..], "registry", "local-registry-registry-dashboard"),
            (&agent, "local-registry-node", "local-registry-node-dashboard"),
            (&sync, "local-registry-sync", "local-registry-sync-dashboard"),
        ] {
            let others = [r#"job="registry-token""#, r#"job="registry-credentials""#];
            let about_others = |query: &String| asking == "auth" && others.iter().any(|other| query.contains(other));
            let queries: Vec<String> = queries(&objects, name, dashboard);
            let queries: Vec<String> = queries.into_iter().filter(|query| !about_others(query)).collect();
            asked += assert_jobs_named(scraped, &queries);
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
