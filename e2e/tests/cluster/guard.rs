//! The guard: the API server refuses by itself what the policy did not see, and nothing else.

use e2e::{Crds, HOST, Kubectl, TestCluster, UndoingWebhook, build, build_run, eventually, in_v1alpha1, values};
use local_registry_testkit::case::{self, Case};
use serde_json::{Value, json};

use crate::asked::{can_be_sent, complete_object};

/// What every refusal of the guard says.
const REFUSED: &str = "the policy local-registry";

/// An object in this namespace.
fn in_namespace(namespace: &str, mut object: Value) -> Value {
    object["metadata"]["namespace"] = json!(namespace);
    object
}

/// The same object with this annotation in place of every field `local`.
fn annotated(mut object: Value, role: &str) -> Value {
    let text = object.to_string().replace(r#","local":true"#, "");
    object = serde_json::from_str(&text).unwrap();
    object["metadata"]["annotations"] = json!({format!("local-registry-hosting/{role}"): "true"});
    object
}

/// Objects with a local image that names no registry, by what they are. `hello` is a Build that the policy has seen.
fn local() -> Vec<(&'static str, Value)> {
    let output = json!({"image": "team/app:v1", "local": true});
    let source = json!({"type": "OCI", "ociArtifact": {"image": "team/source", "local": true}});
    let bundle = json!({"bundleContainer": {"image": "team/source", "local": true}});
    let strategy = json!({"name": "buildah", "kind": "ClusterBuildStrategy"});
    let elsewhere = json!({"image": "quay.io/team/app"});
    let embedded = |more: Value| {
        let mut spec = json!({"strategy": strategy, "output": elsewhere});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    let old_run = |name: &str, spec: Value| in_v1alpha1(build_run(name, spec));
    let mut old_build = in_v1alpha1(build("build", output.clone()));
    old_build["spec"]["source"] = json!({});
    let mut with_source = build("source", elsewhere.clone());
    with_source["spec"]["source"] = source.clone();
    let mut with_builder = in_v1alpha1(build("builder", elsewhere.clone()));
    with_builder["spec"]["source"] = json!({});
    with_builder["spec"]["builder"] = json!({"image": "team/builder", "local": true});
    let mut with_parameter = annotated(build("parameter", elsewhere.clone()), "builder");
    with_parameter["spec"]["paramValues"] = json!([
        {"name": "builder-image", "value": "reg.io/team/builder"}, {"name": "builder-image", "value": "team/builder"},
    ]);
    let mut recorded = build("recorded", json!({"image": "team/app"}));
    recorded["metadata"]["annotations"] = json!({"local-registry-hosting/output": "recorded"});
    let by_name = |name: &str, output: &Value| build_run(name, json!({"build": {"name": "hello"}, "output": output}));
    let inherits = build_run("inherits", json!({"build": {"name": "hello"}}));
    vec![
        ("a Build", build("build", output.clone())),
        ("an annotated Build", annotated(build("build", output.clone()), "output")),
        ("a Build with a record alone", recorded),
        ("a v1alpha1 Build", old_build),
        ("a Build with a source", with_source.clone()),
        ("a Build with an annotated source", annotated(with_source, "source")),
        ("a v1alpha1 Build with a builder", with_builder.clone()),
        ("a v1alpha1 Build with an annotated builder", annotated(with_builder, "builder")),
        ("a run's own output", by_name("own", &output)),
        ("a run's own output, annotated", annotated(by_name("own", &output), "output")),
        ("a v1alpha1 run's own output", old_run("own", json!({"buildRef": {"name": "hello"}, "output": output}))),
        ("an embedded output", build_run("run", json!({"build": {"spec": embedded(json!({"output": output}))}}))),
        ("an embedded source", build_run("run", json!({"build": {"spec": embedded(json!({"source": source}))}}))),
        (
            "a v1alpha1 embedded output",
            old_run("run", json!({"buildSpec": embedded(json!({"output": output, "source": {}}))})),
        ),
        ("a v1alpha1 embedded source", old_run("run", json!({"buildSpec": embedded(json!({"source": bundle}))}))),
        (
            "a v1alpha1 embedded builder",
            old_run(
                "run",
                json!({"buildSpec": embedded(json!({"source": {}, "builder": {"image": "team/b", "local": true}}))}),
            ),
        ),
        ("a Build with a builder as a parameter", with_parameter),
        ("an image of Docker Hub", build("hub", json!({"image": "docker.io/team/app", "local": true}))),
        ("an image that is too long", build("long", json!({"image": "a/".repeat(2000), "local": true}))),
        (
            "an image with a registry that is too long",
            by_name("long", &json!({"image": format!("reg.io/{}", "a/".repeat(100_000)), "local": true})),
        ),
        ("an image for a terminal", by_name("terminal", &json!({"image": "team/\u{1b}[2K\rcreated", "local": true}))),
        ("an inherited output", inherits.clone()),
        ("an inherited output, in v1alpha1", old_run("inherits", json!({"buildRef": {"name": "hello"}}))),
        ("an inherited output, written out", by_name("inherits", &json!({"image": "team/hello:v1"}))),
        (
            "an inherited output that the run marks",
            annotated(build_run("marks", json!({"build": {"name": "plain"}})), "output"),
        ),
    ]
}

/// Objects without a local image, or with one that names a registry.
fn others() -> Vec<(&'static str, Value)> {
    let embedded = |output: Value| json!({"build": {"spec": {"strategy": {"name": "buildah"}, "output": output}}});
    let mut labelled = build("labelled", json!({"image": "team/app"}));
    labelled["metadata"]["annotations"] = json!({"local-registry-hosting/output": "false"});
    let mut with_parameter = build("parameter", json!({"image": "quay.io/team/app"}));
    with_parameter["spec"]["paramValues"] = json!([{"name": "builder-image", "value": "team/builder"}]);
    vec![
        ("a Build with a builder that is not local", with_parameter),
        ("a Build for Docker Hub", build("other", json!({"image": "team/app"}))),
        ("a Build that is not local", build("other", json!({"image": "team/app", "local": false}))),
        ("a Build whose annotation says no", labelled),
        ("a Build with a registry", build("other", json!({"image": "quay.io/team/app", "local": true}))),
        ("a run of a plain Build", build_run("other", json!({"build": {"name": "plain"}}))),
        ("a run of no Build", build_run("other", json!({"build": {"name": "nothing"}}))),
        (
            "a run with an output of its own",
            build_run("other", json!({"build": {"name": "hello"}, "output": {"image": "quay.io/team/app"}})),
        ),
        ("an embedded output", build_run("other", embedded(json!({"image": "team/app"})))),
        (
            "an embedded output with a registry",
            build_run("other", embedded(json!({"image": "reg.io/a", "local": true}))),
        ),
    ]
}

/// A cluster with the policy, and these objects in `team` that the policy has seen: the Builds `hello` and `plain`, and the
/// run `before` of `hello`.
fn served() -> TestCluster {
    let cluster = TestCluster::with_policy(Crds::Patched, HOST);
    cluster.kubectl.wait_for_admission_policies();
    let hello = cluster.create(&build("hello", json!({"image": "team/hello:v1", "local": true})));
    assert_eq!(hello["metadata"]["labels"], json!({"local-registry-hosting/output": "local"}));
    cluster.create(&build("plain", json!({"image": "quay.io/team/plain"})));
    let run = cluster.create(&build_run("before", json!({"build": {"name": "hello"}})));
    assert_eq!(run["spec"]["output"], json!({"image": "kind-registry:5000/team/hello:v1"}));
    cluster
}

/// Asserts that nothing of [`local`] can be stored in a namespace, and all of [`others`] can.
fn check(kubectl: &Kubectl, state: &str, namespace: &str) {
    for (what, object) in local() {
        // The exempt namespace never has a Build that the policy has seen.
        if namespace != "team"
            && what.starts_with("an inherited output")
            && what != "an inherited output that the run marks"
        {
            continue;
        }
        let object = in_namespace(namespace, object);
        let answer = kubectl.run_with(&["create", "-f", "-"], &object.to_string());
        assert_ne!(answer.code, Some(0), "{state}: {what} was stored");
        assert!(answer.stderr.contains(REFUSED), "{state}: {what}: {}", answer.stderr);
        assert!(!answer.stderr.contains('\u{1b}'), "{state}: {what}: {:?}", answer.stderr);
    }
    for (what, object) in others() {
        let object = in_namespace(namespace, object);
        let answer = kubectl.run_with(&["create", "--dry-run=server", "-f", "-"], &object.to_string());
        assert_eq!(answer.code, Some(0), "{state}: {what}: {}", answer.stderr);
    }
}

#[test]
fn nothing_local_is_stored_while_nobody_asks_the_policy() {
    let mut cluster = served();
    let kubectl = cluster.control_plane.kubectl();
    let forgotten = |state: &str| {
        let probe = build("probe", json!({"image": "team/app", "local": true})).to_string();
        eventually(state, || {
            let answer = kubectl.run_with(&["create", "--dry-run=server", "-f", "-"], &probe);
            answer.stderr.contains(REFUSED).then_some(())
        });
    };
    // Kubewarden exempts its own namespace from all policies.
    check(&kubectl, "exempt namespace", "kubewarden");

    kubectl.ok(&["delete", "mutatingwebhookconfiguration", "clusterwide-local-registry"]);
    forgotten("webhook deleted");
    check(&kubectl, "webhook deleted while the controller is stopped", "team");
    updates(&cluster);

    cluster.reconcile();
    cluster.create(&build_run("again", json!({"build": {"name": "hello"}})));
    kubectl.ok(&["delete", "policyserver", "default"]);
    cluster.reconcile();
    forgotten("PolicyServer deleted");
    check(&kubectl, "PolicyServer deleted", "team");

    // A policy whose module cannot be pulled never gets a webhook.
    cluster.kubewarden.restore_server();
    cluster.kubewarden.pull("registry://registry.example/local-registry-policy:v0.1.0", false);
    cluster.install(&values::usual());
    cluster.reconcile();
    check(&kubectl, "a module that cannot be pulled", "team");

    kubectl.ok(&["delete", "crd", "--selector=", "clusteradmissionpolicies.policies.kubewarden.io"]);
    check(&kubectl, "Kubewarden uninstalled", "team");
}

/// Updates while nobody asks the policy: what changes no image passes, and no mark is lost.
fn updates(cluster: &TestCluster) {
    let kubectl = &cluster.kubectl;
    for (kind, name) in [("build", "hello"), ("build", "plain"), ("buildrun", "before")] {
        kubectl.ok(&["label", kind, name, "--namespace=team", "--overwrite", "a=b"]);
        kubectl.ok(&["annotate", kind, name, "--namespace=team", "--overwrite", "a=b"]);
        for finalizers in [json!(["example.com/held"]), Value::Null] {
            let patch = json!({"metadata": {"finalizers": finalizers}}).to_string();
            kubectl.ok(&["patch", kind, name, "--namespace=team", "--type=merge", "--patch", &patch]);
        }
    }
    let cancel = r#"{"spec": {"state": "BuildRunCanceled"}}"#;
    kubectl.ok(&["patch", "buildrun", "before", "--namespace=team", "--type=merge", "--patch", cancel]);
    // A client of v1alpha1 drops the field. The record and the label stay.
    let old = kubectl.json(&["get", "builds.v1alpha1.shipwright.io", "hello", "--namespace=team"]);
    assert_eq!(old["spec"]["output"], json!({"image": "team/hello:v1"}));
    kubectl.ok_with(&["replace", "-f", "-"], &old);
    // The Build's own manifest has neither.
    let manifest = build("hello", json!({"image": "team/hello:v1", "local": true}));
    kubectl
        .run_with(&["replace", "-f", "-"], &manifest.to_string())
        .failed_with("the output is local, and the Build lacks");
    kubectl.ok_with(&["apply", "-f", "-"], &manifest);
    for removed in ["label", "annotate"] {
        let arguments = [removed, "build", "hello", "--namespace=team", "local-registry-hosting/output-"];
        kubectl.run(&arguments).failed_with("the output is local, and the Build lacks");
    }
    // The run's own manifest has no output.
    let run = build_run("before", json!({"build": {"name": "hello"}}));
    kubectl.run_with(&["replace", "-f", "-"], &run.to_string()).failed_with("takes the local output team/hello:v1");
    for patch in [json!({"spec": {"output": {"image": "team/hello:v2"}}}), json!({"spec": {"output": {"local": true}}})]
    {
        let patch = patch.to_string();
        let answer = kubectl.run(&["patch", "build", "plain", "--namespace=team", "--type=merge", "--patch", &patch]);
        assert_eq!(answer.code, Some(0), "{patch}: {}", answer.stderr);
        kubectl.ok(&[
            "patch",
            "build",
            "plain",
            "--namespace=team",
            "--type=merge",
            "--patch",
            r#"{"spec": {"output": {"image": "quay.io/team/plain", "local": null}}}"#,
        ]);
    }
    // What is being deleted is let go, whatever it is.
    kubectl.ok(&[
        "patch",
        "buildrun",
        "before",
        "--namespace=team",
        "--type=merge",
        "--patch",
        r#"{"metadata": {"finalizers": ["example.com/held"]}}"#,
    ]);
    kubectl.ok(&["delete", "buildrun", "before", "--namespace=team", "--wait=false"]);
    let last = r#"{"metadata": {"finalizers": null}, "spec": {"output": {"image": "team/app", "local": true}}}"#;
    kubectl.ok(&["patch", "buildrun", "before", "--namespace=team", "--type=merge", "--patch", last]);
    assert!(!cluster.is_stored("buildrun", "before"));
}

#[test]
fn what_a_later_webhook_undoes_is_refused() {
    let cluster = served();
    let output = json!({"image": "team/app", "local": true});
    let own = build_run("own", json!({"build": {"name": "hello"}, "output": output}));
    let inherits = build_run("inherits", json!({"build": {"name": "hello"}}));
    for (what, patch, run) in [
        // It leaves the field.
        ("the registry", json!([{"op": "replace", "path": "/spec/output/image", "value": "team/app"}]), &own),
        (
            "the registry of what is inherited",
            json!([{"op": "replace", "path": "/spec/output/image", "value": "team/hello:v1"}]),
            &inherits,
        ),
        ("the output", json!([{"op": "remove", "path": "/spec/output"}]), &own),
        ("the output that the policy gave", json!([{"op": "remove", "path": "/spec/output"}]), &inherits),
    ] {
        let undoing = UndoingWebhook::start(&cluster.control_plane, &patch);
        let create = ["create", "--dry-run=server", "--output=json", "-f", "-"];
        eventually("the later webhook to be called, and the guard to refuse", || {
            let answer = cluster.kubectl.run_with(&create, &run.to_string());
            assert!(answer.code == Some(0) || answer.stderr.contains(REFUSED), "{what}: {}", answer.stderr);
            answer.stderr.contains(REFUSED).then_some(())
        });
        cluster.try_create(run).failed_with(REFUSED);
        cluster.kubectl.ok(&["delete", "mutatingwebhookconfiguration", "undoing"]);
        drop(undoing);
        eventually("the later webhook to be gone", || {
            (cluster.kubectl.run_with(&create, &run.to_string()).code == Some(0)).then_some(())
        });
    }
}

#[test]
fn the_guard_may_be_there_before_shipwright() {
    let cluster = TestCluster::start(Crds::Patched);
    for crd in ["builds.shipwright.io", "buildruns.shipwright.io"] {
        cluster.kubectl.ok(&["delete", "crd", crd]);
    }
    cluster.install(&values::guard_alone());
    cluster.kubectl.wait_for_admission_policies();
    cluster.apply_released_crds();
    cluster.kubectl.wait_for_crds();
    let mut seen = build("hello", json!({"image": "team/hello:v1"}));
    seen["metadata"]["labels"] = json!({"local-registry-hosting/output": "local"});
    seen["metadata"]["annotations"] = json!({"local-registry-hosting/output": "recorded"});
    eventually("the API server to serve Builds", || (cluster.try_create(&seen).code == Some(0)).then_some(()));
    let run = build_run("run", json!({"build": {"name": "hello"}}));
    eventually("the API server to know Builds as parameters", || {
        let answer = cluster.kubectl.run_with(&["create", "--dry-run=server", "-f", "-"], &run.to_string());
        answer.stderr.contains("takes the local output team/hello:v1 from the Build hello").then_some(())
    });
}

/// A guard, and what its refusals say.
pub(crate) struct Refusals {
    pub(crate) guard: &'static str,
    pub(crate) reason: &'static str,
}

impl Refusals {
    /// Sends an object of a case, and says whether the guard refused it; `None` if the API server refuses it anyway.
    pub(crate) fn meet(&self, kubectl: &Kubectl, case: &Case, object: &Value, dry_run: &str) -> Option<bool> {
        let verb = if case.request["operation"] == "UPDATE" { "replace" } else { "create" };
        let answer = kubectl.run_with(&[verb, dry_run, "--validate=ignore", "-f", "-"], &object.to_string());
        match answer.code {
            Some(0) => Some(false),
            _ if answer.stderr.contains(self.reason) => Some(true),
            _ => {
                assert!(!answer.stderr.contains(self.guard), "{}: {}", case.name, answer.stderr);
                let known = [" is invalid: ", "NotFound", "cannot unmarshal", "cannot be handled", "unrecognized type"];
                assert!(known.iter().any(|known| answer.stderr.contains(known)), "{}: {}", case.name, answer.stderr);
                None
            }
        }
    }
}

/// Whether an object of a case, or the Build that it names, has the portable name, which the guard lets be.
pub(crate) fn has_portable_name(case: &Case) -> bool {
    let object = case.request["object"].to_string();
    object.contains("local-registry:5000") || object.contains("\"by-name")
}

/// The two laws of the guard, on every case of Builds and BuildRuns.
#[test]
fn it_passes_what_the_policy_let_through_and_refuses_what_the_policy_would_have_changed() {
    // While Builds are not looked up, a run gets no output, and the guard alone looks at the Build.
    let is_unknown = |case: &Case| case.settings["lookupBuilds"] == false && case.request["kind"]["kind"] == "BuildRun";
    let cases: Vec<Case> = case::all().into_iter().filter(|case| can_be_sent(case) && !is_unknown(case)).collect();
    let cluster = TestCluster::start(Crds::Patched);
    // What was there before the guard. Some cases are no objects that the API server takes.
    for case in cases.iter().filter(|case| case.request["operation"] == "UPDATE") {
        let old = complete_object(case, case.request["oldObject"].clone()).to_string();
        let _ = cluster.kubectl.run_with(&["create", "--validate=ignore", "-f", "-"], &old);
    }
    // The Builds that runs name, as the policy leaves them.
    for mut build in case::builds().into_iter().map(case::labelled) {
        build["spec"]["strategy"] = json!({"name": "buildah", "kind": "ClusterBuildStrategy"});
        let _ = cluster.kubectl.run_with(&["create", "--validate=ignore", "-f", "-"], &build.to_string());
    }
    cluster.install(&values::guard_alone());
    cluster.kubectl.wait_for_admission_policies();
    let refusals = Refusals { guard: "local-registry-guard", reason: REFUSED };
    let is_refused = |case: &Case, object: &Value, dry_run: &str| {
        refusals.meet(&cluster.kubectl, case, &complete_object(case, object.clone()), dry_run)
    };
    let (mut passed, mut refused) = (0, 0);
    for case in &cases {
        let expected = case.expected();
        if expected["allowed"] != true {
            continue;
        }
        let sent = case.request["object"].clone();
        let mut let_through = sent.clone();
        if let Some(patch) = expected.get("patch") {
            let patch: json_patch::Patch = serde_json::from_value(patch.clone()).unwrap();
            json_patch::patch(&mut let_through, &patch).unwrap();
        }
        if let Some(is_refused) = is_refused(case, &let_through, "--dry-run=server") {
            assert!(!is_refused, "{}: the policy let it through", case.name);
            passed += 1;
        }
        let is_given_a_registry = expected["patch"].as_array().into_iter().flatten().any(|operation| {
            let path = operation["path"].as_str().unwrap();
            // Only an UPDATE repairs an image that they do not change.
            let is_new = case.request["oldObject"].is_null() || path == "/spec/output";
            is_new && (path.ends_with("/image") || path == "/spec/output")
        });
        let is_deleted = !case.request["object"]["metadata"]["deletionTimestamp"].is_null();
        if is_given_a_registry
            && !is_deleted
            && !has_portable_name(case)
            && let Some(is_refused) = is_refused(case, &sent, "--dry-run=none")
        {
            assert!(is_refused, "{}: the policy would have put a registry in front", case.name);
            refused += 1;
        }
    }
    println!("the guard passed {passed} cases, and refused {refused}");
    assert!(passed > 100 && refused > 25, "{passed} passed, {refused} refused");
}
