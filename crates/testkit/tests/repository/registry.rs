//! The manifests of the registry kit (`deploy/registry`, `deploy/nodes`) agree with each other and with the docs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use local_registry_testkit::repository::{manifests, objects, read, text};
use serde_json::{Value, json};

fn seconds(text: &Value) -> u64 {
    text.as_str().unwrap().strip_suffix('s').unwrap().parse().unwrap()
}

#[test]
fn every_image_is_named_in_deploy_images_alone() {
    let images = read("deploy/images/kustomization.yaml");
    let names: BTreeSet<_> =
        images["images"].as_array().unwrap().iter().map(|image| image["name"].as_str().unwrap()).collect();
    let mut used = 0;
    for path in manifests(Path::new("deploy")) {
        let content = text(&path);
        for image in content.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("image: ")) {
            assert!(names.contains(image), "{path}: {image}");
            used += 1;
        }
    }
    assert!(used >= 6, "only {used} images");
}

#[test]
fn a_registry_that_is_stopped_has_time_to_finish_its_requests() {
    let pod = &read("deploy/registry/deployment.yaml")["spec"]["template"]["spec"];
    let before = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
    let drained = seconds(&read("deploy/registry/config.yml")["http"]["draintimeout"]);
    let granted = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(before + drained < granted, "{before} s and {drained} s of {granted} s");
}

#[test]
fn a_garbage_collection_waits_for_a_registry_that_takes_writes() {
    let registry = read("deploy/registry/deployment.yaml")["spec"]["template"].clone();
    let collection = objects("deploy/registry/gc/job.yaml")[0]["spec"]["template"].clone();
    let rules = &registry["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let [rule] = rules.as_array().unwrap().as_slice() else { panic!("{rules}") };
    let kept_away = rule["labelSelector"]["matchLabels"].as_object().unwrap();
    assert!(!kept_away.is_empty());
    for (key, value) in kept_away {
        assert_eq!(collection["metadata"]["labels"][key], *value, "{key}");
        assert_ne!(registry["metadata"]["labels"][key], *value, "{key}");
    }

    let variable = |pod: &Value| {
        let variables = pod["containers"][0]["env"].as_array().unwrap();
        let variable = variables.iter().find(|variable| variable["name"] == "REGISTRY_STORAGE_MAINTENANCE_READONLY");
        serde_json::from_str::<Value>(variable.unwrap()["value"].as_str().unwrap()).unwrap()
    };
    let patch = |name: &str| read(&format!("deploy/registry/gc/{name}.yaml"))["spec"]["template"]["spec"].clone();
    assert_eq!(patch("read-only").get("affinity"), Some(&Value::Null));
    assert_eq!(variable(&patch("read-only")), json!({"enabled": true}));
    assert_eq!(patch("read-write")["affinity"], registry["spec"]["affinity"]);
    assert_eq!(variable(&patch("read-write")), variable(&registry["spec"]));
    assert_eq!(variable(&registry["spec"]), json!({"enabled": false}));
}

#[test]
fn the_garbage_collection_reads_what_the_registry_writes() {
    let registry = read("deploy/registry/deployment.yaml")["spec"]["template"]["spec"].clone();
    let collection = objects("deploy/registry/gc/job.yaml")[0]["spec"]["template"]["spec"].clone();
    let named = |list: &Value, name: &str| {
        list.as_array().unwrap().iter().find(|item| item["name"] == name).cloned().unwrap_or_else(|| panic!("{name}"))
    };
    let place = "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY";
    assert_eq!(named(&collection["containers"][0]["env"], place), named(&registry["containers"][0]["env"], place));
    let (mounts, volumes) = (&registry["containers"][0]["volumeMounts"], &registry["volumes"]);
    assert_eq!(named(&collection["containers"][0]["volumeMounts"], "storage"), named(mounts, "storage"));
    assert_eq!(named(&collection["volumes"], "storage"), named(volumes, "storage"));
    assert_eq!(collection["securityContext"], registry["securityContext"]);
}

#[test]
fn the_declared_host_is_the_service() {
    let services = objects("deploy/registry/service.yaml");
    let service = &services[0];
    let text_of = |value: &Value| value.as_str().unwrap().to_owned();
    let name = format!(
        "{}.{}.svc.cluster.local",
        text_of(&service["metadata"]["name"]),
        text_of(&service["metadata"]["namespace"])
    );
    let host = format!("{name}:{}", service["spec"]["ports"][0]["port"]);

    let declaration = read("deploy/registry/declaration.yaml");
    let declared: Value =
        serde_saphyr::from_str(declaration["data"]["localRegistryHosting.v1"].as_str().unwrap()).unwrap();
    let source = &read("policy-metadata/metadata.yml")["annotations"]["io.kubewarden.policy.source"];
    assert_eq!(declared, json!({"hostFromClusterNetwork": host, "hostFromContainerRuntime": host, "help": source}));

    let read_only = &services[1];
    let nodes = format!(
        "--address={host}={}.{}.svc.cluster.local:{}",
        text_of(&read_only["metadata"]["name"]),
        text_of(&read_only["metadata"]["namespace"]),
        read_only["spec"]["ports"][0]["port"]
    );
    let auth = text("deploy/registry/auth/kustomization.yaml");
    assert!(auth.contains(&format!("value: {nodes}\n")), "{nodes}");

    let certificates = objects("deploy/registry/tls/certificates.yaml");
    let names: Vec<_> =
        certificates.iter().filter_map(|object| object["spec"]["dnsNames"].as_array()).flatten().collect();
    assert!(names.contains(&&json!(name)), "{names:?}");
}

/// The words of a text that are in backticks.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_agents_rights_are_those_of_the_docs() {
    let account = "local-registry-node";
    let mut granted = BTreeMap::new();
    let files = ["deploy/nodes/rights.yaml", "deploy/registry/nodes-rights.yaml"];
    for object in files.into_iter().flat_map(objects) {
        let kind = object["kind"].as_str().unwrap();
        let kinds = ["ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"];
        assert!(kinds.contains(&kind), "{object}");
        if ["Role", "ClusterRole"].contains(&kind) {
            let [rule] = object["rules"].as_array().unwrap().as_slice() else { panic!("{object}") };
            let texts =
                |key: &str| rule[key].as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned());
            let words: BTreeSet<_> = texts("verbs").chain(texts("resourceNames")).collect();
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or("everywhere");
            granted.insert(namespace.to_owned(), words);
        }
    }

    let docs = text("docs/install.md");
    let rows = docs.split("## Rights").nth(1).unwrap().lines().filter(|line| line.starts_with('|')).map(|line| {
        let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
        let (account, namespace) = (cells.next().unwrap(), cells.next().unwrap_or_default());
        (account, namespace.trim_matches('`'), quoted(cells.next().unwrap_or_default()))
    });
    // An empty first cell means the account of the row above.
    let of_account = rows.skip_while(|(first, ..)| *first != format!("`{account}`"));
    let of_account = of_account.enumerate().take_while(|(index, (first, ..))| *index == 0 || first.is_empty());
    let documented: BTreeMap<_, _> =
        of_account.map(|(_, (_, namespace, words))| (namespace.to_owned(), words)).collect();
    assert_eq!(documented, granted);
}
