//! The objects of the chart agree with each other, with the examples and with the docs.

use std::collections::{BTreeMap, BTreeSet};

use e2e::Chart;
use e2e::values::{self, registry, without_policy};
use local_registry_testkit::repository::{read, text};
use serde_json::{Value, json};

use super::{named, object, objects, variable};

/// The pod of a `Deployment`, `DaemonSet`, `Job` or `CronJob`, or a pod itself.
fn pod(workload: &Value) -> &Value {
    match workload["kind"].as_str().unwrap_or_default() {
        "Pod" => &workload["spec"],
        "CronJob" => &workload["spec"]["jobTemplate"]["spec"]["template"]["spec"],
        _ => &workload["spec"]["template"]["spec"],
    }
}

/// The values of the example of the registry as one may want it.
fn example() -> Value {
    read("examples/registry/values.yaml")
}

#[test]
fn nothing_is_rendered_without_a_part() {
    let refused = Chart::alone("4").render(&without_policy(json!({})));
    assert_eq!(refused.code, Some(1));
    for part in ["policy.enabled", "registry.enabled", "nodes.enabled"] {
        assert!(refused.stderr.contains(part), "{refused:?}");
    }
}

#[test]
fn a_registry_that_is_stopped_has_time_to_finish_its_requests() {
    let objects = objects(&registry());
    let pod = pod(object(&objects, "Deployment", "registry"));
    let before = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
    let drained = read("charts/local-registry/files/registry/config.yml")["http"]["draintimeout"].clone();
    let drained: u64 = drained.as_str().unwrap().strip_suffix('s').unwrap().parse().unwrap();
    let granted = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(before + drained < granted, "{before} s and {drained} s of {granted} s");
}

#[test]
fn a_garbage_collection_waits_for_a_registry_that_takes_writes() {
    let usual = objects(&registry());
    let collecting =
        objects(&values::merged(registry(), json!({"registry": {"garbageCollection": {"enabled": true}}})));
    let registry = object(&usual, "Deployment", "registry");
    let read_only = object(&collecting, "Deployment", "registry");
    let collection = object(&collecting, "Job", "registry-garbage-collection");

    let rules = &pod(registry)["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let [rule] = rules.as_array().unwrap().as_slice() else { panic!("{rules}") };
    let kept_away = rule["labelSelector"]["matchLabels"].as_object().unwrap();
    assert!(!kept_away.is_empty());
    for (key, value) in kept_away {
        assert_eq!(collection["spec"]["template"]["metadata"]["labels"][key], *value, "{key}");
        assert_ne!(registry["spec"]["template"]["metadata"]["labels"][key], *value, "{key}");
    }
    // Only one that takes no writes lets it start.
    assert_eq!(pod(read_only)["affinity"], Value::Null);
    for (workload, reads_only) in [(registry, false), (read_only, true)] {
        let value = variable(&pod(workload)["containers"][0], "REGISTRY_STORAGE_MAINTENANCE_READONLY").unwrap();
        assert_eq!(serde_json::from_str::<Value>(&value).unwrap(), json!({"enabled": reads_only}));
    }
}

#[test]
fn a_garbage_collection_by_schedule_puts_a_registry_in_place_that_takes_no_writes() {
    for values in [
        json!({"enabled": true}),
        json!({"enabled": true, "auth": {"enabled": true}}),
        json!({"enabled": true, "storage": {"type": "s3", "s3": {"bucket": "images"}}}),
    ] {
        let schedule = json!({"garbageCollection": {"schedule": "17 4 * * 0"}});
        let objects = objects(&json!({"registry": values::merged(values.clone(), schedule)}));
        let [usual, other] = ["registry", "registry-collecting"].map(|name| object(&objects, "Deployment", name));
        let labels = |workload: &Value| workload["spec"]["template"]["metadata"]["labels"].clone();
        // The same Services, NetworkPolicies and monitors find its pods.
        for (key, value) in labels(usual).as_object().unwrap() {
            assert_eq!(labels(other)[key], *value, "{key}");
        }
        assert_ne!(usual["spec"]["selector"], other["spec"]["selector"]);
        assert_eq!(other["spec"]["replicas"], 0);
        // It is the same but for this variable, and where it may run.
        let reads_only = |workload: &Value| {
            let value = variable(&pod(workload)["containers"][0], "REGISTRY_STORAGE_MAINTENANCE_READONLY").unwrap();
            serde_json::from_str::<Value>(&value).unwrap()["enabled"].clone()
        };
        assert_eq!((reads_only(usual), reads_only(other)), (json!(false), json!(true)));
        let same = |workload: &Value| {
            let mut pod = pod(workload).clone();
            pod["affinity"] = Value::Null;
            let variables = pod["containers"][0]["env"].as_array_mut().unwrap();
            variables.retain(|variable| variable["name"] != "REGISTRY_STORAGE_MAINTENANCE_READONLY");
            pod
        };
        assert_eq!(same(usual), same(other));
        // What collects is scheduled beside it, and not beside the usual one.
        assert_eq!(pod(other)["affinity"]["podAntiAffinity"], Value::Null);
        assert!(pod(usual)["affinity"]["podAntiAffinity"].is_object());
        let [collecting, holding] = ["registry-garbage-collection", "registry-garbage-collection-hold"]
            .map(|name| &object(&objects, "CronJob", name)["spec"]);
        assert_eq!((&collecting["schedule"], &collecting["suspend"]), (&holding["schedule"], &holding["suspend"]));
        assert_eq!(collecting["suspend"], false);
        let replicas = format!("--replicas={}", usual["spec"]["replicas"]);
        let arguments = &holding["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"];
        assert!(arguments.as_array().unwrap().contains(&json!(replicas)), "{replicas}: not in {arguments}");
    }
}

#[test]
fn nothing_is_collected_by_schedule_while_a_backup_is_made() {
    for reason in [json!({"readOnly": true}), json!({"garbageCollection": {"enabled": true}})] {
        let schedule = json!({"enabled": true, "garbageCollection": {"schedule": "@weekly"}});
        let objects = objects(&json!({"registry": values::merged(schedule, reason)}));
        for name in ["registry-garbage-collection", "registry-garbage-collection-hold"] {
            assert_eq!(object(&objects, "CronJob", name)["spec"]["suspend"], true, "{name}");
        }
    }
}

#[test]
fn the_garbage_collection_reads_what_the_registry_writes() {
    for storage in [json!({}), json!({"type": "s3", "s3": {"bucket": "images"}})] {
        let objects = objects(
            &json!({"registry": {"enabled": true, "storage": storage, "garbageCollection": {"enabled": true}}}),
        );
        let registry = pod(object(&objects, "Deployment", "registry"));
        let collection = pod(object(&objects, "Job", "registry-garbage-collection"));
        let (registry_container, collector) = (&registry["containers"][0], &collection["containers"][0]);
        assert_eq!(registry_container["image"], collector["image"]);
        assert_eq!(registry_container["envFrom"], collector["envFrom"], "{storage}");
        for place in ["REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "REGISTRY_STORAGE_S3_BUCKET"] {
            assert_eq!(variable(registry_container, place), variable(collector, place), "{storage}");
        }
        if storage == json!({}) {
            let storage = |pod: &Value| named(&pod["volumes"], "storage").clone();
            assert_eq!(storage(collection), storage(registry));
        }
        assert_eq!(collection["securityContext"], registry["securityContext"]);
    }
}

#[test]
fn the_declared_host_is_the_service() {
    for domain in ["cluster.local", "example.internal"] {
        let objects =
            objects(&json!({"clusterDomain": domain, "registry": {"enabled": true, "auth": {"enabled": true}}}));
        let host = |service: &str| {
            let service = object(&objects, "Service", service);
            let (name, namespace) = (&service["metadata"]["name"], &service["metadata"]["namespace"]);
            let (name, namespace) = (name.as_str().unwrap(), namespace.as_str().unwrap());
            format!("{name}.{namespace}.svc.{domain}:{}", service["spec"]["ports"][0]["port"])
        };
        let declaration = object(&objects, "ConfigMap", "local-registry-hosting");
        assert_eq!(declaration["metadata"]["namespace"], "kube-public");
        let declared: Value =
            serde_saphyr::from_str(declaration["data"]["localRegistryHosting.v1"].as_str().unwrap()).unwrap();
        let source = &read("policy-metadata/metadata.yml")["annotations"]["io.kubewarden.policy.source"];
        let expected = json!({"hostFromClusterNetwork": host("registry"), "hostFromContainerRuntime": host("registry"), "help": source});
        assert_eq!(declared, expected);
        // Nodes pull without a password.
        let agent = &pod(object(&objects, "DaemonSet", "local-registry-node"))["containers"][0]["args"];
        let rule = format!("--address={}={}", host("registry"), host("registry-read-only"));
        assert!(agent.as_array().unwrap().contains(&json!(rule)), "{rule}: not in {agent}");
    }
}

#[test]
fn the_examples_certificate_has_every_name_and_address() {
    let objects = objects(&example());
    let certificate = &object(&objects, "Certificate", "registry")["spec"];
    let addresses: BTreeSet<&str> =
        certificate["ipAddresses"].as_array().unwrap().iter().map(|address| address.as_str().unwrap()).collect();
    let services = objects.iter().filter(|object| object["kind"] == "Service");
    let expected: BTreeSet<&str> = services.map(|service| service["spec"]["clusterIP"].as_str().unwrap()).collect();
    assert_eq!(expected.len(), 2);
    assert_eq!(addresses, expected);
    for name in [
        "local-registry",
        "registry.local-registry.svc.cluster.local",
        "registry-read-only.local-registry.svc.cluster.local",
    ] {
        assert!(certificate["dnsNames"].as_array().unwrap().contains(&json!(name)), "{name}: not in {certificate}");
    }
}

/// Every container serves the same way, whatever it is there for.
#[test]
fn all_containers_of_the_registry_have_the_same_storage_and_certificate() {
    let bucket = json!({"type": "s3", "s3": {"bucket": "images"}});
    for (storage, has_volume) in [(json!({}), true), (json!({"type": "none"}), true), (bucket, false)] {
        for tls in [false, true] {
            let objects = objects(&json!({"registry": {
                "enabled": true, "storage": storage, "auth": {"enabled": true},
                "tls": {"enabled": tls, "certManager": false},
            }}));
            let containers = &pod(object(&objects, "Deployment", "registry"))["containers"];
            assert_eq!(containers.as_array().unwrap().len(), 2);
            for container in containers.as_array().unwrap() {
                let what = format!("{} with {storage}, tls: {tls}", container["name"]);
                let mounts = container["volumeMounts"].as_array().unwrap();
                let mounted = |path: &str| mounts.iter().find(|mount| mount["mountPath"] == path);
                assert_eq!(mounted("/var/lib/registry").is_some(), has_volume, "{what}");
                let place = variable(container, "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY");
                assert_eq!(place.is_some(), has_volume, "{what}");
                assert_eq!(container["envFrom"].is_array(), !has_volume, "{what}");
                assert_eq!(variable(container, "REGISTRY_STORAGE_S3_BUCKET").is_some(), !has_volume, "{what}");
                assert_eq!(mounted("/tls").is_some(), tls, "{what}");
                assert_eq!(variable(container, "REGISTRY_HTTP_TLS_KEY").is_some(), tls, "{what}");
                let scheme = if tls { "HTTPS" } else { "HTTP" };
                assert_eq!(container["readinessProbe"]["httpGet"]["scheme"], scheme, "{what}");
                // It takes no writes, and cannot make any.
                if container["name"] == "read-only" && has_volume {
                    assert_eq!(mounted("/var/lib/registry").unwrap()["readOnly"], true, "{what}");
                }
            }
            let read_only = named(containers, "read-only");
            let value = variable(read_only, "REGISTRY_STORAGE_MAINTENANCE_READONLY").unwrap();
            assert_eq!(serde_json::from_str::<Value>(&value).unwrap(), json!({"enabled": true}));
            assert_eq!(variable(read_only, "REGISTRY_AUTH_HTPASSWD_PATH"), None);
            for service in objects.iter().filter(|object| object["kind"] == "Service") {
                let protocol = if tls { "https" } else { "http" };
                assert_eq!(service["spec"]["ports"][0]["appProtocol"], protocol, "{}", service["metadata"]["name"]);
            }
        }
    }
}

#[test]
fn the_agents_folders_are_mounted_with_each_container_runtime() {
    for runtime in ["containerd", "k3s", "rke2", "microk8s", "cri-o"] {
        let objects = objects(&without_policy(json!({"nodes": {"enabled": true, "runtime": runtime}})));
        let pod = pod(object(&objects, "DaemonSet", "local-registry-node"));
        let container = &pod["containers"][0];
        let arguments: Vec<&str> = container["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let of = |flag: &str| arguments.iter().filter_map(|argument| argument.strip_prefix(flag)).collect::<Vec<_>>();
        let written = [of("--certs-dir="), of("--registries-dir=")].concat();
        let read = of("--containerd-config=").into_iter().map(|file| file.rsplit_once('/').unwrap().0);
        assert!(!written.is_empty(), "{runtime}: {arguments:?}");
        for (folder, must_write) in
            written.iter().map(|folder| (*folder, true)).chain(read.map(|folder| (folder, false)))
        {
            let mounts = container["volumeMounts"].as_array().unwrap().iter();
            // The mount of a folder above it will do, if it can be written to.
            let path = format!("/host{folder}/");
            let above = mounts.filter(|mount| path.starts_with(&format!("{}/", mount["mountPath"].as_str().unwrap())));
            let mount = above.max_by_key(|mount| mount["mountPath"].as_str().unwrap().len());
            let mount = mount.unwrap_or_else(|| panic!("{runtime}: {folder}: not mounted"));
            assert!(!must_write || mount["readOnly"] != true, "{runtime}: {folder}: {mount}");
            let host = named(&pod["volumes"], mount["name"].as_str().unwrap())["hostPath"]["path"].clone();
            assert_eq!(format!("/host{}", host.as_str().unwrap()), mount["mountPath"].as_str().unwrap());
        }
        let foreign = objects.iter().any(|object| object.to_string().contains("\"/etc/containerd"));
        assert_eq!(foreign, runtime == "containerd", "{runtime}");
    }
}

#[test]
fn pods_are_for_nodes_of_linux_and_restricted() {
    let everything = objects(&json!({
        "registry": {"enabled": true, "auth": {"enabled": true}, "garbageCollection": {"enabled": true}},
    }));
    let collecting = objects(&without_policy(json!({
        "registry": {"enabled": true, "delete": true, "garbageCollection": {"schedule": "@weekly"}, "prune": {"enabled": true}},
        "nodes": {"enabled": false},
    })));
    let by_schedule = objects(&json!({"sync": {"schedule": "*/5 * * * *"}}));
    let promoting = objects(&without_policy(json!({"promote": {"enabled": true}})));
    let tenants = objects(&values::tenants());
    let mut checked = 0;
    for workload in everything
        .iter()
        .chain(&collecting)
        .chain(&by_schedule)
        .chain(&promoting)
        .chain(&tenants)
        .filter(|object| pod(object).is_object())
    {
        let (name, pod) = (&workload["metadata"]["name"], pod(workload));
        assert_eq!(pod["nodeSelector"]["kubernetes.io/os"], "linux", "{name}");
        for kind in ["initContainers", "containers"] {
            for container in pod[kind].as_array().into_iter().flatten() {
                let context = &container["securityContext"];
                assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
                assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
                assert_eq!(context["capabilities"], json!({"drop": ["ALL"]}), "{name}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
                checked += 1;
            }
        }
    }
    // Two of the registry, two of the garbage collection, and the agent; the sync job, the check and the hook of an uninstall; three
    // that remove the agents; the sync job, the check and the hook once more; promotions; and with tenants, two of the
    // registry, the token server, the credentials, and the hook that removes those. With a collection by schedule, two registries, two
    // containers that collect, what holds the registry, and what deletes old images.
    assert_eq!(checked, 5 + 3 + 3 + 3 + 1 + 5 + 6);
}

/// The words of a text that are in backticks.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_agents_rights_are_those_of_the_docs() {
    let account = "local-registry-node";
    let objects = objects(&registry());
    let mut granted = BTreeMap::new();
    let roles = objects.iter().filter(|object| ["Role", "ClusterRole"].iter().any(|kind| object["kind"] == **kind));
    for role in roles.filter(|role| role["metadata"]["name"] == account) {
        let [rule] = role["rules"].as_array().unwrap().as_slice() else { panic!("{role}") };
        let texts =
            |key: &str| rule[key].as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned());
        let words: BTreeSet<_> = texts("verbs").chain(texts("resourceNames")).collect();
        let namespace = role["metadata"]["namespace"].as_str().unwrap_or("everywhere");
        granted.insert(namespace.to_owned(), words);
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
