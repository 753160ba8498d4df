//! A release of the chart: installed, changed, rolled back, removed, and put in the place of files.

use e2e::values::{registry, without_policy};
use e2e::{Chart, Crds, TestCluster, eventually};
use local_registry_testkit::repository::root;
use serde_json::{Value, json};

/// Kinds that a release has, beside the namespace of the agents.
const KINDS: &str = "deployments,daemonsets,jobs,cronjobs,services,configmaps,persistentvolumeclaims,networkpolicies,\
                     poddisruptionbudgets,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,priorityclasses,\
                     validatingadmissionpolicies,validatingadmissionpolicybindings,clusteradmissionpolicies,admissionpolicies";

/// What there is of a release, by kind, namespace and name.
pub(super) fn there(cluster: &TestCluster) -> Vec<String> {
    let found = cluster.kubectl.json(&["get", KINDS, "--all-namespaces"]);
    let objects = found["items"].as_array().unwrap().iter();
    let ours = objects.filter(|object| object["metadata"]["labels"]["app.kubernetes.io/part-of"] == "local-registry");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut names: Vec<String> = ours
        .map(|object| {
            let metadata = &object["metadata"];
            format!("{} {}/{}", text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"]))
        })
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_installed_can_be_changed_rolled_back_and_removed() {
    for helm in Chart::HELM {
        let cluster = TestCluster::start(Crds::Plain);
        // They remove what is in a namespace that goes.
        let _controllers = cluster.control_plane.start_controllers();
        let before = there(&cluster);
        let chart = Chart::of(helm, &cluster.kubectl);
        chart.install(&registry());
        let installed = there(&cluster);
        assert!(installed.contains(&"Deployment local-registry/registry".to_owned()), "{installed:?}");
        let deployment =
            || cluster.kubectl.json(&["get", "deployment", "registry", "--namespace=local-registry"])["spec"].clone();
        let as_installed = deployment();

        // The same once more changes no pod.
        chart.install(&registry());
        assert_eq!(deployment(), as_installed, "Helm {helm}");

        let mut changed = registry();
        changed["registry"]["storage"] = json!({"type": "s3", "s3": {"bucket": "images"}});
        changed["registry"]["auth"] = json!({"enabled": true});
        chart.install(&changed);
        assert_eq!(deployment()["replicas"], 2);
        assert_eq!(deployment()["template"]["spec"]["containers"].as_array().unwrap().len(), 2);
        // The claim of the images is there still, though nothing uses it.
        assert!(there(&cluster).contains(&"PersistentVolumeClaim local-registry/registry".to_owned()));

        chart.roll_back();
        assert_eq!(deployment(), as_installed, "Helm {helm}");

        chart.uninstall_without_hooks();
        let mut expected = before;
        expected.push("PersistentVolumeClaim local-registry/registry".to_owned());
        let agents = ["get", "namespace", "local-registry-nodes", "--ignore-not-found", "--output=name"];
        eventually("the namespace of the agents to go", || cluster.kubectl.ok(&agents).is_empty().then_some(()));
        assert_eq!(there(&cluster), expected, "Helm {helm}");
        // And it can be installed again, with the images that are there.
        chart.install(&registry());
        assert_eq!(there(&cluster), installed, "Helm {helm}");
    }
}

#[test]
fn it_takes_the_place_of_what_files_have_installed() {
    for helm in Chart::HELM {
        let cluster = TestCluster::start(Crds::Plain);
        // What version 0.1.0 installed with kubectl.
        let files = root().join("e2e/chart/files-0.1.0.yaml");
        cluster.kubectl.ok(&["apply", "-f", files.to_str().unwrap()]);
        let identity = |kind: &str, name: &str| {
            let get = ["get", kind, name, "--namespace=local-registry", "--output=jsonpath={.metadata.uid}"];
            cluster.kubectl.ok(&get)
        };
        let objects = [("deployment", "registry"), ("persistentvolumeclaim", "registry"), ("service", "registry")];
        let before = objects.map(|(kind, name)| identity(kind, name));
        let selector =
            || cluster.kubectl.json(&["get", "deployment", "registry", "--namespace=local-registry"])["spec"].clone();
        let template = selector()["template"].clone();

        let chart = Chart::of(helm, &cluster.kubectl);
        // Helm says whose the objects are.
        let refused = chart.try_install(&registry(), &[]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains("invalid ownership metadata"), "{refused:?}");
        // Helm 4 leaves to kubectl what kubectl owns, and could never change it, unless it applies as Helm 3 did this once.
        let arguments = ["--take-ownership", "--server-side=false"];
        let arguments = if helm == "4" { &arguments[..] } else { &arguments[..1] };
        let adopted = chart.try_install(&registry(), arguments);
        assert_eq!(adopted.code, Some(0), "{adopted:?}");
        assert_eq!(objects.map(|(kind, name)| identity(kind, name)), before, "Helm {helm}");
        // The configuration has another name or a checksum now. Nothing else of the pods changes.
        let mut pods = [template, selector()["template"].clone()];
        for pod in &mut pods {
            pod["metadata"].as_object_mut().unwrap().remove("annotations");
            for volume in pod["spec"]["volumes"].as_array_mut().unwrap() {
                if volume["name"] == "config" {
                    volume["configMap"]["name"] = Value::Null;
                }
            }
        }
        assert_eq!(pods[0], pods[1], "Helm {helm}");

        // What the chart leaves out goes, also where kubectl has written it.
        let with = |values: Value| {
            chart.install(&without_policy(json!({"registry": values})));
            selector()["template"]["spec"].clone()
        };
        let collecting = with(json!({"enabled": true, "garbageCollection": {"enabled": true}}));
        assert_eq!(collecting.get("affinity"), None, "Helm {helm}");
        let asking = with(json!({"enabled": true, "auth": {"enabled": true}}));
        assert_eq!(asking["containers"].as_array().map(Vec::len), Some(2), "Helm {helm}");
        let usual = with(json!({"enabled": true}));
        assert_eq!(usual["containers"].as_array().map(Vec::len), Some(1), "Helm {helm}");
        assert_eq!(usual["affinity"], pods[0]["spec"]["affinity"], "Helm {helm}");

        chart.uninstall_without_hooks();
        assert_eq!(identity("persistentvolumeclaim", "registry"), before[1], "Helm {helm}");
        let left = there(&cluster);
        assert!(
            left.iter().all(|object| object.starts_with("PersistentVolumeClaim ") || object.starts_with("ConfigMap ")),
            "{left:?}"
        );
    }
}
