//! The alias of the registry in the namespaces that ask for it, by which plain pods push.

use e2e::{eventually, values};
use serde_json::{Value, json};

use crate::admission::{self, Admission, StandIn};
use crate::builds::{self, QUAY};
use crate::http;
use crate::kit::{self, Kit, PORTABLE_HOST, REGISTRY, imported};

const NAMESPACE: &str = "jobs";
const LABEL: &str = "local-registry-hosting/alias";

#[test]
fn a_job_pushes_by_the_portable_name_where_the_alias_is() {
    let kit = kit::with(&[]);
    let kubectl = &kit.node.kubectl;
    builds::install_projects(&kit);
    builds::provide_builder(&kit);
    kit.node.containerd.import(&imported());
    StandIn.install(&kit);
    let with_aliases = values::merged(admission::policies(), json!({"alias": {"enabled": true}}));
    kit.install_policies(&with_aliases).ok(&["upgrade"]);
    StandIn.serve(&kit, REGISTRY);

    kubectl.ok(&["create", "namespace", NAMESPACE]);
    kubectl.ok(&["label", "namespace", NAMESPACE, &format!("{LABEL}=true")]);
    let service = eventually("the alias", || alias(&kit));
    assert_eq!(service["spec"]["type"], "ExternalName");
    assert_eq!(format!("{}:5000", service["spec"]["externalName"].as_str().unwrap()), REGISTRY);

    kubectl.ok(&["apply", "-f", "examples/portable-name/job.yaml", "--namespace", NAMESPACE]);
    completes(&kit, "made-by-a-job");
    let address = format!("{}:5000", kit.address("registry"));
    let tags = http::ask(&address, "GET", "/v2/team/made-by-a-job/tags/list", "", b"");
    assert!(tags.body.contains(r#""v1""#), "{tags:?}");
    // The kubelet pulls it by the same name. It has no program, but something to read.
    let pod = kit.node.create(json!({
        "containers": [{
            "name": "main",
            "image": imported().name(),
            "command": ["/bin/cat", "/made/words"],
            "volumeMounts": [{"name": "made", "mountPath": "/made"}],
        }],
        "volumes": [{
            "name": "made",
            "image": {"reference": format!("{PORTABLE_HOST}/team/made-by-a-job:v1"), "pullPolicy": "Always"},
        }],
    }));
    assert_eq!(kit.node.ended(&pod).ok(), "made by a Job\n");

    kubectl.ok(&["label", "namespace", NAMESPACE, &format!("{LABEL}-")]);
    eventually("the alias to go", || alias(&kit).is_none().then_some(()));

    // It also goes with what keeps it, whatever the label says.
    kubectl.ok(&["label", "namespace", NAMESPACE, &format!("{LABEL}=true")]);
    eventually("the alias to come back", || alias(&kit));
    kit.remove_policies();
    assert_eq!(alias(&kit), None);
    admission::forget(&kit);
    kubectl.ok(&["delete", "namespace", NAMESPACE, "--wait=false"]);
    std::fs::remove_dir_all(QUAY).unwrap();
}

/// The Service that is the alias, if it is there.
fn alias(kit: &Kit) -> Option<Value> {
    let get = ["get", "service", "local-registry", "--namespace", NAMESPACE, "--ignore-not-found", "--output=json"];
    let found = kit.node.kubectl.ok(&get);
    (!found.is_empty()).then(|| serde_json::from_str(&found).unwrap())
}

/// Waits until a Job is complete. If it has failed, the test fails.
fn completes(kit: &Kit, job: &str) {
    let kubectl = &kit.node.kubectl;
    let end = eventually(&format!("the Job {job} to end"), || {
        let job = kubectl.json(&["get", "job", job, "--namespace", NAMESPACE]);
        let mut conditions = job["status"]["conditions"].as_array()?.iter();
        conditions.find_map(|found| ["Complete", "Failed"].into_iter().find(|kind| found["type"] == **kind))
    });
    let log = kubectl.run(&["logs", &format!("job/{job}"), "--namespace", NAMESPACE]);
    assert_eq!(end, "Complete", "{log:?}");
}
