//! The service accounts of the chart can do their work, and nothing else.

use std::collections::BTreeSet;

use e2e::{Answer, Chart, Crds, Kubectl, NAMESPACE, TestCluster, upstream, values};
use local_registry_core::{RegistryHost, RuntimeHost};
use local_registry_testkit::repository::root;
use serde_json::{Value, json};

/// Every right that a service account has in a namespace, as `group/resource[name] verb`.
fn rights(kubectl: &Kubectl, namespace: &str) -> BTreeSet<String> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    });
    let answer = kubectl.ok_with(&["create", "--validate=false", "--output=json", "-f", "-"], &review);
    let status: Value = serde_json::from_str::<Value>(&answer).unwrap()["status"].clone();
    assert_eq!(status["incomplete"], false, "{status}");
    let mut rights = BTreeSet::new();
    for rule in status["resourceRules"].as_array().unwrap() {
        let list = |key: &str| -> Vec<String> {
            let texts = rule[key].as_array().map(Vec::as_slice).unwrap_or_default();
            texts.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let mut names = list("resourceNames");
        if names.is_empty() {
            names.push("*".to_owned());
        }
        for group in list("apiGroups") {
            for resource in list("resources") {
                for name in &names {
                    rights.extend(list("verbs").iter().map(|verb| format!("{group}/{resource}[{name}] {verb}")));
                }
            }
        }
    }
    rights
}

/// Asserts what a service account, a namespace and a name, may do in each namespace, beyond what every service account may do.
#[track_caller]
fn check(cluster: &TestCluster, (home, account): (&str, &str), expected: &[(&str, &[&str])]) {
    let kubectl = cluster.control_plane.kubectl_of(home, account);
    let nobody = cluster.control_plane.kubectl_of("kubewarden", "nobody");
    for (namespace, expected) in expected {
        let found: Vec<String> = rights(&kubectl, namespace).difference(&rights(&nobody, namespace)).cloned().collect();
        assert_eq!(found, *expected, "of {account} in {namespace}");
    }
}

fn start() -> TestCluster {
    let cluster = TestCluster::start(Crds::Patched);
    cluster.kubectl.ok(&["create", "serviceaccount", "nobody", "--namespace=kubewarden"]);
    cluster
}

const EVENTS: [&str; 2] = ["events.k8s.io/events[*] create", "events.k8s.io/events[*] patch"];
const CONFIG_MAP: [&str; 3] = [
    "/configmaps[local-registry-hosting] get",
    "/configmaps[local-registry-hosting] list",
    "/configmaps[local-registry-hosting] watch",
];

/// The rights on Shipwright's CRDs.
const CRDS: [&str; 8] = [
    "apiextensions.k8s.io/customresourcedefinitions[buildruns.shipwright.io] get",
    "apiextensions.k8s.io/customresourcedefinitions[buildruns.shipwright.io] list",
    "apiextensions.k8s.io/customresourcedefinitions[buildruns.shipwright.io] patch",
    "apiextensions.k8s.io/customresourcedefinitions[buildruns.shipwright.io] watch",
    "apiextensions.k8s.io/customresourcedefinitions[builds.shipwright.io] get",
    "apiextensions.k8s.io/customresourcedefinitions[builds.shipwright.io] list",
    "apiextensions.k8s.io/customresourcedefinitions[builds.shipwright.io] patch",
    "apiextensions.k8s.io/customresourcedefinitions[builds.shipwright.io] watch",
];

/// What the sync job looks at for its metrics.
const SAFEGUARDS: [&str; 5] = [
    "admissionregistration.k8s.io/mutatingwebhookconfigurations[clusterwide-local-registry] get",
    "admissionregistration.k8s.io/validatingadmissionpolicies[local-registry-guard-inherited] get",
    "admissionregistration.k8s.io/validatingadmissionpolicies[local-registry-guard] get",
    "admissionregistration.k8s.io/validatingadmissionpolicybindings[local-registry-guard-inherited] get",
    "admissionregistration.k8s.io/validatingadmissionpolicybindings[local-registry-guard] get",
];

/// Asserts that the NetworkPolicy selects the pods of this template, and allows connections only to the port that they
/// listen on.
#[track_caller]
fn check_network_policy(cluster: &TestCluster, template: &Value) {
    let policy =
        cluster.kubectl.json(&["get", "networkpolicy", "local-registry-sync", "--namespace", NAMESPACE])["spec"]
            .clone();
    let labels = &template["metadata"]["labels"];
    // The pods of the hooks are selected, too, and nothing else is.
    let [selected] = &policy["podSelector"]["matchExpressions"].as_array().unwrap()[..] else { panic!("{policy}") };
    let key = selected["key"].as_str().unwrap();
    assert_eq!((key, &selected["operator"]), ("app.kubernetes.io/name", &json!("In")));
    assert!(selected["values"].as_array().unwrap().contains(&labels[key]), "{labels}: {policy}");
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    let container = &template["spec"]["containers"][0];
    if let Some(port) = container["ports"][0]["containerPort"].as_u64() {
        let only = json!([{"ports": [{"protocol": "TCP", "port": port}]}]);
        assert_eq!(policy["ingress"], only);
        assert!(container["args"].as_array().unwrap().contains(&json!(format!("--listen=0.0.0.0:{port}"))));
    }
    let egress: BTreeSet<String> = policy["egress"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|rule| rule["ports"].as_array().unwrap())
        .map(|port| format!("{} {}", port["protocol"].as_str().unwrap(), port["port"]))
        .collect();
    assert_eq!(egress, ["TCP 16443", "TCP 443", "TCP 53", "TCP 6443", "TCP 8443", "UDP 53"].map(str::to_owned).into());
}

#[test]
fn accounts_of_the_usual_installation() {
    let cluster = start();
    cluster.install(&values::usual());
    let deployment = cluster.kubectl.json(&["get", "deployment", "local-registry-sync", "--namespace", NAMESPACE]);
    check_network_policy(&cluster, &deployment["spec"]["template"]);
    let policy = [
        "policies.kubewarden.io/clusteradmissionpolicies[local-registry] get",
        "policies.kubewarden.io/clusteradmissionpolicies[local-registry] patch",
    ];
    check(
        &cluster,
        (NAMESPACE, "local-registry-sync"),
        &[
            ("kube-public", &[&CONFIG_MAP[..], &SAFEGUARDS[..], &CRDS[..], &EVENTS[..], &policy[..]].concat()),
            ("default", &[&SAFEGUARDS[..], &CRDS[..], &EVENTS[..], &policy[..]].concat()),
            (NAMESPACE, &[&SAFEGUARDS[..], &CRDS[..], &policy[..]].concat()),
            ("kubewarden", &[&SAFEGUARDS[..], &CRDS[..], &policy[..]].concat()),
            ("team", &[&SAFEGUARDS[..], &CRDS[..], &policy[..]].concat()),
        ],
    );
    let builds: &[&str] = &["shipwright.io/builds[*] get"];
    let server = ("kubewarden", "policy-server");
    check(&cluster, server, &[("kube-public", builds), ("kubewarden", builds), ("team", builds)]);

    // Requests beyond these rights are forbidden.
    let sync = cluster.control_plane.kubectl_of(NAMESPACE, "local-registry-sync");
    for arguments in [
        &["get", "configmaps", "--namespace=kube-public"][..],
        &["get", "configmap", "kube-root-ca.crt", "--namespace=kube-public"],
        &["delete", "configmap", "local-registry-hosting", "--namespace=kube-public"],
        &["get", "clusteradmissionpolicies"],
        &["get", "clusteradmissionpolicy", "another"],
        &["delete", "clusteradmissionpolicy", "local-registry"],
        &["patch", "clusteradmissionpolicy", "local-registry", "--subresource=status", "--type=merge", "--patch={}"],
        &["get", "secrets", "--namespace=kubewarden"],
        &["get", "secrets", "--namespace=local-registry"],
        &["get", "builds.shipwright.io", "--namespace=team"],
        &["get", "crd", "buildstrategies.shipwright.io"],
        &["get", "crds"],
        &["delete", "crd", "builds.shipwright.io"],
        &["patch", "crd", "builds.shipwright.io", "--subresource=status", "--type=merge", "--patch={}"],
        &["get", "mutatingwebhookconfigurations"],
        &["get", "mutatingwebhookconfiguration", "clusterwide-other"],
        &["delete", "mutatingwebhookconfiguration", "clusterwide-local-registry"],
        &["get", "validatingadmissionpolicy", "local-registry-sync"],
        &["delete", "validatingadmissionpolicybinding", "local-registry-guard"],
    ] {
        sync.run(arguments).failed_with("is forbidden");
    }
    let server = cluster.control_plane.kubectl_of("kubewarden", "policy-server");
    for arguments in [
        &["get", "builds.shipwright.io", "--namespace=team"][..],
        &["get", "buildrun.shipwright.io", "any", "--namespace=team"],
        &["delete", "build.shipwright.io", "any", "--namespace=team"],
        &["get", "secrets", "--namespace=team"],
        &["get", "clusteradmissionpolicies"],
    ] {
        server.run(arguments).failed_with("is forbidden");
    }
}

#[test]
fn the_sync_job_reads_what_keeps_workloads_from_docker_hub() {
    let cluster = start();
    cluster.install(&values::both());
    let sync = cluster.control_plane.kubectl_of(NAMESPACE, "local-registry-sync");
    for policy in ["local-registry-workloads", "local-registry-labelled"] {
        for (kind, name) in [
            ("mutatingwebhookconfigurations", format!("clusterwide-{policy}")),
            ("validatingadmissionpolicies", format!("{policy}-guard")),
            ("validatingadmissionpolicybindings", format!("{policy}-guard")),
        ] {
            let right = format!("admissionregistration.k8s.io/{kind}[{name}] get");
            assert!(rights(&sync, "team").contains(&right), "{right}");
        }
    }
}

#[test]
fn accounts_of_the_cronjob() {
    let cluster = start();
    cluster.install(&json!({"sync": {"schedule": "*/5 * * * *"}}));
    let policy = [
        "policies.kubewarden.io/clusteradmissionpolicies[local-registry] get",
        "policies.kubewarden.io/clusteradmissionpolicies[local-registry] patch",
    ];
    let job = cluster.kubectl.json(&["get", "cronjob", "local-registry-sync", "--namespace", NAMESPACE]);
    check_network_policy(&cluster, &job["spec"]["jobTemplate"]["spec"]["template"]);
    check(
        &cluster,
        (NAMESPACE, "local-registry-sync"),
        &[
            ("kube-public", &[&CONFIG_MAP[..], &SAFEGUARDS[..], &CRDS[..], &EVENTS[..], &policy[..]].concat()),
            ("team", &[&SAFEGUARDS[..], &CRDS[..], &policy[..]].concat()),
        ],
    );
}

#[test]
fn accounts_beside_the_registry() {
    let cluster = start();
    let scheduled = json!({"registry": {"garbageCollection": {"schedule": "@weekly"}, "prune": {"enabled": true}}});
    cluster.install(&values::merged(values::tenants(), scheduled));
    let scale = [
        "apps/deployments/scale[registry-collecting] patch",
        "apps/deployments/scale[registry] patch",
        "apps/deployments[registry-collecting] get",
        "apps/deployments[registry] get",
        "batch/jobs[*] list",
    ];
    check(&cluster, (NAMESPACE, "registry-garbage-collection-hold"), &[(NAMESPACE, &scale), ("team", &[])]);
    let listed = [
        ("", "pods podtemplates replicationcontrollers"),
        ("apps", "daemonsets deployments replicasets statefulsets"),
        ("batch", "cronjobs jobs"),
        (
            "policies.kubewarden.io",
            "admissionpolicies admissionpolicygroups clusteradmissionpolicies clusteradmissionpolicygroups policyservers",
        ),
        ("serving.knative.dev", "configurations revisions services"),
        ("shipwright.io", "buildruns builds buildstrategies clusterbuildstrategies"),
        ("tekton.dev", "pipelineruns pipelines taskruns tasks"),
    ];
    let listed = listed
        .iter()
        .flat_map(|(group, plurals)| plurals.split(' ').map(move |plural| format!("{group}/{plural}[*] list")));
    let repositories = ["delete", "list"].map(|verb| format!("registry.local-registry-hosting/repositories[*] {verb}"));
    let mut old: Vec<String> = listed.chain(repositories).collect();
    old.sort();
    let old: Vec<&str> = old.iter().map(String::as_str).collect();
    let with_declaration = [&["/configmaps[local-registry-hosting] get"][..], &old].concat();
    check(&cluster, (NAMESPACE, "registry-prune"), &[("team", &old), ("kube-public", &with_declaration)]);
    let reviews =
        ["authentication.k8s.io/tokenreviews[*] create", "authorization.k8s.io/subjectaccessreviews[*] create"];
    let key = ["/secrets[registry-token] get", "/secrets[registry-token] patch"];
    let account = (NAMESPACE, "registry-token");
    check(&cluster, account, &[(NAMESPACE, &[&key[..], &reviews[..]].concat()), ("team", &reviews)]);
    let namespaces = ["/namespaces[*] list", "/namespaces[*] watch"];
    let verbs = ["create", "delete", "list", "patch", "watch"];
    let object = |resource: &str| verbs.map(|verb| format!("{resource}[local-registry-push] {verb}"));
    let mut credentials: Vec<String> = namespaces.map(str::to_owned).to_vec();
    for resource in ["/secrets", "/serviceaccounts", "rbac.authorization.k8s.io/rolebindings"] {
        credentials.extend(object(resource));
    }
    credentials.push("/serviceaccounts/token[local-registry-push] create".to_owned());
    credentials.push("rbac.authorization.k8s.io/clusterroles[local-registry-push] bind".to_owned());
    credentials.sort();
    let credentials: Vec<&str> = credentials.iter().map(String::as_str).collect();
    let mut of_declaration = [&CONFIG_MAP[..], &credentials].concat();
    of_declaration.sort_unstable();
    check(&cluster, (NAMESPACE, "registry-credentials"), &[("team", &credentials), ("kube-public", &of_declaration)]);
}

#[test]
fn accounts_of_the_namespaced_variant() {
    let cluster = start();
    install_namespaced(&cluster);
    let policy = [
        "policies.kubewarden.io/admissionpolicies[local-registry] get",
        "policies.kubewarden.io/admissionpolicies[local-registry] patch",
    ];
    check(
        &cluster,
        ("apps", "local-registry-sync"),
        &[
            ("kube-public", &[&CONFIG_MAP[..], &EVENTS[..]].concat()),
            ("apps", &[&EVENTS[..], &policy[..]].concat()),
            ("default", &[]),
            ("kubewarden", &[]),
            ("team", &[]),
        ],
    );
    check(&cluster, ("kubewarden", "policy-server"), &[("apps", &[]), ("team", &[])]);
}

/// Installs the policy for the namespace `apps` alone.
fn install_namespaced(cluster: &TestCluster) {
    Chart::of("4", &cluster.kubectl).in_namespace("apps").install(&values::namespaced());
}

const SYNC: &str = "--as=system:serviceaccount:local-registry:local-registry-sync";
/// The same of a release in the namespace `apps`.
const SYNC_OF_APPS: &str = "--as=system:serviceaccount:apps:local-registry-sync";
/// Whose entry in `metadata.managedFields` a patch changes: the sync job's.
const AS_MANAGER: &str = "--field-manager=local-registry-sync";

/// A valid new value for every field of a policy's spec, except its settings.
fn changes() -> Value {
    json!({
        "allowInsideAdmissionControllerNamespace": true,
        "backgroundAudit": true,
        "contextAwareResources": [{"apiVersion": "v1", "kind": "Secret"}],
        "failurePolicy": "Ignore",
        "matchConditions": [{"name": "never", "expression": "false"}],
        "matchPolicy": "Exact",
        "message": "changed",
        "mode": "monitor",
        "module": "registry://elsewhere.example/policy:v1",
        "mutating": false,
        "namespaceSelector": {"matchLabels": {"a": "b"}},
        "objectSelector": {"matchLabels": {"a": "b"}},
        "policyServer": "another",
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"], "operations": ["*"]}],
        "sideEffects": "Some",
        "timeoutEvalSeconds": 3,
        "timeoutSeconds": 5,
    })
}

/// Asserts that the sync job's account can change three settings of a policy, and nothing else in it.
#[track_caller]
fn check_changes(cluster: &TestCluster, account: &str, policy: &[&str], crd: &str) {
    let patch_as = |account: &[&str], patch: &Value| {
        let patch = format!("--patch={patch}");
        let arguments =
            [&["patch"], policy, &["--type=merge", "--dry-run=server", AS_MANAGER, &patch], account].concat();
        cluster.kubectl.run(&arguments)
    };
    let patch = |patch: &Value| patch_as(&[account], patch);
    cluster.kubectl.wait_for_admission_policies();
    let both = json!({"spec": {"module": "registry://elsewhere.example/policy:v1", "rules": changes()["rules"]}});
    patch(&both).failed_with("local-registry-sync may change nothing in the spec of a policy but its settings");

    // The fields are read from Kubewarden's CRD, so that a new one fails this test.
    let crd: Value = serde_saphyr::from_str(&std::fs::read_to_string(upstream(crd)).unwrap()).unwrap();
    let known = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
    let changes = changes();
    for field in known.as_object().unwrap().keys().filter(|field| *field != "settings") {
        let value = changes.get(field).unwrap_or_else(|| panic!("Kubewarden has a new field: {field}"));
        let change = json!({"spec": {field: value}});
        patch(&change).failed_with("local-registry-sync may change nothing in the spec of a policy but its settings");
        let by_others = patch_as(&[], &change);
        assert_eq!(by_others.code, Some(0), "{field}: {by_others:?}");
    }
    for metadata in [
        json!({"labels": {"a": "b"}}),
        json!({"annotations": {"a": "b"}}),
        json!({"finalizers": ["example.com/a"]}),
        json!({"ownerReferences": [{"apiVersion": "v1", "kind": "Secret", "name": "a", "uid": "b"}]}),
        json!({"labels": null}),
    ] {
        patch(&json!({"metadata": metadata}))
            .failed_with("local-registry-sync may not change the metadata of a policy");
    }
    let others = "local-registry-sync may change no settings of a policy but host, runtimeHost and help";
    for settings in
        [json!({"lookupBuilds": true}), json!({"insecure": null}), json!({"unknown": {"a": 1}}), json!(null)]
    {
        patch(&json!({"spec": {"settings": settings}})).failed_with(others);
    }
    let ours = json!({"host": "reg.io", "runtimeHost": "reg.io", "help": "https://a.b"});
    assert_eq!(patch(&json!({"spec": {"settings": ours}})).code, Some(0));
    assert_eq!(patch(&json!({"spec": {"settings": {"host": null, "help": null}}})).code, Some(0));

    // An update in another version of the API would drop the fields that this version lacks.
    let other = policy[0].replacen('.', ".v1alpha2.", 1);
    let policy = [&[other.as_str()], &policy[1..]].concat();
    let arguments = [
        &["patch"],
        &policy[..],
        &["--type=merge", "--dry-run=server", account, "--patch={\"spec\":{\"settings\":{\"host\":\"a.b\"}}}"],
    ]
    .concat();
    cluster
        .kubectl
        .run(&arguments)
        .failed_with("local-registry-sync may only update policies, as policies.kubewarden.io/v1");
}

#[test]
fn the_sync_job_can_change_three_settings_and_nothing_else() {
    let cluster = start();
    cluster.install(&values::usual());
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    cluster.patch_policy("merge", &json!({"spec": {"settings": {"insecure": true, "lookupBuilds": false}}}));
    let policy = ["clusteradmissionpolicies.policies.kubewarden.io", "local-registry"];
    check_changes(&cluster, SYNC, &policy, "kubewarden/crds/policies.kubewarden.io_clusteradmissionpolicies.yaml");

    // The sync job's own apply passes, with settings and without any.
    for (declaration, changed) in [(Some("help: https://a.b"), "changed"), (None, "changed")] {
        assert!(cluster.sync(&[]).stdout.contains(changed));
        match declaration {
            Some(declaration) => cluster.declare(declaration),
            None => {
                drop(cluster.kubectl.ok(&["delete", "configmap", "local-registry-hosting", "--namespace=kube-public"]));
            }
        }
    }
    let answer = cluster.sync(&[]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let left = json!({"insecure": true, "lookupBuilds": false, "outputWithoutRegistry": "warn"});
    assert_eq!(cluster.policy()["spec"]["settings"], left);
}

#[test]
fn the_sync_job_can_change_three_settings_of_a_namespaced_policy() {
    let cluster = start();
    install_namespaced(&cluster);
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    cluster.kubectl.ok(&[
        "patch",
        "admissionpolicy",
        "local-registry",
        "--namespace=apps",
        "--type=merge",
        "--patch={\"spec\":{\"settings\":{\"insecure\":true}}}",
    ]);
    let policy = ["admissionpolicies.policies.kubewarden.io", "local-registry", "--namespace=apps"];
    check_changes(&cluster, SYNC_OF_APPS, &policy, "kubewarden/crds/policies.kubewarden.io_admissionpolicies.yaml");
    let answer = cluster.sync_in("apps", &["--policy=apps/local-registry"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.stdout.contains("changed"), "{answer:?}");
}

/// A cluster with the limits of the sync job, which the API server enforces. Its first patch of a CRD is refused.
fn limited() -> TestCluster {
    let cluster = TestCluster::start(Crds::Plain);
    cluster.install(&values::usual());
    cluster.kubectl.wait_for_admission_policies();
    cluster
}

/// Patches a CRD as the sync job.
fn patch_crd(cluster: &TestCluster, name: &str, operations: &Value) -> Answer {
    let arguments = ["patch", "crd", name, "--type=json", SYNC, AS_MANAGER, "--dry-run=server"];
    cluster.kubectl.run(&[&arguments[..], &["--patch", &operations.to_string()]].concat())
}

fn add(path: &str, value: &Value) -> Value {
    json!([{"op": "add", "path": path, "value": value}])
}

const SCHEMA: &str = "/spec/versions/1/schema/openAPIV3Schema";
/// The description of the field `local`.
const FIELD: &str = "The image names no registry: the cluster's own is put in front of it at admission.";

/// Otherwise, an attacker with its account could name another conversion webhook, and so read and change every Build.
#[test]
fn the_sync_job_can_add_and_remove_its_field_in_crds_and_change_no_other() {
    let cluster = limited();
    let patch = |name: &str, operations: Value| patch_crd(&cluster, name, &operations);
    let schema = SCHEMA;
    let spec = format!("{schema}/properties/spec");
    let output = format!("{spec}/properties/output");
    let embedded = format!("{spec}/properties/build/properties/spec/properties");
    let field = json!({"type": "boolean", "description": FIELD});
    let (builds, runs) = ("builds.shipwright.io", "buildruns.shipwright.io");
    patch(builds, add(&format!("{output}/description"), &json!("x"))).failed_with("may change no schema of a CRD");

    for (name, path) in [
        (builds, format!("{output}/properties/local")),
        (builds, format!("{spec}/properties/source/properties/ociArtifact/properties/local")),
        (runs, format!("{output}/properties/local")),
        (runs, format!("{embedded}/output/properties/local")),
        (runs, format!("{embedded}/source/properties/ociArtifact/properties/local")),
        (builds, "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/builder/properties/local".to_owned()),
        (runs, "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/buildSpec/properties/builder/properties/local".to_owned()),
    ] {
        patch(name, add(&path, &field)).ok(&[&path]);
        for other in [json!({"type": "string"}), json!({"type": "boolean"}), json!({"type": "boolean", "description": "x"})] {
            patch(name, add(&path, &other)).failed_with("may change no schema of a CRD");
        }
    }
    let string = json!({"type": "string"});
    let free = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    for (name, path, value) in [
        (builds, format!("{output}/properties/image/type"), json!("integer")),
        (builds, format!("{output}/properties/image"), string.clone()),
        (builds, format!("{output}/properties/other"), field.clone()),
        (builds, format!("{output}/required"), json!([])),
        (builds, format!("{output}/x-kubernetes-preserve-unknown-fields"), json!(true)),
        (builds, output.clone(), free.clone()),
        (builds, format!("{spec}/properties/local"), field.clone()),
        (builds, format!("{spec}/properties/builder"), string.clone()),
        (builds, format!("{spec}/properties/source"), free.clone()),
        (builds, format!("{spec}/properties/timeout"), string.clone()),
        (builds, format!("{spec}/description"), json!("x")),
        (builds, spec.clone(), free.clone()),
        (builds, format!("{schema}/properties/local"), field.clone()),
        (builds, format!("{schema}/properties/status"), free.clone()),
        (builds, format!("{schema}/description"), json!("x")),
        (runs, format!("{spec}/properties/build"), free.clone()),
        (runs, format!("{spec}/properties/build/properties/local"), field.clone()),
        (runs, format!("{spec}/properties/buildSpec"), free.clone()),
        (runs, format!("{embedded}/local"), field.clone()),
        (runs, format!("{embedded}/source/properties/local"), field.clone()),
        (runs, format!("{embedded}/strategy"), free.clone()),
    ] {
        let answer = patch(name, add(&path, &value));
        assert!(answer.stderr.contains("may change no schema of a CRD"), "{path}: {answer:?}");
    }
    patch(builds, add(schema, &free)).failed_with("may not add or remove the schema of a CRD");
    for remove in [format!("{output}/properties/image"), format!("{spec}/properties/timeout"), output.clone()] {
        let answer = patch(builds, json!([{"op": "remove", "path": remove}]));
        assert!(answer.stderr.contains("may change no schema of a CRD"), "{remove}: {answer:?}");
    }

    // Its own changes pass, both ways.
    let sync = |arguments: &[&str]| {
        let answer = cluster.sync(&[&["crds"], arguments].concat());
        assert_eq!(answer.code, Some(0), "{answer:?}");
        answer.stdout
    };
    assert!(sync(&[]).contains("CRD buildruns.shipwright.io: added the field local in v1alpha1 spec.output"));
    patch(builds, json!([{"op": "remove", "path": format!("{output}/properties/local")}])).ok(&["remove"]);
    patch(builds, add(&format!("{output}/properties/local"), &json!({"type": "boolean"})))
        .failed_with("may change no schema of a CRD");
    assert!(sync(&["--remove"]).contains("CRD builds.shipwright.io: removed the field local in v1alpha1 spec.output"));
}

#[test]
fn the_sync_job_can_change_nothing_of_a_crd_but_its_schemas() {
    let cluster = limited();
    let builds = "builds.shipwright.io";
    let patch = |name: &str, operations: Value| patch_crd(&cluster, name, &operations);
    let versions = "may change nothing in the versions of a CRD but their schemas";
    for (path, value) in [
        ("/spec/versions/0/served", json!(false)),
        ("/spec/versions/0/deprecated", json!(true)),
        ("/spec/versions/1/additionalPrinterColumns", json!([])),
        (
            "/spec/versions/1/subresources/scale",
            json!({"specReplicasPath": ".spec.a", "statusReplicasPath": ".status.a"}),
        ),
    ] {
        let answer = patch(builds, add(path, &value));
        assert!(answer.stderr.contains(versions), "{path}: {answer:?}");
    }
    let mut third = cluster.shipwright_crd("builds")["spec"]["versions"][0].clone();
    third["name"] = json!("v1");
    for operations in [
        add("/spec/versions/-", &third),
        json!([{"op": "move", "from": "/spec/versions/0", "path": "/spec/versions/1"}]),
        json!([{"op": "remove", "path": "/spec/versions/0"}]),
    ] {
        patch(builds, operations).failed_with(versions);
    }
    for (path, value) in [
        ("/spec/conversion", json!({"strategy": "None"})),
        ("/spec/conversion/webhook/clientConfig", json!({"url": "https://elsewhere.example"})),
        ("/spec/names/shortNames", json!(["b"])),
    ] {
        patch(builds, add(path, &value)).failed_with("may change nothing in the spec of a CRD but its versions");
    }
    for (path, value) in [
        ("/metadata/labels", json!({"a": "b"})),
        ("/metadata/annotations/a", json!("b")),
        ("/metadata/finalizers", json!(["example.com/a"])),
        ("/metadata/ownerReferences", json!([{"apiVersion": "v1", "kind": "Secret", "name": "a", "uid": "b"}])),
    ] {
        patch(builds, add(path, &value)).failed_with("may not change the metadata of a CRD");
    }

    // Even with more rights than it is given, it can do nothing else.
    let rules = ["--verb=*", "--resource=customresourcedefinitions,customresourcedefinitions/status"];
    cluster.kubectl.ok(&[&["create", "clusterrole", "crds"][..], &rules].concat());
    let account = "--serviceaccount=local-registry:local-registry-sync";
    cluster.kubectl.ok(&["create", "clusterrolebinding", "crds", "--clusterrole=crds", account]);
    let only = "may only update Shipwright's CRDs, as apiextensions.k8s.io/v1";
    for arguments in [
        &["delete", "crd", builds][..],
        &[
            "patch",
            "crd",
            "clusteradmissionpolicies.policies.kubewarden.io",
            "--type=merge",
            "--patch={\"spec\":{\"scope\":\"Cluster\"}}",
        ],
        &[
            "patch",
            "crd",
            builds,
            "--subresource=status",
            "--type=merge",
            "--patch={\"status\":{\"storedVersions\":[\"v1beta1\",\"v1alpha1\"]}}",
        ],
    ] {
        cluster.kubectl.run(&[arguments, &[SYNC, "--dry-run=server"]].concat()).failed_with(only);
    }
}

/// Patches of `metadata.managedFields`, each with who would own what by it. The object has an entry of this manager, which has
/// installed it, and one of `other`, which owns what is at `theirs`.
fn forgeries(object: &Value, installer: &str, theirs: &str) -> Vec<(&'static str, Value)> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let of = |manager: &str| entries.iter().position(|entry| entry["manager"] == manager).unwrap();
    let (installer, other) = (of(installer), of("other"));
    let forged = |forge: &dyn Fn(&mut Vec<Value>)| {
        let mut entries = entries.clone();
        forge(&mut entries);
        json!(entries)
    };
    let fields = entries[other].pointer(&format!("/fieldsV1{theirs}")).unwrap().clone();
    let (parent, last) = theirs.rsplit_once('/').unwrap();
    let by = |manager: &str| {
        let mut entry = entries[other].clone();
        entry["manager"] = json!(manager);
        entry
    };
    vec![
        ("nobody owns anything", json!([{}])),
        (
            "the installer owns what another applies",
            forged(&|entries| {
                entries[installer].pointer_mut(&format!("/fieldsV1{parent}")).unwrap()[last] = fields.clone();
            }),
        ),
        ("the installer owns the whole spec", forged(&|entries| entries[installer]["fieldsV1"]["f:spec"] = json!({}))),
        ("nobody owns what another applies", forged(&|entries| drop(entries.remove(other)))),
        ("the sync job owns it", forged(&|entries| entries[other]["manager"] = json!("local-registry-sync"))),
        ("the sync job owns it, too", forged(&|entries| entries.push(by("local-registry-sync")))),
        ("a third one owns it, too", forged(&|entries| entries.push(by("third")))),
        ("what the API server itself merges owns it", forged(&|entries| entries.push(by("ancient-changes")))),
    ]
}

/// Otherwise, an attacker with its account could let the next `kubectl apply --server-side` remove the webhook's CA, which
/// kubectl does to what it owns and no longer applies.
#[test]
fn the_sync_job_can_make_nobody_the_owner_of_a_field_of_a_crd() {
    let cluster = limited();
    let (builds, denied) = ("builds.shipwright.io", "who owns which fields");
    let read = || cluster.kubectl.json(&["get", "crd", builds, "--show-managed-fields"]);
    let path = format!("{SCHEMA}/properties/spec/properties/output/properties/local");
    let add_field = add(&path, &json!({"type": "boolean", "description": FIELD}));
    let versions =
        json!([{"op": "add", "path": "/spec/conversion/webhook/conversionReviewVersions", "value": ["v1", "v1beta1"]}]);
    let by_other = ["patch", "crd", builds, "--type=json", "--field-manager=other", "--patch", &versions.to_string()];
    cluster.kubectl.ok(&by_other);
    let check = || {
        let theirs = "/f:spec/f:conversion/f:webhook/f:conversionReviewVersions";
        for (forgery, entries) in forgeries(&read(), "kubectl", theirs) {
            let forge = json!({"op": "add", "path": "/metadata/managedFields", "value": entries});
            for operations in [json!([forge]), json!([forge, add_field[0]])] {
                let answer = patch_crd(&cluster, builds, &operations);
                assert!(answer.stderr.contains(denied), "{forgery}: {answer:?}");
            }
        }
    };
    check();
    // Nor by the name of another manager.
    let as_kubectl = ["patch", "crd", builds, "--type=json", SYNC, "--field-manager=kubectl"];
    cluster.kubectl.run(&[&as_kubectl[..], &["--patch", &add_field.to_string()]].concat()).failed_with(denied);

    // Its own changes pass, and take from the others what the API server takes from them.
    let owners_of_versions = || -> Vec<String> {
        let object = read();
        let entries = object["metadata"]["managedFields"].as_array().unwrap().iter();
        let owners = entries.filter(|entry| !entry["fieldsV1"]["f:spec"]["f:versions"].is_null());
        owners.map(|entry| entry["manager"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(owners_of_versions(), ["kubectl"]);
    assert_eq!(cluster.sync(&["crds"]).code, Some(0));
    assert_eq!(owners_of_versions(), ["local-registry-sync"]);
    patch_crd(&cluster, builds, &json!([{"op": "remove", "path": path}])).ok(&["remove"]);
    cluster.apply_released_crds();
    assert_eq!(owners_of_versions(), ["kubectl"]);

    // With more than ten others, the API server merges the oldest of them.
    for number in 0..12 {
        let manager = format!("--field-manager=m{number}");
        let note = json!({"metadata": {"annotations": {format!("m{number}"): "x"}}}).to_string();
        cluster.kubectl.ok(&["patch", "crd", builds, "--type=merge", &manager, "--patch", &note]);
    }
    assert_eq!(cluster.sync(&["crds"]).code, Some(0));
    assert_eq!(owners_of_versions(), ["local-registry-sync"]);
}

#[test]
fn the_sync_job_can_make_nobody_the_owner_of_a_field_of_a_policy() {
    let cluster = start();
    cluster.install(&values::usual());
    cluster.kubectl.wait_for_admission_policies();
    let policy = ["clusteradmissionpolicy", "local-registry"];
    let by_other = |settings: Value| {
        let patch = json!({"spec": {"settings": settings}}).to_string();
        let arguments =
            [&["patch"], &policy[..], &["--type=merge", "--field-manager=other", "--patch", &patch]].concat();
        cluster.kubectl.ok(&arguments);
    };
    // Then another one makes the settings, and is the owner of the map.
    cluster.patch_policy("json", &json!([{"op": "remove", "path": "/spec/settings"}]));
    by_other(json!({"insecure": true, "help": "https://a.b"}));
    let read = || cluster.kubectl.json(&[&["get"], &policy[..], &["--show-managed-fields"]].concat());
    for (forgery, entries) in forgeries(&read(), "helm", "/f:spec/f:settings") {
        let forge = json!({"op": "add", "path": "/metadata/managedFields", "value": entries});
        let change = json!({"op": "add", "path": "/spec/settings/host", "value": "a.b"});
        for operations in [json!([forge]), json!([forge, change])] {
            let as_sync = ["--type=json", SYNC, AS_MANAGER, "--dry-run=server"];
            let patch = operations.to_string();
            let answer = cluster.kubectl.run(&[&["patch"], &policy[..], &as_sync, &["--patch", &patch]].concat());
            assert!(answer.stderr.contains("who owns which fields"), "{forgery}: {answer:?}");
        }
    }

    // Its own applies pass, and with --force they take from the others what the API server takes from them.
    let owned_by_other = || {
        let object = read();
        let entries = object["metadata"]["managedFields"].as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["manager"] == "other");
        entry.map_or(Value::Null, |entry| entry["fieldsV1"]["f:spec"]["f:settings"].clone())
    };
    // It made the settings, so it has the map as such, too.
    assert_eq!(owned_by_other(), json!({".": {}, "f:insecure": {}, "f:help": {}}));
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\nhelp: https://c.d\n");
    assert_eq!(cluster.sync(&[]).code, Some(1), "a conflict");
    assert_eq!(cluster.sync(&["--force"]).code, Some(0));
    assert_eq!(owned_by_other(), json!({".": {}, "f:insecure": {}}));
    by_other(json!({"insecure": null, "help": "https://e.f"}));
    assert_eq!(owned_by_other(), json!({".": {}, "f:help": {}}));
    assert_eq!(cluster.sync(&["--force"]).code, Some(0));
    assert_eq!(owned_by_other(), json!({}), "the map alone");

    // Where nobody was known to own anything, the API server makes an entry for all there was.
    let wipe = json!([
        {"op": "add", "path": "/metadata/managedFields", "value": [{}]},
        {"op": "replace", "path": "/spec/settings/host", "value": "other:5000"},
    ]);
    cluster.patch_policy("json", &wipe);
    assert_eq!(cluster.sync(&["--force"]).code, Some(0));
    assert_eq!(cluster.policy()["spec"]["settings"]["host"], "kind-registry:5000");
}

/// Otherwise, an attacker with its account could stop the policy server, which does not start with invalid settings.
#[test]
fn the_sync_job_cannot_set_a_host_that_the_policy_refuses() {
    let cluster = TestCluster::start(Crds::Plain);
    cluster.install(&values::usual());
    let set = |settings: Value| {
        let patch = json!({"spec": {"settings": settings}}).to_string();
        let arguments = ["patch", "clusteradmissionpolicy", "local-registry", "--type=merge", "--patch", &patch, SYNC];
        cluster.kubectl.run(&[&arguments[..], &[AS_MANAGER, "--dry-run=server"]].concat())
    };
    cluster.kubectl.wait_for_admission_policies();
    set(json!({"host": "localhost"})).failed_with("no host that the policy refuses");
    for settings in
        [json!({"host": 7}), json!({"runtimeHost": {"a": "b"}}), json!({"help": []}), json!({"help": "x".repeat(1025)})]
    {
        set(settings).failed_with("to a text of at most 1024 characters only");
    }
    for settings in [json!({"host": null, "help": null}), json!({"host": "", "help": "https://example.org"})] {
        let answer = set(settings);
        assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    }
    let verdicts = std::fs::read_to_string(root().join("crates/core/tests/parsers/verdicts.jsonl")).unwrap();
    let known: Vec<Value> = verdicts.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let known = known.iter().filter_map(|verdict| verdict["host"].as_str());
    let others = [
        "kind-registry",
        "localhost:5000",
        "127.0.0.1:5000",
        "0.0.0.0:5000",
        "169.254.169.254:80",
        "224.0.0.1:5000",
        "255.255.255.255:5000",
        "1.2.3:5000",
        "1.2.3.4.5:5000",
        "a.0x7f:5000",
        "[::1]:5000",
        "[::]:5000",
        "[fe80::1]:5000",
        "[ff02::1]:5000",
        "[::ffff:127.0.0.1]:5000",
        "[::ffff:7f00:1]:5000",
        "[fd00::1]:0",
        "[fd00::1]:65536",
        "registry:65536",
        "registry:0",
        "docker.io",
        "index.docker.io:443",
        "registry.hub.docker.com",
        "ip6-localhost:5000",
        "A.b",
        "a_b:5000",
        "a..b",
        "a.b.",
        "-a.b",
        "a.b/c",
        "https://a.b",
        "u@a.b",
        "null:5000",
        "none:5000",
        "undefined:5000",
        "nil",
        "null.example:5000",
        "registry:5000",
        "registry.ns.svc.cluster.local",
        "10.0.0.5",
        "10.0.0.5:5000",
        "[fd00::1]",
        "[fd00::1]:5000",
        "xn--n3h.com",
        "a.b:65535",
    ];
    let mut checked = 0;
    for host in known.chain(others) {
        let answer = set(json!({"host": host}));
        let is_valid = RegistryHost::parse(host).is_ok() || host.is_empty();
        assert_eq!(answer.code == Some(0), is_valid, "{host}: {}", answer.stderr);
        let answer = set(json!({"runtimeHost": host}));
        let is_valid = RuntimeHost::parse(host).is_ok() || host.is_empty();
        assert_eq!(answer.code == Some(0), is_valid, "{host} for nodes: {}", answer.stderr);
        checked += 1;
    }
    assert!(checked > 80, "{checked}");
}

#[test]
fn accounts_touch_only_events_of_their_own() {
    let cluster = start();
    cluster.install(&json!({"nodes": {"enabled": true}}));
    cluster.kubectl.wait_for_admission_policies();
    let event = |name: &str, controller: &str| {
        json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": "default"},
            "eventTime": "2026-01-01T00:00:00.000000Z",
            "type": "Warning",
            "reason": "Test",
            "action": "Test",
            "regarding": {"kind": "Node", "name": "n1", "namespace": "default"},
            "reportingController": controller,
            "reportingInstance": "n1",
        })
    };
    let create = ["create", "--validate=false", "-f", "-"];
    cluster.kubectl.ok_with(&create, &event("of-the-kubelet", "kubelet"));
    for (namespace, account) in [(NAMESPACE, "local-registry-sync"), ("local-registry-nodes", "local-registry-node")] {
        let kubectl = cluster.control_plane.kubectl_of(namespace, account);
        let refused = format!("{account} may create and change only Events of its own");
        // `kubectl patch` would read the Event first.
        let patch = |name: &str| {
            let series = json!({"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"});
            let metadata = json!({"name": name, "namespace": "default"});
            let event =
                json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": metadata, "series": series});
            kubectl.run_with(&["apply", "--server-side", "--validate=false", "-f", "-"], &event.to_string())
        };
        kubectl.ok_with(&create, &event(&format!("of-{account}"), "local-registry-sync"));
        patch(&format!("of-{account}")).ok(&["patch"]);
        kubectl.run_with(&create, &event("forged", "kubelet").to_string()).failed_with(&refused);
        patch("of-the-kubelet").failed_with(&refused);
    }
}

#[test]
fn the_agents_priority_is_for_the_agent() {
    let cluster = start();
    cluster.install(&values::nodes());
    cluster.kubectl.wait_for_admission_policies();
    cluster.kubectl.ok(&["create", "serviceaccount", "pods", "--namespace=team"]);
    let pod = |namespace: &str, class: Option<&str>| {
        let account = if namespace == "team" { "pods" } else { "local-registry-node" };
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "namespace": namespace},
            "spec": {"priorityClassName": class, "serviceAccountName": account, "containers": [{"name": "c", "image": "reg.io/c"}]},
        });
        cluster.kubectl.run_with(&["create", "--dry-run=server", "-f", "-"], &pod.to_string())
    };
    pod("local-registry-nodes", Some("local-registry-node")).ok(&["create"]);
    pod("team", Some("system-cluster-critical")).ok(&["create"]);
    pod("team", None).ok(&["create"]);
    pod("team", Some("local-registry-node")).failed_with("is for the nodes' agent in local-registry-nodes alone");
}
