//! `check`, with the rights of the pod that `helm test` runs.

use e2e::{Crds, TestCluster, build, eventually, values};
use serde_json::{Value, json};

/// A declaration of a registry that does not exist.
const DECLARED: &str = "hostFromClusterNetwork: \"kind-registry.invalid:5000\"\n";

/// The lines of `check`, except those about the registry.
fn lines(stdout: &str) -> Vec<&str> {
    let others = |line: &&str| !line.contains(" name: ") && !line.contains(" registry: ");
    stdout.lines().filter(others).collect()
}

/// A cluster in which every link holds, except those about the registry.
fn installed() -> TestCluster {
    let mut cluster = TestCluster::start(Crds::Patched);
    cluster.install(&values::usual());
    cluster.declare(DECLARED);
    assert_eq!(cluster.sync(&[]).code, Some(0));
    cluster.reconcile();
    cluster
}

/// The lines that do not start with ✓, but for the last one, which follows from them; and whether the check failed.
fn trouble(cluster: &TestCluster) -> (Vec<String>, bool) {
    let answer = cluster.check(&[]);
    let bad =
        lines(&answer.stdout).into_iter().filter(|line| !line.starts_with('✓') && !line.contains(" safeguards: "));
    (bad.map(ToOwned::to_owned).collect(), answer.code == Some(1))
}

#[test]
fn every_link_is_reported() {
    let cluster = installed();
    let answer = cluster.check(&[]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let conditions = |name: &str| {
        let found = lines(&answer.stdout);
        let start = format!("✓ policy {name} matchConditions: ");
        (*found.iter().find(|line| line.starts_with(&start)).expect(&start)).to_owned()
    };
    let policy = conditions("local-registry");
    assert_eq!(
        lines(&answer.stdout),
        [
            "✓ ConfigMap: the local registry is kind-registry.invalid:5000",
            "✓ host: image parsers read kind-registry.invalid:5000 as a registry",
            "✓ CRD builds.shipwright.io: it has the field local beside every image",
            "✓ CRD buildruns.shipwright.io: it has the field local beside every image",
            "✓ policy local-registry: it is active, and its policy server serves its newest settings",
            &cluster.webhook_line("local-registry", "mutatingwebhookconfiguration"),
            "✓ policy local-registry server: 1 of 1 ready in kubewarden, by the labels kubewarden/policy-server=default",
            "✓ policy local-registry mode: protect",
            "✓ policy local-registry failurePolicy: Fail",
            "✓ policy local-registry rules: they cover Builds and BuildRuns in both versions, new and updated",
            "✓ policy local-registry selectors: they leave no namespace and no object out",
            &policy,
            "✓ policy local-registry settings: they say what the cluster declares, and are served",
            "✓ policy local-registry rights: service account kubewarden/policy-server may get Builds",
            "✓ guard local-registry-guard: it is bound, and denies what the policy does not see",
            "✓ guard local-registry-guard-inherited: it is bound, and denies what the policy does not see",
            "✓ Builds: none of 0 has lost local: true, can lose it, or goes to Docker Hub",
            "✓ safeguards: the policy is asked, the guard refuses what it does not see, and the CRDs keep the field",
        ]
    );
    assert_eq!(answer.stderr, "", "a registry without HTTPS should not be logged");

    cluster.kubectl.ok(&["delete", "clusterrolebinding", "local-registry-policy"]);
    let answer = cluster.check(&[]);
    assert_eq!(answer.code, Some(1));
    let expected = "✗ policy local-registry rights: service account kubewarden/policy-server of policy server default may not get Builds";
    assert!(answer.stdout.contains(expected), "{answer:?}");

    // Every account is in this group.
    let all =
        ["create", "clusterrolebinding", "all", "--clusterrole=local-registry-policy", "--group=system:authenticated"];
    cluster.kubectl.ok(&all);
    let expected = "✓ policy local-registry rights: service account kubewarden/policy-server may get Builds";
    eventually("the right of everybody", || cluster.check(&[]).stdout.contains(expected).then_some(()));
}

#[test]
fn a_policy_that_cannot_take_effect_is_reported() {
    let cluster = installed();
    assert_eq!(trouble(&cluster), (vec![], false));
    let shipped = cluster.policy()["spec"].clone();
    let check = |field: &str, value: Value, expected: &str, fails: bool| {
        cluster.patch_policy("merge", &json!({"spec": {field: value}}));
        assert_eq!(trouble(&cluster), (vec![expected.to_owned()], fails), "{field}");
        cluster.patch_policy("merge", &json!({"spec": {field: shipped[field]}}));
    };
    check(
        "mode",
        json!("monitor"),
        "✗ policy local-registry mode: it is monitor, so the policy is asked, but its answers are ignored; set spec.mode: protect",
        true,
    );
    check(
        "failurePolicy",
        json!("Ignore"),
        "✗ policy local-registry failurePolicy: it is Ignore, so an image that cannot be resolved goes to Docker Hub; set spec.failurePolicy: Fail",
        true,
    );
    check(
        "rules",
        json!([{"apiGroups": ["shipwright.io"], "apiVersions": ["v1beta1"], "resources": ["*"], "operations": ["*"]}]),
        "✗ policy local-registry rules: they leave out CREATE of v1alpha1 builds, UPDATE of v1alpha1 builds, CREATE of v1alpha1 buildruns, UPDATE of v1alpha1 buildruns; give it the rules of charts/local-registry/files/policies/builds.yaml",
        true,
    );
    check(
        "namespaceSelector",
        json!({"matchExpressions": [{"key": "nobody", "operator": "Exists"}]}),
        "✗ policy local-registry namespaceSelector: it sees only namespaces with nobody, and there is no such namespace; remove spec.namespaceSelector, or nothing is resolved",
        true,
    );
    check(
        "objectSelector",
        json!({"matchLabels": {"local": "yes"}}),
        "! policy local-registry objectSelector: it sees only objects with local=yes; no other image is resolved; remove spec.objectSelector, unless that is meant",
        false,
    );
    check(
        "matchConditions",
        json!([{"name": "never", "expression": "false"}]),
        "! policy local-registry matchConditions: never differs from those that this version ships, so objects may be left out; upgrade the release with the chart of this version (policy.enabled=true), or see that they leave out nothing that may be local",
        false,
    );
}

#[test]
fn a_guard_that_refuses_nothing_is_reported() {
    let cluster = installed();
    let check = |arguments: &[&str], expected: &str, fails: bool| {
        cluster.kubectl.ok(arguments);
        let (found, failed) = trouble(&cluster);
        assert!(matches!(&found[..], [line] if line.starts_with(expected)), "{found:?}");
        assert_eq!(failed, fails, "{found:?}");
        let last = cluster.check(&[]).stdout.lines().last().map(str::to_owned).unwrap();
        assert!(last.contains("safeguards: ") && last.contains("the guard (guard local-registry-guard"), "{last}");
        cluster.install(&values::usual());
        assert_eq!(trouble(&cluster), (vec![], false));
    };
    check(
        &["delete", "validatingadmissionpolicy", "local-registry-guard"],
        "✗ guard local-registry-guard: there is no ValidatingAdmissionPolicy local-registry-guard, so",
        true,
    );
    check(
        &["delete", "validatingadmissionpolicybinding", "local-registry-guard-inherited"],
        "✗ guard local-registry-guard-inherited: there is no ValidatingAdmissionPolicyBinding local-registry-guard-inherited, and",
        true,
    );
    let patch = |kind: &'static str, patch: &'static str| {
        ["patch", kind, "local-registry-guard-inherited", "--type=json", "--patch", patch]
    };
    check(
        &patch(
            "validatingadmissionpolicybinding",
            r#"[{"op": "replace", "path": "/spec/validationActions", "value": ["Audit"]}]"#,
        ),
        "✗ guard local-registry-guard-inherited: its binding has the validationActions `Audit`, and not Deny",
        true,
    );
    check(
        &patch(
            "validatingadmissionpolicy",
            r#"[{"op": "replace", "path": "/spec/matchConditions/0/expression", "value": "false"}]"#,
        ),
        "! guard local-registry-guard-inherited: its matchConditions differ from those that this version ships",
        false,
    );
    // The API server takes each of these, and the guard refuses nothing any more.
    let nothing =
        "✗ guard local-registry-guard-inherited: its matchConstraints leave out CREATE of v1alpha1 buildruns, ";
    for change in [
        r#"[{"op": "replace", "path": "/spec/matchConstraints/resourceRules/0/operations", "value": ["DELETE"]}]"#,
        r#"[{"op": "replace", "path": "/spec/matchConstraints/resourceRules/0/resources", "value": ["buildstrategies"]}]"#,
        r#"[{"op": "replace", "path": "/spec/matchConstraints/resourceRules/0/scope", "value": "Cluster"}]"#,
        r#"[{"op": "add", "path": "/spec/matchConstraints/resourceRules/0/resourceNames", "value": ["other"]}]"#,
    ] {
        check(&patch("validatingadmissionpolicy", change), nothing, true);
    }
    check(
        &patch(
            "validatingadmissionpolicy",
            r#"[{"op": "replace", "path": "/spec/paramKind/apiVersion", "value": "shipwright.io/v1alpha1"}]"#,
        ),
        "✗ guard local-registry-guard-inherited: it has another paramKind",
        true,
    );
    check(
        &patch(
            "validatingadmissionpolicybinding",
            r#"[{"op": "replace", "path": "/spec/paramRef/selector", "value": {}}]"#,
        ),
        "! guard local-registry-guard-inherited: its binding shows it every Build",
        false,
    );
}

#[test]
fn a_policy_server_that_hangs_while_it_rolls_is_reported() {
    let mut cluster = installed();
    cluster.kubewarden.hang(true);
    cluster.declare("hostFromClusterNetwork: \"new.invalid:5000\"\n");
    assert_eq!(cluster.sync(&[]).code, Some(0));
    cluster.reconcile();
    assert_eq!(cluster.policy()["status"]["policyStatus"], "active", "the real controller leaves it active");
    assert_eq!(
        trouble(&cluster),
        (
            vec![
                "✗ policy local-registry: PolicyActive is False: The policy webhook has not been created, PolicyUniquelyReachable is False: The latest replica set is not uniquely reachable; wait until the policy server has rolled; if it hangs, see why: kubectl describe pods --namespace kubewarden --selector kubewarden/policy-server=default".to_owned(),
                "! policy local-registry settings: they say what the cluster declares, but it is not known whether they are served".to_owned(),
            ],
            true
        )
    );
    cluster.kubewarden.hang(false);
    cluster.reconcile();
    assert_eq!(trouble(&cluster), (vec![], false));
}

#[test]
fn builds_that_lost_the_field_or_go_to_docker_hub_are_reported() {
    // No webhook is registered, and no guard yet, so Builds are stored as they are written here.
    let cluster = TestCluster::start(Crds::Patched);
    cluster.install(&values::without_guard());
    let builds = || -> Vec<String> {
        let stdout = cluster.check(&[]).stdout;
        stdout.lines().filter(|line| line.contains(" Builds: ")).map(ToOwned::to_owned).collect()
    };
    // With the label, which the guard wants to see.
    let mut lost = build("lost", json!({"image": "team/app"}));
    lost["metadata"]["labels"] = json!({"local-registry-hosting/output": "local"});
    lost["metadata"]["annotations"] = json!({"local-registry-hosting/output": "recorded"});
    cluster.create(&lost);
    let mut whole = build("whole", json!({"image": "team/app", "local": true}));
    whole["metadata"]["annotations"] = lost["metadata"]["annotations"].clone();
    whole["metadata"]["labels"] = lost["metadata"]["labels"].clone();
    cluster.create(&whole);
    let expected = "! Builds: 1 have no field local, and are local by their record alone: team/lost; those written in v1alpha1 always look so; re-apply the others, and see that the CRDs have the field";
    assert_eq!(builds(), [expected]);

    let many: Vec<Value> = (0..60).map(|n| build(&format!("hub-{n:02}"), json!({"image": "team/app"}))).collect();
    cluster.kubectl.ok_with(&["create", "-f", "-"], &json!({"apiVersion": "v1", "kind": "List", "items": many}));
    let found = builds();
    assert_eq!(found[0], expected);
    assert_eq!(
        found[1],
        "! Builds: 60 have an output that is not local and names no registry, so it goes to Docker Hub: team/hub-00, team/hub-01, team/hub-02, team/hub-03, team/hub-04 and 55 more; set local: true, or write the registry that is meant, docker.io included"
    );
}
