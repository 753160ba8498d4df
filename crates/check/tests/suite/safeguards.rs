//! `check` of what keeps local images from Docker Hub: the webhook, the guards and the field, against a stand-in for the API
//! server that answers by path.

use std::collections::BTreeMap;

use local_registry_check::Location;
use local_registry_sync::Task;
use local_registry_testkit::api_server::POLICY;
use local_registry_testkit::repository::read;
use serde_json::{Value, json};

use super::check::{
    BUILDS, NAMESPACES, SERVICE, STORED, WEBHOOK, admission, build, cluster, labelled, list, namespace, plain_http,
    run, run_task, trouble,
};

const GUARD: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/local-registry-guard";
const INHERITED: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/local-registry-guard-inherited";
const BINDING: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/local-registry-guard";
const WORKLOADS_GUARD: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/local-registry-workloads-guard";

type Objects = BTreeMap<&'static str, Value>;

/// The lines that do not start with ✓, where the object at this path is changed so.
async fn trouble_with(path: &'static str, change: impl FnOnce(&mut Value)) -> Vec<String> {
    let change = |objects: &mut Objects| {
        let mut found = admission(path).unwrap();
        change(&mut found);
        objects.insert(path, found);
    };
    trouble(change, Location::InCluster, plain_http()).await
}

/// The last line.
async fn safeguards(change: impl FnOnce(&mut Objects)) -> String {
    let mut objects = cluster();
    change(&mut objects);
    run(objects, "local", Location::InCluster, plain_http()).await.pop().unwrap()
}

#[tokio::test]
async fn a_webhook_that_asks_about_less_than_the_policy_says() {
    let fault = "✗ policy local webhook: ";
    let remedy = "; see that Kubewarden's controller runs: it corrects what others change";
    let check = async |change: fn(&mut Value), expected: &str| {
        let found = trouble_with(WEBHOOK, |found| change(&mut found["webhooks"][0])).await;
        assert_eq!(found, [format!("{fault}{expected}{remedy}")]);
    };
    check(
        |webhook| webhook["rules"][0]["apiVersions"] = json!(["v1beta1"]),
        "its rules leave out CREATE of v1alpha1 builds, UPDATE of v1alpha1 builds, CREATE of v1alpha1 buildruns, UPDATE of v1alpha1 buildruns",
    )
    .await;
    check(
        |webhook| webhook["rules"][0]["operations"] = json!(["CREATE"]),
        "its rules leave out UPDATE of v1alpha1 builds, UPDATE of v1alpha1 buildruns, UPDATE of v1beta1 builds, UPDATE of v1beta1 buildruns",
    )
    .await;
    check(
        |webhook| webhook["objectSelector"] = json!({"matchLabels": {"a": "b"}}),
        "its objectSelector asks for a=b, which is not that of the policy",
    )
    .await;
    check(
        |webhook| webhook["matchConditions"] = json!([{"name": "never", "expression": "false"}]),
        "it has matchConditions that the policy does not have: never",
    )
    .await;
}

#[tokio::test]
async fn a_webhook_that_asks_about_more_has_not_rolled_out_yet() {
    let wider = |objects: &mut Objects| {
        let mut found = admission(WEBHOOK).unwrap();
        let shipped = read("charts/local-registry/files/policies/builds.yaml");
        found["webhooks"][0]["matchConditions"] = shipped["spec"]["matchConditions"].clone();
        objects.insert(WEBHOOK, found);
        let spec = &mut objects.get_mut(POLICY).unwrap()["spec"];
        spec["rules"][0]["operations"] = json!(["CREATE"]);
    };
    let found = trouble(wider, Location::InCluster, plain_http()).await;
    assert!(matches!(&found[..], [line] if line.starts_with("✗ policy local rules: ")), "{found:?}");
}

#[tokio::test]
async fn a_namespace_with_builds_that_is_exempt() {
    let policy_exempts = |objects: &mut Objects| {
        let selector = json!({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["prod"]}]});
        objects.get_mut(POLICY).unwrap()["spec"]["namespaceSelector"] = selector.clone();
        let mut found = admission(WEBHOOK).unwrap();
        found["webhooks"][0]["namespaceSelector"] = selector;
        objects.insert(WEBHOOK, found);
    };
    let remedy = "move the Builds elsewhere if that is Kubewarden's own namespace; otherwise remove what exempts it: the policy's namespaceSelector, or the webhook, which Kubewarden's controller makes again";
    assert_eq!(
        trouble(policy_exempts, Location::InCluster, plain_http()).await[0],
        format!(
            "✗ policy local namespaces: the webhook sees only namespaces with env notin (prod), so it is not asked in team, where Builds are; {remedy}"
        )
    );
    // Kubewarden's own namespace, as the webhook always has it.
    let in_kubewarden = |objects: &mut Objects| {
        let mut own = build("own", json!({"image": "reg.io/app"}));
        own["metadata"]["namespace"] = json!("kubewarden");
        objects.insert(STORED, list(&[own]));
        objects.insert(NAMESPACES, list(&[namespace("kubewarden", json!({}))]));
    };
    let found = trouble(in_kubewarden, Location::InCluster, plain_http()).await;
    assert!(
        found[0].starts_with("✗ policy local namespaces: ") && found[0].contains("not asked in kubewarden"),
        "{found:?}"
    );
    // What the webhook leaves out by itself is seen without any Build, also for a namespaced policy and one for workloads.
    let exempt = |path: &str| {
        let mut found = admission(path).unwrap();
        let nobody = json!({"matchLabels": {"nobody": "has"}});
        found["webhooks"][0]["namespaceSelector"] = nobody.clone();
        found["webhooks"][0]["objectSelector"] = nobody;
        found
    };
    let fault = "its namespaceSelector asks for nobody=has, which is not that of the policy, its objectSelector asks for nobody=has, which is not that of the policy";
    let empty = |objects: &mut Objects| {
        objects.insert(WEBHOOK, exempt(WEBHOOK));
        objects.insert(STORED, list(&[]));
    };
    let found = trouble(empty, Location::InCluster, plain_http()).await;
    assert!(found[0].starts_with(&format!("✗ policy local webhook: {fault};")), "{found:?}");
    let mut objects = cluster();
    let policy = objects.remove(POLICY).unwrap();
    objects.insert("/apis/policies.kubewarden.io/v1/namespaces/team/admissionpolicies/local", policy);
    let path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/namespaced-team-local";
    objects.insert(path, exempt(path));
    let lines = run(objects, "team/local", Location::InCluster, plain_http()).await;
    assert!(lines.iter().any(|line| line.contains(fault)), "{lines:#?}");
    let unlisted = |objects: &mut Objects| drop(objects.insert(NAMESPACES, json!(403)));
    assert_eq!(
        trouble(unlisted, Location::InCluster, plain_http()).await,
        ["! policy local namespaces: namespaces: list is forbidden: no; grant `list` on namespaces"]
    );
}

#[tokio::test]
async fn a_guard_that_is_not_there_or_refuses_nothing() {
    let hub = "so what the policy does not see goes to Docker Hub";
    let check = async |path: &'static str, change: fn(&mut Objects), expected: &str| {
        let found = trouble(change, Location::InCluster, plain_http()).await;
        assert_eq!(found, [expected], "{path}");
    };
    check(
        GUARD,
        |objects| drop(objects.insert(GUARD, Value::Null)),
        &format!("✗ guard local-registry-guard: there is no ValidatingAdmissionPolicy local-registry-guard, {hub}; upgrade the release with the chart of this version (guard.enabled=true)"),
    )
    .await;
    check(
        BINDING,
        |objects| drop(objects.insert(BINDING, Value::Null)),
        "✗ guard local-registry-guard: there is no ValidatingAdmissionPolicyBinding local-registry-guard, and no other is looked for, so what the policy does not see may go to Docker Hub; remove what was changed, and upgrade the release with the chart of this version (guard.enabled=true)",
    )
    .await;
    check(
        GUARD,
        |objects| drop(objects.insert(GUARD, json!(403))),
        "! guard local-registry-guard: ValidatingAdmissionPolicy local-registry-guard: get is forbidden: no; grant `get` on validatingadmissionpolicies.admissionregistration.k8s.io/local-registry-guard",
    )
    .await;
    let bound = async |actions: &[&str], builds: &[Value]| {
        let change = |objects: &mut Objects| {
            let mut found = admission(BINDING).unwrap();
            found["spec"]["validationActions"] = json!(actions);
            objects.insert(BINDING, found);
            objects.insert(STORED, list(builds));
        };
        trouble(change, Location::InCluster, plain_http()).await
    };
    let local = || {
        let mut build = build("a", json!({"image": "app", "local": true}));
        build["metadata"]["annotations"] = json!({"local-registry-hosting/output": "recorded"});
        build
    };
    assert_eq!(
        bound(&["Audit"], &[local()]).await[0],
        format!(
            "✗ guard local-registry-guard: its binding has the validationActions `Audit`, and not Deny, {hub}; remove what was changed, and upgrade the release with the chart of this version (guard.enabled=true)"
        )
    );
    assert_eq!(
        bound(&["Warn"], &[labelled(local())]).await,
        [format!(
            "✗ guard local-registry-guard: its binding has the validationActions `Warn`, and not Deny, {hub}; all Builds have their label: upgrade the release with the chart of this version (guard.enabled=true)"
        )]
    );
    assert_eq!(
        bound(&["Warn"], &[local()]).await,
        [
            format!("! guard local-registry-guard: its binding has the validationActions `Warn`, and not Deny, {hub}; bind it with Deny once all Builds have the label local-registry-hosting/output=local"),
            "! Builds: 1 have a local output and lack the label local-registry-hosting/output=local, so the guard does not see their runs: team/a; once the policy is asked, run: kubectl annotate builds --all --all-namespaces --overwrite labelled-at=\"$(date +%s)\"".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_guard_that_leaves_something_out() {
    let narrowed = trouble_with(BINDING, |binding| {
        binding["spec"]["matchResources"] = json!({"namespaceSelector": {"matchLabels": {"a": "b"}}});
    });
    assert_eq!(
        narrowed.await,
        [
            "✗ guard local-registry-guard: the matchResources of its binding leave objects out, so what the policy does not see goes to Docker Hub; remove what was changed, and upgrade the release with the chart of this version (guard.enabled=true)"
        ]
    );
    let other = trouble_with(INHERITED, |policy| {
        policy["spec"]["matchConditions"] = json!([{"name": "never", "expression": "false"}]);
        policy["spec"]["validations"] = json!([{"expression": "true"}]);
    });
    assert_eq!(
        other.await,
        [
            "! guard local-registry-guard-inherited: its matchConditions, validations differ from those that this version ships, so objects may be left out, or refused; remove what was changed, and upgrade the release with the chart of this version (guard.enabled=true)"
        ]
    );
}

#[tokio::test]
async fn a_guard_that_is_asked_about_nothing_or_refuses_everything() {
    let runs = "CREATE of v1alpha1 buildruns, UPDATE of v1alpha1 buildruns, CREATE of v1beta1 buildruns, UPDATE of v1beta1 buildruns";
    let restore =
        "remove what was changed, and upgrade the release with the chart of this version (guard.enabled=true)";
    let hub = "so what the policy does not see goes to Docker Hub";
    let guard = "guard local-registry-guard-inherited";
    assert_eq!(
        trouble_with(INHERITED, |policy| {
            policy["spec"]["matchConstraints"]["resourceRules"][0]["operations"] = json!(["DELETE"]);
        })
        .await,
        [format!("✗ {guard}: its matchConstraints leave out {runs}, {hub}; {restore}")]
    );
    assert_eq!(
        trouble_with(INHERITED, |policy| policy["spec"]["paramKind"]["apiVersion"] = json!("shipwright.io/v1alpha1"))
            .await,
        [format!("✗ {guard}: it has another paramKind, so it does not see what it has to compare, {hub}; {restore}")]
    );
    assert_eq!(
        trouble_with(INHERITED, |policy| {
            policy["spec"]["auditAnnotations"] = json!([{"key": "a", "valueExpression": "string(1 / 0)"}]);
        })
        .await,
        [format!(
            "! {guard}: its auditAnnotations differ from those that this version ships, so objects may be left out, or refused; {restore}"
        )]
    );
    let binding =
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/local-registry-guard-inherited";
    assert_eq!(
        trouble_with(binding, |binding| {
            binding["spec"]["paramRef"] = json!({"selector": {}, "parameterNotFoundAction": "Deny"});
        })
        .await,
        [format!(
            "! {guard}: its binding shows it every Build, and not the labelled ones only, so it is slower, its binding has parameterNotFoundAction: Deny, so BuildRuns are refused where it finds no Build; {restore}"
        )]
    );
}

#[tokio::test]
async fn an_api_server_that_is_too_old_for_a_guard() {
    const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";
    let resources = |kinds: &[&str]| {
        let resources: Vec<Value> = kinds
            .iter()
            .map(|kind| json!({"name": kind, "singularName": "", "namespaced": false, "kind": kind, "verbs": ["get"]}))
            .collect();
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "admissionregistration.k8s.io/v1", "resources": resources})
    };
    let with = async |served: Value| {
        let change = |objects: &mut Objects| {
            objects.insert(GUARD, json!(404));
            objects.insert(GROUP, served);
        };
        trouble(change, Location::InCluster, plain_http()).await
    };
    assert_eq!(
        with(resources(&["MutatingWebhookConfiguration"])).await,
        [
            "✗ guard local-registry-guard: the API server has no ValidatingAdmissionPolicies of admissionregistration.k8s.io/v1, so what the policy does not see goes to Docker Hub; it needs Kubernetes 1.30 or newer: upgrade the cluster"
        ]
    );
    // Something else than the API server may have answered.
    let unknown =
        "! guard local-registry-guard: ValidatingAdmissionPolicy local-registry-guard: the API server answered 404: no";
    assert_eq!(with(resources(&["ValidatingAdmissionPolicy"])).await, [unknown]);
    let elsewhere = with(resources(&[])).await;
    assert!(matches!(&elsewhere[..], [line] if line.starts_with("! guard local-registry-guard: ")), "{elsewhere:?}");
}

#[tokio::test]
async fn what_is_not_known_is_not_called_safe() {
    let unknown = "! safeguards: of the three, these may be missing in part:";
    assert_eq!(
        safeguards(|objects| drop(objects.insert(STORED, json!(403)))).await,
        format!("{unknown} the policy (policy local namespaces), the guard (Builds)")
    );
    assert_eq!(
        safeguards(|objects| drop(objects.insert(POLICY, json!(403)))).await,
        format!("{unknown} the policy (policy local)")
    );
    assert_eq!(
        safeguards(|objects| drop(objects.insert(SERVICE, json!(403)))).await,
        format!("{unknown} the policy (policy local service)")
    );
}

#[tokio::test]
async fn the_label_counts_only_where_a_run_inherits() {
    let resolved = build("a", json!({"image": "kind-registry.local:5000/app", "local": true}));
    let found = trouble(|objects| drop(objects.insert(STORED, list(&[resolved]))), Location::InCluster, plain_http());
    assert!(!found.await.iter().any(|line| line.contains("lack the label")));
}

#[tokio::test]
async fn a_policy_for_one_namespace_does_without_a_guard() {
    let mut objects = cluster();
    let mut policy = objects.remove(POLICY).unwrap();
    policy["spec"]["settings"]["lookupBuilds"] = json!(false);
    objects.insert("/apis/policies.kubewarden.io/v1/namespaces/team/admissionpolicies/local", policy);
    objects.insert(GUARD, Value::Null);
    objects.insert(STORED, list(&[]));
    let lines = run(objects, "team/local", Location::InCluster, plain_http()).await;
    let trouble: Vec<_> = lines.iter().filter(|line| !line.starts_with('✓')).collect();
    assert_eq!(
        trouble,
        [
            "! guard local-registry-guard: there is no ValidatingAdmissionPolicy local-registry-guard, so what the policy does not see goes to Docker Hub; a policy for one namespace does without; whoever may install it for the whole cluster installs the chart with policy.enabled=false, guard.enabled=true",
            "! safeguards: of the three, these may be missing in part: the guard (guard local-registry-guard)",
        ]
    );
}

#[tokio::test]
async fn a_guard_beside_a_policy_for_one_namespace_that_was_changed() {
    let mut objects = cluster();
    let mut policy = objects.remove(POLICY).unwrap();
    policy["spec"]["settings"]["lookupBuilds"] = json!(false);
    objects.insert("/apis/policies.kubewarden.io/v1/namespaces/team/admissionpolicies/local", policy);
    let mut binding = admission(BINDING).unwrap();
    binding["spec"]["validationActions"] = json!(["Audit"]);
    objects.insert(BINDING, binding);
    let lines = run(objects, "team/local", Location::InCluster, plain_http()).await;
    let guards: Vec<_> = lines.iter().filter(|line| line.contains(" guard local")).collect();
    assert_eq!(
        guards[..2],
        [
            "! guard local-registry-guard: its binding has the validationActions `Audit`, and not Deny, so what the policy does not see goes to Docker Hub; remove what was changed, and upgrade the release with the chart of this version (guard.enabled=true)",
            "✓ guard local-registry-guard-inherited: it is bound, and denies what the policy does not see",
        ]
    );
}

#[tokio::test]
async fn the_last_line_names_what_is_missing() {
    assert_eq!(
        safeguards(|objects| {
            objects.insert(WEBHOOK, Value::Null);
            objects.insert(GUARD, Value::Null);
            objects.get_mut(BUILDS).unwrap()["spec"]["versions"][0]["schema"] = json!({});
        })
        .await,
        "✗ safeguards: of the three, these are missing: the policy (policy local webhook), the guard (guard local-registry-guard), the field in the CRDs (CRD builds.shipwright.io)"
    );
    assert_eq!(
        safeguards(|objects| objects.get_mut(BUILDS).unwrap()["spec"]["versions"][0]["schema"] = json!({})).await,
        "! safeguards: of the three, these are missing: the field in the CRDs (CRD builds.shipwright.io)"
    );
    assert_eq!(
        safeguards(|objects| {
            objects.insert(BUILDS, json!(403));
            objects.insert(GUARD, json!(403));
        })
        .await,
        "! safeguards: of the three, these may be missing in part: the guard (guard local-registry-guard), the field in the CRDs (CRD builds.shipwright.io)"
    );
    assert_eq!(
        safeguards(|objects| drop(objects.remove(POLICY))).await,
        "✗ safeguards: of the three, these are missing: the policy (policy local)"
    );
    // What is refused all the same is not missing.
    let settings = |objects: &mut Objects| {
        objects.get_mut(POLICY).unwrap()["spec"]["settings"] = json!({"host": "old:5000"});
        objects.get_mut(POLICY).unwrap()["status"] = json!({"policyStatus": "pending"});
    };
    assert!(safeguards(settings).await.starts_with("✓ "));
}

#[tokio::test]
async fn the_guard_of_workloads_is_asked_for_with_their_policy() {
    let mut objects = cluster();
    let mut policy = read("charts/local-registry/files/policies/workloads.yaml");
    policy["metadata"]["name"] = json!("workloads");
    objects.insert("/apis/policies.kubewarden.io/v1/clusteradmissionpolicies/workloads", policy);
    let policies = ["workloads", "local"].map(|name| name.parse().unwrap()).to_vec();
    let task = Task { policies, ..Task::default() };
    let guards = async |objects: Objects| -> Vec<String> {
        let lines = run_task(objects, &task, Location::InCluster, plain_http()).await;
        lines.into_iter().filter(|line| line.contains(" guard local")).collect()
    };
    let holds = "it is bound, and denies what the policy does not see";
    assert_eq!(
        guards(objects.clone()).await,
        ["guard", "guard-inherited", "workloads-guard"].map(|name| format!("✓ guard local-registry-{name}: {holds}"))
    );
    objects.insert(WORKLOADS_GUARD, Value::Null);
    assert_eq!(
        guards(objects).await[2],
        "✗ guard local-registry-workloads-guard: there is no ValidatingAdmissionPolicy local-registry-workloads-guard, so what the policy does not see goes to Docker Hub; upgrade the release with the chart of this version (guard.enabled=true)"
    );
}
