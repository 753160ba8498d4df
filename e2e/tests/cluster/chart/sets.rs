//! Sets of values: what is rendered is what was read in review, and the API server takes it.

use std::collections::BTreeSet;
use std::fmt::Write;

use e2e::{Chart, Crds, TestCluster};
use local_registry_testkit::repository::{self, root};
use serde_json::{Value, json};

/// Every set, with its name, in the order of the file.
fn sets() -> Vec<(String, Value)> {
    let sets = repository::read("e2e/chart/sets.yaml");
    let order: Vec<String> = repository::text("e2e/chart/sets.yaml")
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()))
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(sets.as_object().unwrap().len(), order.len());
    order.into_iter().map(|name| (name.clone(), sets[&name].clone())).collect()
}

/// The pod that an object is or makes.
fn pod(object: &Value) -> &Value {
    match object["kind"].as_str().unwrap_or_default() {
        "Pod" => &object["spec"],
        "CronJob" => &object["spec"]["jobTemplate"]["spec"]["template"]["spec"],
        _ => &object["spec"]["template"]["spec"],
    }
}

/// What a reviewer wants to know of an object: which one it is, what it runs, and what it lets whom do.
fn summary(object: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| {
        let items: Vec<String> = value.as_array().into_iter().flatten().map(text).collect();
        items.join(",")
    };
    let metadata = &object["metadata"];
    let namespace = metadata["namespace"].as_str().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    let name = format!("{} {namespace}{}", text(&object["kind"]), text(&metadata["name"]));
    let mut lines = vec![name.clone()];
    let pod = pod(object);
    for kind in ["initContainers", "containers"] {
        for container in pod[kind].as_array().into_iter().flatten() {
            let arguments = [&container["command"], &container["args"]].map(list).join(" ");
            let (place, image) = (format!("{name}: {}", text(&container["name"])), text(&container["image"]));
            lines.push(format!("{place} runs {image} {}", arguments.trim()));
            for variable in container["env"].as_array().into_iter().flatten() {
                lines.push(format!("{place} with {variable}"));
            }
            for part in ["envFrom", "ports", "volumeMounts", "resources", "securityContext"] {
                lines.push(format!("{place}: {part} {}", container[part]));
            }
        }
    }
    for part in ["nodeSelector", "tolerations", "affinity", "securityContext", "imagePullSecrets"] {
        if !pod[part].is_null() {
            lines.push(format!("{name}: {part} {}", pod[part]));
        }
    }
    let is_whole = ["ConfigMap", "NetworkPolicy", "PersistentVolumeClaim", "Service", "PodMonitor", "Certificate"];
    if is_whole.iter().any(|kind| object["kind"] == **kind) && metadata["labels"]["grafana_dashboard"].is_null() {
        let whole = if object["spec"].is_null() { &object["data"] } else { &object["spec"] };
        lines.push(format!("{name}: {whole}"));
    }
    // What is in the `spec` of these beside it are the rules and conditions of files that tests read as they are.
    if ["ClusterAdmissionPolicy", "AdmissionPolicy"].iter().any(|kind| object["kind"] == **kind) {
        for part in ["module", "policyServer", "mutating", "failurePolicy", "settings"] {
            lines.push(format!("{name}: {part} {}", object["spec"][part]));
        }
    }
    if object["kind"] == "ValidatingAdmissionPolicy" {
        for condition in object["spec"]["matchConditions"].as_array().into_iter().flatten() {
            lines.push(format!("{name}: asked if {}", condition["expression"]));
        }
        for rule in object["spec"]["validations"].as_array().into_iter().flatten() {
            lines.push(format!("{name}: allows {}", rule["expression"]));
        }
    }
    for key in ["labels", "annotations"] {
        // The first two are on everything, and the third is a hash.
        let of_helm = ["helm.sh/chart", "app.kubernetes.io/managed-by", "local-registry-hosting/made-of"];
        let members = metadata[key].as_object().into_iter().flatten();
        let own: serde_json::Map<_, _> = members
            .filter(|(key, _)| !of_helm.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if !own.is_empty() {
            lines.push(format!("{name}: {key} {}", Value::from(own)));
        }
    }
    for volume in pod["volumes"].as_array().into_iter().flatten() {
        let mut volume = volume.clone();
        let place = volume["name"].take();
        volume.as_object_mut().unwrap().remove("name");
        lines.push(format!("{name}: volume {} {volume}", text(&place)));
    }
    for rule in object["rules"].as_array().into_iter().flatten() {
        let names = if rule["resourceNames"].is_null() { "any".to_owned() } else { list(&rule["resourceNames"]) };
        lines.push(format!("{name}: may {} {} of {names}", list(&rule["verbs"]), list(&rule["resources"])));
    }
    for subject in object["subjects"].as_array().into_iter().flatten() {
        let role = format!("{} {}", text(&object["roleRef"]["kind"]), text(&object["roleRef"]["name"]));
        lines.push(format!("{name}: {role} to {}/{}", text(&subject["namespace"]), text(&subject["name"])));
    }
    lines
}

/// The lines of the first set, and how those of each other set differ from the one before it that they are most like. Both releases of
/// Helm render the same.
fn summaries() -> String {
    let sets: Vec<(String, BTreeSet<String>)> = sets()
        .into_iter()
        .map(|(name, values)| {
            let [old, objects] = Chart::HELM.map(|helm| Chart::alone(helm).objects(&values));
            assert_eq!(old, objects, "{name}");
            (name, objects.iter().flat_map(summary).collect())
        })
        .collect();
    let mut text = String::new();
    for (index, (name, lines)) in sets.iter().enumerate() {
        let differs = |(_, before): &&(String, BTreeSet<String>)| before.symmetric_difference(lines).count();
        match sets[..index].iter().min_by_key(differs) {
            None => {
                writeln!(text, "# {name}").unwrap();
                for line in lines {
                    writeln!(text, "{line}").unwrap();
                }
            }
            Some((nearest, before)) => {
                assert_ne!(before, lines, "{name}: it renders what {nearest} renders");
                writeln!(text, "# {name}: {nearest}, but").unwrap();
                before.difference(lines).for_each(|line| writeln!(text, "- {line}").unwrap());
                lines.difference(before).for_each(|line| writeln!(text, "+ {line}").unwrap());
            }
        }
        writeln!(text).unwrap();
    }
    // A publisher writes other names into the chart.
    let values = repository::read("charts/local-registry/values.yaml");
    for (pointer, name) in [
        ("/image/repository", "local-registry-sync"),
        ("/policy/module/repository", "local-registry-policy"),
        ("/promote/image/repository", "local-registry-promote"),
        ("/help", "HELP"),
    ] {
        text = text.replace(values.pointer(pointer).and_then(Value::as_str).unwrap(), name);
    }
    text
}

/// `BLESS=1` writes what is rendered now. Read the difference.
#[test]
fn objects_rights_and_images_are_those_that_were_reviewed() {
    let path = root().join("e2e/chart/summaries.txt");
    let rendered = summaries();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &rendered).unwrap();
    }
    let reviewed = std::fs::read_to_string(&path).unwrap();
    for (rendered, reviewed) in rendered.lines().zip(reviewed.lines()) {
        assert_eq!(rendered, reviewed, "e2e/chart/summaries.txt: BLESS=1 writes it anew");
    }
    assert_eq!(rendered.lines().count(), reviewed.lines().count());
    assert!(sets().len() >= 65);
}

#[test]
fn helm_itself_has_nothing_to_say_against_the_chart() {
    for helm in Chart::HELM {
        let everything = json!({"registry": {"enabled": true}, "workloads": {"enabled": true, "namespaces": "both"}});
        for values in [json!({}), everything, repository::read("examples/registry/values.yaml")] {
            let answer = Chart::alone(helm).lint(&values);
            assert_eq!(answer.code, Some(0), "Helm {helm}: {}{}", answer.stdout, answer.stderr);
            assert!(answer.stdout.contains("1 chart(s) linted, 0 chart(s) failed"), "{answer:?}");
        }
    }
}

/// A CRD of a kind whose schema is not ours to test.
fn any(kind: &str, plural: &str, group: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
            "scope": "Namespaced",
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}

#[test]
fn the_api_server_accepts_every_set() {
    let cluster = TestCluster::start(Crds::Plain);
    for (kind, plural, group) in [
        ("Issuer", "issuers", "cert-manager.io"),
        ("Certificate", "certificates", "cert-manager.io"),
        ("PodMonitor", "podmonitors", "monitoring.coreos.com"),
        ("PrometheusRule", "prometheusrules", "monitoring.coreos.com"),
    ] {
        cluster.kubectl.ok_with(&["create", "-f", "-"], &any(kind, plural, group));
    }
    for namespace in ["local-registry", "local-registry-nodes", "agents", "local-registry-check", "admission"] {
        cluster.kubectl.ok(&["create", "namespace", namespace]);
    }
    // A pod needs an account that is there, and a dry run makes none.
    cluster.kubectl.ok(&["create", "serviceaccount", "local-registry-check", "--namespace=local-registry"]);
    cluster.kubectl.wait_for_crds();
    // All sets at once: a kubectl for each would take longer than all that it asks.
    let rendered: Vec<String> =
        sets().into_iter().map(|(_, values)| Chart::alone("4").render(&values).stdout).collect();
    // Strict: a field that the API server does not know is an error.
    let apply = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"];
    let answer = cluster.kubectl.run_with(&apply, &rendered.join("\n---\n"));
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    assert!(answer.stdout.lines().count() > 1_000, "{}", answer.stdout);
}
