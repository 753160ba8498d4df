//! What Kubewarden does to policies, and what a user gets meanwhile. `make e2e-real` shows that the real one does it.

use std::collections::BTreeSet;

use e2e::{Crds, TestCluster, build, build_run, eventually, hello, values};
use serde_json::{Value, json};

const WEBHOOK: &str = "clusterwide-local-registry";

/// A cluster whose policy has this host, with what `check` needs.
fn declaring(host: &str) -> TestCluster {
    let mut cluster = TestCluster::start(Crds::Patched);
    cluster.install(&values::usual());
    redeclare(&mut cluster, host);
    cluster
}

/// Declares this host, and lets the sync job and Kubewarden do their work.
fn redeclare(cluster: &mut TestCluster, host: &str) {
    cluster.declare(&format!("hostFromClusterNetwork: \"{host}\"\n"));
    assert_eq!(cluster.sync(&[]).code, Some(0));
    cluster.reconcile();
}

/// The image of a local run, by a dry run.
fn image(cluster: &TestCluster) -> Result<String, String> {
    let spec =
        json!({"build": {"spec": {"strategy": {"name": "any"}, "output": {"image": "team/app:v1", "local": true}}}});
    let run = build_run("run", spec);
    let output = "--output=jsonpath={.spec.build.spec.output.image}";
    let answer = cluster.kubectl.run_with(&["create", "--dry-run=server", output, "-f", "-"], &run.to_string());
    if answer.code == Some(0) { Ok(answer.stdout) } else { Err(answer.stderr) }
}

/// The lines of `check` about the policy that begin with ✗.
fn faults(cluster: &TestCluster) -> Vec<String> {
    let answer = cluster.check(&[]);
    let lines = answer.stdout.lines().filter(|line| line.starts_with("✗ policy"));
    lines.map(ToOwned::to_owned).collect()
}

/// The last line of `check`, and its exit code.
fn safeguards(cluster: &TestCluster) -> (String, Option<i32>) {
    let answer = cluster.check(&[]);
    (answer.stdout.lines().last().unwrap().to_owned(), answer.code)
}

#[test]
fn a_policy_server_that_was_deleted_is_reported_and_its_policies_come_back() {
    for (keeps_policies, fault) in [
        (false, "✗ policy local-registry: ClusterAdmissionPolicy local-registry: not found; create it"),
        (true, "✗ policy local-registry: its status is scheduled, not active"),
    ] {
        let mut cluster = declaring("reg.invalid:5000");
        cluster.create(&hello());
        cluster.kubewarden.keep_policies(keeps_policies);
        cluster.kubectl.ok(&["delete", "policyserver", "default"]);
        cluster.reconcile();
        let webhook = cluster.kubectl.run(&["get", "mutatingwebhookconfiguration", WEBHOOK]);
        webhook.failed_with("NotFound");
        let found = faults(&cluster);
        assert!(found.iter().any(|line| line.starts_with(fault)), "{found:?}");
        let (last, code) = safeguards(&cluster);
        assert!(
            last.starts_with("✗ safeguards: of the three, these are missing: the policy (policy local-registry"),
            "{last}"
        );
        assert!(!last.contains("the guard"), "{last}");
        assert_eq!(code, Some(1));
        // As docs/install.md says.
        cluster.kubewarden.restore_server();
        cluster.install(&values::usual());
        assert_eq!(cluster.sync(&[]).code, Some(0));
        cluster.reconcile();
        assert_eq!(image(&cluster).unwrap(), "reg.invalid:5000/team/app:v1");
        assert_eq!(faults(&cluster), [""; 0]);
    }
}

#[test]
fn a_webhook_that_was_deleted_comes_back() {
    let mut cluster = declaring("reg.invalid:5000");
    cluster.kubectl.ok(&["delete", "mutatingwebhookconfiguration", WEBHOOK]);
    eventually("the API server to forget the webhook, and to refuse by itself", || {
        image(&cluster).is_err_and(|error| error.contains("has put no registry in front of it")).then_some(())
    });
    let fault = format!("✗ policy local-registry webhook: there is no MutatingWebhookConfiguration {WEBHOOK}");
    let found = faults(&cluster);
    assert!(found.iter().any(|line| line.starts_with(&fault)), "{found:?}");
    assert_eq!(cluster.policy()["status"]["policyStatus"], "active", "the policy's own status does not show it");
    cluster.reconcile();
    assert_eq!(image(&cluster).unwrap(), "reg.invalid:5000/team/app:v1");
}

#[test]
fn a_webhook_that_leads_elsewhere_is_reported() {
    let cluster = declaring("reg.invalid:5000");
    let check = |patch: Value, fault: &str| {
        let patch = json!([patch]).to_string();
        cluster.kubectl.ok(&["patch", "mutatingwebhookconfiguration", WEBHOOK, "--type=json", "--patch", &patch]);
        let found = faults(&cluster);
        assert!(found.iter().any(|line| line.contains(fault)), "{found:?}");
    };
    let at = "/webhooks/0";
    check(
        json!({"op": "replace", "path": format!("{at}/failurePolicy"), "value": "Ignore"}),
        "webhook: its failurePolicy is `Ignore`, not Fail",
    );
    check(
        json!({"op": "replace", "path": format!("{at}/rules/0/operations"), "value": ["CREATE"]}),
        "its rules leave out UPDATE of v1alpha1 builds, UPDATE of v1alpha1 buildruns, UPDATE of v1beta1 builds, UPDATE of v1beta1 buildruns",
    );
    check(
        json!({"op": "add", "path": format!("{at}/matchConditions/-"), "value": {"name": "never", "expression": "false"}}),
        "it has matchConditions that the policy does not have: never",
    );
    check(
        json!({"op": "replace", "path": format!("{at}/objectSelector"), "value": {"matchLabels": {"a": "b"}}}),
        "its objectSelector asks for a=b, which is not that of the policy",
    );
    let service = json!({"namespace": "other", "name": "policy-server-default", "path": "/validate/other"});
    check(
        json!({"op": "replace", "path": format!("{at}/clientConfig"), "value": {"service": service}}),
        "webhook: it calls the Service `other/policy-server-default`, not kubewarden/policy-server-default (--kubewarden-namespace names another), it calls `/validate/other`, not /validate/clusterwide-local-registry, it has no caBundle",
    );
    let service =
        json!({"namespace": "kubewarden", "name": "policy-server-default", "path": format!("/validate/{WEBHOOK}")});
    check(
        json!({"op": "replace", "path": format!("{at}/clientConfig"), "value": {"service": service, "caBundle": ""}}),
        "webhook: it has no caBundle",
    );
    check(
        json!({"op": "add", "path": format!("{at}/clientConfig/caBundle"), "value": "Z2FyYmFnZQ=="}),
        "webhook: its caBundle has no certificate",
    );
    check(
        json!({"op": "replace", "path": format!("{at}/clientConfig"), "value": {"url": "https://127.0.0.1:1/validate/other"}}),
        "webhook: it calls the URL `https://127.0.0.1:1/validate/other`, and not the policy server's Service",
    );
}

#[test]
fn a_policy_server_without_a_service_is_reported() {
    let cluster = declaring("reg.invalid:5000");
    assert_eq!(faults(&cluster), [""; 0]);
    let service = ["policy-server-default", "--namespace=kubewarden"];
    let arguments = ["patch", "service", service[0], service[1], "--type=json"];
    let port = r#"--patch=[{"op": "replace", "path": "/spec/ports/0/port", "value": 1}]"#;
    cluster.kubectl.ok(&[&arguments[..], &[port]].concat());
    let found = faults(&cluster);
    let fault = "✗ policy local-registry service: the Service kubewarden/policy-server-default has no port ";
    assert!(found.iter().any(|line| line.starts_with(fault)), "{found:?}");
    cluster.kubectl.ok(&["delete", "service", service[0], service[1]]);
    let found = faults(&cluster);
    let fault = "✗ policy local-registry service: there is no Service kubewarden/policy-server-default, so";
    assert!(found.iter().any(|line| line.starts_with(fault)), "{found:?}");
}

#[test]
fn a_namespace_that_is_exempt_is_reported() {
    let cluster = declaring("reg.invalid:5000");
    let exempt = json!([{
        "op": "add", "path": "/webhooks/0/namespaceSelector/matchExpressions/-",
        "value": {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["team"]},
    }]);
    cluster.kubectl.ok(&[
        "patch",
        "mutatingwebhookconfiguration",
        WEBHOOK,
        "--type=json",
        "--patch",
        &exempt.to_string(),
    ]);
    // No Build is there yet.
    let fault = "✗ policy local-registry webhook: its namespaceSelector asks for kubernetes.io/metadata.name notin (team), which is not that of the policy";
    let found = faults(&cluster);
    assert!(matches!(&found[..], [line] if line.starts_with(fault)), "{found:?}");
    let missing = "✗ safeguards: of the three, these are missing: the policy (policy local-registry webhook)";
    assert_eq!(safeguards(&cluster), (missing.to_owned(), Some(1)));
}

#[test]
fn kubewardens_own_namespace_is_reported_once_it_has_builds() {
    let cluster = declaring("reg.invalid:5000");
    assert_eq!(faults(&cluster), [""; 0]);
    let mut build = build("elsewhere", json!({"image": "quay.io/team/app"}));
    build["metadata"]["namespace"] = json!("kubewarden");
    cluster.kubectl.ok_with(&["create", "-f", "-"], &build);
    let found = faults(&cluster);
    assert!(
        matches!(&found[..], [line] if line.starts_with("✗ policy local-registry namespaces: ") && line.contains("it is not asked in kubewarden,")),
        "{found:?}"
    );
    let missing = "✗ safeguards: of the three, these are missing: the policy (policy local-registry namespaces)";
    assert_eq!(safeguards(&cluster), (missing.to_owned(), Some(1)));
}

#[test]
fn what_cannot_be_listed_is_not_called_safe() {
    let cluster = declaring("reg.invalid:5000");
    assert!(safeguards(&cluster).0.starts_with("✓ "));
    let role = cluster.kubectl.json(&["get", "clusterrole", "local-registry-check"]);
    let rules: Vec<&Value> =
        role["rules"].as_array().unwrap().iter().filter(|rule| rule["resources"] != json!(["builds"])).collect();
    let patch = json!({"rules": rules}).to_string();
    cluster.kubectl.ok(&["patch", "clusterrole", "local-registry-check", "--type=merge", "--patch", &patch]);
    let unknown = "! safeguards: of the three, these may be missing in part: the policy (policy local-registry namespaces), the guard (Builds)";
    eventually("the API server to take the right away", || {
        (safeguards(&cluster) == (unknown.to_owned(), Some(0))).then_some(())
    });
}

#[test]
fn a_module_that_cannot_be_pulled_holds_up_every_policy_of_its_server() {
    let mut cluster = declaring("old.invalid:5000");
    let mut other = cluster.policy();
    other["metadata"] = json!({"name": "other"});
    other["spec"]["module"] = json!("registry://away.example/policy:v1");
    cluster.kubewarden.pull("registry://away.example/policy:v1", false);
    cluster.kubectl.ok_with(&["create", "-f", "-"], &other);
    redeclare(&mut cluster, "new.invalid:5000");
    // The old pods answer with what they have, and the new policy never gets a webhook.
    assert_eq!(image(&cluster).unwrap(), "old.invalid:5000/team/app:v1");
    cluster.kubectl.run(&["get", "mutatingwebhookconfiguration", "clusterwide-other"]).failed_with("NotFound");
    let status = ["get", "clusteradmissionpolicy", "other", "--output=jsonpath={.status.policyStatus}"];
    assert_eq!(cluster.kubectl.ok(&status), "pending");
    let found = faults(&cluster);
    assert!(found.iter().any(|line| line.contains("PolicyUniquelyReachable is False")), "{found:?}");
    cluster.kubectl.ok(&["delete", "clusteradmissionpolicy", "other"]);
    cluster.reconcile();
    assert_eq!(image(&cluster).unwrap(), "new.invalid:5000/team/app:v1");
    assert_eq!(faults(&cluster), [""; 0]);
}

#[test]
fn while_old_pods_go_on_every_image_gets_the_old_or_the_new_registry() {
    let mut cluster = declaring("old.invalid:5000");
    cluster.kubewarden.linger(true);
    let mut other = cluster.policy();
    other["metadata"] = json!({"name": "other"});
    let rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]});
    other["spec"]["rules"] = json!([rule]);
    other["spec"]["matchConditions"] = json!([]);
    other["spec"]["mutating"] = json!(false);
    cluster.kubectl.ok_with(&["create", "-f", "-"], &other);
    redeclare(&mut cluster, "new.invalid:5000");
    let both = BTreeSet::from(["old", "new"].map(|host| format!("{host}.invalid:5000/team/app:v1")));
    let mut seen = BTreeSet::new();
    // Requests at the same time go by connections of their own.
    eventually("both registries", || {
        std::thread::scope(|scope| {
            let asked: Vec<_> = (0..4).map(|_| scope.spawn(|| image(&cluster).unwrap())).collect();
            seen.extend(asked.into_iter().map(|asked| asked.join().unwrap()));
        });
        assert!(seen.is_subset(&both), "{seen:?}");
        (seen == both).then_some(())
    });
    let found = faults(&cluster);
    assert!(found.iter().any(|line| line.contains("PolicyUniquelyReachable is False")), "{found:?}");
    cluster.kubectl.run(&["get", "validatingwebhookconfiguration", "clusterwide-other"]).failed_with("NotFound");
    cluster.kubewarden.linger(false);
    cluster.reconcile();
    cluster.kubectl.ok(&["get", "validatingwebhookconfiguration", "clusterwide-other"]);
    for _ in 0..4 {
        assert_eq!(image(&cluster).unwrap(), "new.invalid:5000/team/app:v1");
    }
    assert_eq!(faults(&cluster), [""; 0]);
}

#[test]
fn labels_of_namespaces_in_a_cluster_wide_policy_select_nothing() {
    let mut cluster = declaring("reg.invalid:5000");
    let selector = json!({"matchLabels": {"nobody": "has"}, "matchExpressions": []});
    cluster.patch_policy("merge", &json!({"spec": {"namespaceSelector": selector}}));
    cluster.reconcile();
    let webhook: Value = cluster.kubectl.json(&["get", "mutatingwebhookconfiguration", WEBHOOK]);
    assert_eq!(webhook["webhooks"][0]["namespaceSelector"]["matchLabels"], Value::Null);
    let stdout = cluster.check(&[]).stdout;
    let warning = "! policy local-registry namespaceSelector: its matchLabels select nothing: Kubewarden drops them";
    assert!(stdout.lines().any(|line| line.starts_with(warning)), "{stdout}");
    assert_eq!(image(&cluster).unwrap(), "reg.invalid:5000/team/app:v1");
}
