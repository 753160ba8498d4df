//! The sync job, with the service account that the chart gives it.

use e2e::{Chart, Crds, TestCluster, build, build_run, eventually, values};
use serde_json::{Value, json};

const MANAGER: &str = "local-registry-sync";

/// A cluster with the usual set.
fn installed() -> TestCluster {
    let cluster = TestCluster::start(Crds::Patched);
    cluster.install(&values::usual());
    cluster
}

/// The policy's settings without the one that the chart always writes.
fn settings(cluster: &TestCluster) -> Value {
    let mut settings = cluster.policy()["spec"].get("settings").cloned().unwrap_or_default();
    if let Some(settings) = settings.as_object_mut() {
        settings.remove("outputWithoutRegistry");
    }
    settings
}

/// The fields that our field manager owns.
fn ours(cluster: &TestCluster) -> Value {
    let policy = cluster.policy();
    let entries = policy["metadata"]["managedFields"].as_array().unwrap();
    let mut ours = entries.iter().filter(|entry| entry["manager"] == MANAGER);
    let owned = ours.next().map(|entry| entry["fieldsV1"].clone()).unwrap_or_default();
    assert_eq!(ours.next(), None);
    owned
}

#[track_caller]
fn succeeds(cluster: &TestCluster, message: &str) {
    let answer = cluster.sync(&[]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.stdout.contains(message), "{answer:?}");
}

#[test]
fn settings_follow_the_config_map() {
    let cluster = installed();
    cluster.patch_policy("merge", &json!({"spec": {"settings": {"insecure": true, "unknown": 1}}}));
    let others = json!({"insecure": true, "unknown": 1});
    let with = |fields: Value| {
        let mut all = others.clone();
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        all
    };

    succeeds(&cluster, "no local registry is declared");
    assert_eq!(settings(&cluster), others);

    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\nhelp: \"https://example.com\"\n");
    succeeds(&cluster, "local-registry: changed");
    assert_eq!(settings(&cluster), with(json!({"host": "kind-registry:5000", "help": "https://example.com"})));
    assert_eq!(ours(&cluster), json!({"f:spec": {"f:settings": {"f:help": {}, "f:host": {}}}}));
    let generation = cluster.policy()["metadata"]["generation"].clone();
    succeeds(&cluster, "local-registry: unchanged");
    assert_eq!(cluster.policy()["metadata"]["generation"], generation);

    cluster.declare("hostFromClusterNetwork: \"other:5000\"\n");
    succeeds(&cluster, "local-registry: changed");
    assert_eq!(settings(&cluster), with(json!({"host": "other:5000"})));
    assert_eq!(ours(&cluster), json!({"f:spec": {"f:settings": {"f:host": {}}}}));

    for broken in ["hostFromClusterNetwork: \"unterminated", "hostFromClusterNetwork: localhost:5000", "- a"] {
        cluster.declare(broken);
        assert_eq!(cluster.sync(&[]).code, Some(1));
        assert_eq!(settings(&cluster), with(json!({"host": "other:5000"})), "the last good settings stay");
    }
    let events = cluster.kubectl.json(&["get", "events.events.k8s.io", "--namespace=kube-public"]);
    assert!(events["items"].as_array().unwrap().iter().any(|event| event["reason"] == "Unusable"), "{events}");
    let events = cluster.kubectl.json(&["get", "events.events.k8s.io", "--namespace=default"]);
    assert!(events["items"].as_array().unwrap().iter().any(|event| event["reason"] == "SettingsChanged"), "{events}");

    cluster.declare("hostFromClusterNetwork: \"fixed:5000\"\n");
    succeeds(&cluster, "local-registry: changed");
    assert_eq!(settings(&cluster), with(json!({"host": "fixed:5000"})));

    // Nodes reach the registry, and pods do not.
    cluster.declare("host: \"localhost:5001\"\n");
    succeeds(&cluster, "hostFromClusterNetwork");
    assert_eq!(settings(&cluster), with(json!({"runtimeHost": "localhost:5001"})));
    assert_eq!(ours(&cluster), json!({"f:spec": {"f:settings": {"f:runtimeHost": {}}}}));
    cluster.declare("host: my-laptop");
    succeeds(&cluster, "hostFromClusterNetwork");
    assert_eq!(settings(&cluster), others);
    assert_eq!(ours(&cluster), Value::Null);

    cluster.declare("hostFromClusterNetwork: \"again:5000\"\n");
    succeeds(&cluster, "local-registry: changed");
    cluster.kubectl.ok(&["delete", "configmap", "local-registry-hosting", "--namespace=kube-public"]);
    succeeds(&cluster, "no local registry is declared");
    assert_eq!(settings(&cluster), others);
}

#[test]
fn settings_that_are_null_or_absent_are_written_and_removed() {
    let cluster = installed();
    cluster.patch_policy("json", &json!([{"op": "add", "path": "/spec/settings", "value": null}]));
    assert_eq!(settings(&cluster), Value::Null);
    for _ in 0..2 {
        cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
        succeeds(&cluster, "local-registry: changed");
        assert_eq!(settings(&cluster), json!({"host": "kind-registry:5000"}));
        cluster.kubectl.ok(&["delete", "configmap", "local-registry-hosting", "--namespace=kube-public"]);
        succeeds(&cluster, "local-registry: changed");
        assert_eq!(settings(&cluster).get("host"), None);
        succeeds(&cluster, "local-registry: unchanged");
    }
}

#[test]
fn applying_the_policy_again_keeps_the_host() {
    let cluster = installed();
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    succeeds(&cluster, "local-registry: changed");
    cluster.install(&values::usual());
    assert_eq!(settings(&cluster), json!({"host": "kind-registry:5000"}));
    let rendered = Chart::alone("4").objects(&values::usual());
    let policy = rendered.iter().find(|object| object["kind"] == "ClusterAdmissionPolicy").unwrap();
    for _ in 0..2 {
        let apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=argocd", "-f", "-"];
        cluster.kubectl.ok_with(&apply, policy);
        assert_eq!(settings(&cluster), json!({"host": "kind-registry:5000"}));
    }
    succeeds(&cluster, "local-registry: unchanged");
}

#[test]
fn a_conflict_names_the_other_manager() {
    let cluster = installed();
    let theirs = json!({
        "apiVersion": "policies.kubewarden.io/v1",
        "kind": "ClusterAdmissionPolicy",
        "metadata": {"name": "local-registry"},
        "spec": {"module": "m", "mutating": true, "rules": [], "settings": {"host": "theirs:5000"}},
    });
    let apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=argocd", "-f", "-"];
    cluster.kubectl.ok_with(&apply, &theirs);
    succeeds(&cluster, "local-registry: left alone");
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    let answer = cluster.sync(&[]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(answer.stdout.contains("argocd") && answer.stdout.contains("--force"), "{answer:?}");
    assert_eq!(settings(&cluster), json!({"host": "theirs:5000"}));

    let dry = cluster.sync(&["--dry-run", "--force"]);
    assert!(dry.stdout.contains("would change"), "{dry:?}");
    assert_eq!(settings(&cluster), json!({"host": "theirs:5000"}));
    assert_eq!(cluster.sync(&["--force"]).code, Some(0));
    assert_eq!(settings(&cluster), json!({"host": "kind-registry:5000"}));
}

#[test]
fn a_missing_policy_is_reported_and_never_created() {
    let cluster = installed();
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    cluster.kubectl.ok(&["delete", "clusteradmissionpolicy", "local-registry"]);
    let answer = cluster.sync(&[]);
    assert_eq!(answer.code, Some(1));
    let expected = "ClusterAdmissionPolicy local-registry: not found; create it, or correct --policy";
    assert!(answer.stdout.contains(expected), "{answer:?}");
    let policies = cluster.kubectl.json(&["get", "clusteradmissionpolicies"]);
    assert_eq!(policies["items"], json!([]));
}

#[test]
fn the_next_run_gets_the_registry_that_is_declared_now() {
    let mut cluster = installed();
    let mut watch = cluster.watch(&["--settle=1", "--resync=2"]);
    let specification = build("any", json!({"image": "team/app", "local": true}))["spec"].clone();
    let run = |name: &str| build_run(name, json!({"build": {"spec": specification}}));
    for host in ["first:5000", "second:5000"] {
        cluster.declare(&format!("hostFromClusterNetwork: \"{host}\"\n"));
        eventually("the policy to get the host", || (settings(&cluster)["host"] == host).then_some(()));
        cluster.reconcile();
        let stored = cluster.create(&run(host.split(':').next().unwrap()));
        assert_eq!(stored["spec"]["build"]["spec"]["output"]["image"], format!("{host}/team/app"));
    }
    // If somebody removes the host, it comes back, although the ConfigMap does not change.
    cluster.patch_policy("json", &json!([{"op": "remove", "path": "/spec/settings/host"}]));
    eventually("the host to come back", || (settings(&cluster)["host"] == "second:5000").then_some(()));

    cluster.kubectl.ok(&["delete", "configmap", "local-registry-hosting", "--namespace=kube-public"]);
    eventually("the host to be gone", || settings(&cluster).get("host").is_none().then_some(()));
    cluster.reconcile();
    cluster.try_create(&run("none")).failed_with("this cluster declares no local registry");
    assert_eq!(watch.process.terminate(), Some(0));
}

#[test]
fn deleting_and_recreating_the_config_map_rolls_no_policy_server() {
    let cluster = installed();
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    let watch = cluster.watch(&["--settle=3", "--resync=3600"]);
    eventually("the policy to get the host", || (settings(&cluster)["host"] == "kind-registry:5000").then_some(()));
    let generation = cluster.policy()["metadata"]["generation"].clone();
    cluster.kubectl.ok(&["delete", "configmap", "local-registry-hosting", "--namespace=kube-public"]);
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    watch.looks_again();
    assert_eq!(cluster.policy()["metadata"]["generation"], generation);
    cluster.declare("hostFromClusterNetwork: \"other:5000\"\n");
    eventually("the policy to get the host", || (settings(&cluster)["host"] == "other:5000").then_some(()));
    assert_eq!(cluster.policy()["metadata"]["generation"], json!(generation.as_i64().unwrap() + 1));
}

/// The notes of the Events about the policy.
fn notes(cluster: &TestCluster) -> Vec<String> {
    let events = cluster.kubectl.json(&["get", "events.events.k8s.io", "--namespace=default"]);
    let changed = events["items"].as_array().unwrap().iter().filter(|event| event["reason"] == "SettingsChanged");
    changed.map(|event| event["note"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_host_that_is_declared_at_the_start_is_written_at_once() {
    let cluster = installed();
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    let _watch = cluster.watch(&["--settle=86400", "--resync=86400"]);
    eventually("the policy to get the host", || (settings(&cluster)["host"] == "kind-registry:5000").then_some(()));
}

#[test]
fn a_webhook_and_a_guard_that_others_remove_show_in_the_metrics() {
    let mut cluster = installed();
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    assert_eq!(cluster.sync(&[]).code, Some(0));
    let watch = cluster.watch(&["--settle=0", "--resync=1"]);
    let metrics = [
        r#"policy_served{policy="local-registry"}"#,
        r#"guard_enforced{guard="local-registry-guard"}"#,
        r#"guard_enforced{guard="local-registry-guard-inherited"}"#,
    ];
    let become_ = |expected: [Option<u64>; 3]| {
        eventually("the metrics", || (metrics.map(|name| watch.metric(name)) == expected).then_some(()));
    };
    // Nobody has registered the webhook yet.
    become_([Some(0), Some(1), Some(1)]);
    cluster.reconcile();
    become_([Some(1), Some(1), Some(1)]);
    cluster.kubectl.ok(&["delete", "mutatingwebhookconfiguration", "clusterwide-local-registry"]);
    cluster.kubectl.ok(&["delete", "validatingadmissionpolicybinding", "local-registry-guard-inherited"]);
    become_([Some(0), Some(1), Some(0)]);
    cluster.kubectl.ok(&["delete", "clusterrolebinding", "local-registry-sync"]);
    become_([None, None, None]);
    cluster.reconcile();
    cluster.install(&values::usual());
    become_([Some(1), Some(1), Some(1)]);
    let log = watch.process.log();
    let lost = "the API server does not ask the policy local-registry, or does not heed it: there is no MutatingWebhookConfiguration";
    assert_eq!(log.matches(lost).count(), 2, "one line for each change: {log}");
}

#[test]
fn the_state_of_an_unreadable_config_map_is_unknown() {
    let mut cluster = installed();
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    let watch = cluster.watch(&["--settle=0", "--resync=1"]);
    watch.looks_again();
    assert!(watch.answers("/readyz").0.contains(" 200 "), "{:?}", watch.answers("/readyz"));
    assert_eq!(watch.metric(r#"declared_state{state="registry"}"#), Some(1));

    // An open watch goes on without the right to watch until the API server closes it, so the API server restarts.
    cluster.kubectl.ok(&["delete", "rolebinding", "local-registry-sync", "--namespace=kube-public"]);
    cluster.control_plane.kill_api_server();
    cluster.control_plane.start_api_server();
    let unknown = r#"declared_state{state="unknown"}"#;
    eventually("the state to be unknown", || (watch.metric(unknown) == Some(1)).then_some(()));
    assert!(watch.answers("/readyz").0.contains(" 503 "), "{:?}", watch.answers("/readyz"));
    let success = || watch.metric("last_success_timestamp_seconds").unwrap();
    let last = success();
    // The log repeats the reason, and the time of the last success does not change.
    let attempts = || watch.process.log().matches("the ConfigMap cannot be watched").count();
    let before = attempts();
    eventually("more attempts", || (attempts() > before + 2).then_some(()));
    assert_eq!(success(), last);
    let log = watch.process.log();
    let message = "list is forbidden: ";
    assert!(
        log.contains(message) && log.contains("until it can be read again, the policies keep their settings"),
        "{log}"
    );
    assert_eq!(settings(&cluster), json!({"host": "kind-registry:5000"}));

    cluster.install(&values::usual());
    eventually("the state to be known", || (watch.metric(unknown) == Some(0)).then_some(()));
    assert!(watch.answers("/readyz").0.contains(" 200 "));
}

#[test]
fn seven_changes_are_published_as_seven_events() {
    let cluster = installed();
    let _watch = cluster.watch(&["--settle=0", "--resync=86400"]);
    let hosts: Vec<String> = (1..=7).map(|n| format!("registry-{n}:5000")).collect();
    for host in &hosts {
        cluster.declare(&format!("hostFromClusterNetwork: \"{host}\"\n"));
        eventually("the policy to get the host", || (settings(&cluster)["host"] == **host).then_some(()));
    }
    let found = eventually("seven Events", || Some(notes(&cluster)).filter(|notes| notes.len() >= 7));
    let mut expected = vec!["the local registry is registry-1:5000 (host: nothing -> \"registry-1:5000\")".to_owned()];
    expected.extend(
        hosts.windows(2).map(|pair| format!("the local registry is {1} (host: \"{0}\" -> \"{1}\")", pair[0], pair[1])),
    );
    let mut found = found;
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_policy_that_is_created_later_gets_the_host_before_the_next_resync() {
    let cluster = installed();
    cluster.kubectl.ok(&["delete", "clusteradmissionpolicy", "local-registry"]);
    cluster.declare("hostFromClusterNetwork: \"kind-registry:5000\"\n");
    let watch = cluster.watch(&["--settle=0", "--resync=86400"]);
    eventually("the sync job to report that the policy is missing", || {
        watch.process.log().contains("ClusterAdmissionPolicy local-registry: not found").then_some(())
    });
    cluster.install(&values::usual());
    eventually("the policy to get the host", || (settings(&cluster)["host"] == "kind-registry:5000").then_some(()));
}

#[test]
fn a_host_that_is_not_allowed_changes_nothing() {
    let cluster = installed();
    cluster.declare("hostFromClusterNetwork: \"registry.cr.svc.cluster.local:5000\"\n");
    let allow = ["--allow-host=*.svc.cluster.local:5000", "--allow-host=kind-registry:5000"];
    assert_eq!(cluster.sync(&allow).code, Some(0));
    cluster.declare("hostFromClusterNetwork: \"hijacked.example.com\"\n");
    let answer = cluster.sync(&allow);
    assert_eq!(answer.code, Some(1));
    let expected = "hostFromClusterNetwork: `hijacked.example.com` is not allowed; expected `*.svc.cluster.local:5000` or `kind-registry:5000`";
    assert!(answer.stdout.contains(expected), "{answer:?}");
    assert_eq!(settings(&cluster), json!({"host": "registry.cr.svc.cluster.local:5000"}));
    let events = cluster.kubectl.json(&["get", "events.events.k8s.io", "--namespace=kube-public"]);
    assert!(events["items"][0]["note"].as_str().unwrap().contains(expected), "{events}");
}

#[test]
fn the_largest_config_map_fits_into_the_memory_of_the_pod() {
    let cluster = installed();
    let known = "hostFromClusterNetwork: \"kind-registry:5000\"\n";
    let mut large = e2e::config_map(known);
    // The API server writes each `<` as six characters. So would kubectl without `--raw`, and send too much.
    let all = "/api/v1/namespaces/kube-public/configmaps";
    let one = format!("{all}/local-registry-hosting");
    large["data"]["other"] = json!("<".repeat(1024 * 1024 - 200));
    let file = cluster.control_plane.file("large.json");
    std::fs::write(&file, large.to_string()).unwrap();
    cluster.kubectl.ok(&["create", "--raw", all, "-f", file.to_str().unwrap()]);
    let watch = cluster.watch(&["--settle=0", "--resync=86400"]);
    eventually("the policy to get the host", || (settings(&cluster)["host"] == "kind-registry:5000").then_some(()));
    for n in 0..5 {
        large["data"]["localRegistryHosting.v1"] = json!(format!("hostFromClusterNetwork: \"r{n}:5000\"\n"));
        std::fs::write(&file, large.to_string()).unwrap();
        cluster.kubectl.ok(&["replace", "--raw", &one, "-f", file.to_str().unwrap()]);
        eventually("the policy to get the host", || (settings(&cluster)["host"] == format!("r{n}:5000")).then_some(()));
    }
    // The pod has 32 MiB. The pages of the program's file do not count here: a release build has far fewer of them.
    let most = watch.process.memory("VmHWM") - watch.process.memory("RssFile");
    assert!(most < 24 * 1024, "{most} KiB");
}
