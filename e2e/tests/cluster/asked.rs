//! Which requests the API server sends to the policy: `matchConditions`, with and without a running policy server.

use e2e::{Crds, HOST, Kubectl, TestCluster, build, build_run, hello, values};
use local_registry_testkit::case::{self, Case};
use serde_json::{Value, json};

/// What the API server answers if it has to ask a policy server that is down.
pub(crate) const IS_DOWN: &str = "failed calling webhook";

#[test]
fn objects_without_local_images_are_stored_while_the_policy_server_is_down() {
    let mut cluster = TestCluster::with_policy(Crds::Patched, HOST);
    cluster.create(&hello());
    let run = json!({"build": {"name": "hello"}, "output": {"image": "team/app", "local": true}});
    cluster.create(&build_run("run", run.clone()));
    let mut large = build("large", json!({"image": "team/large", "local": true}));
    // A megabyte. On an UPDATE a webhook gets the object twice, which is more than a policy server reads.
    large["spec"]["env"] = (0..1000).map(|n| json!({"name": format!("V{n}"), "value": "x".repeat(1000)})).collect();
    cluster.kubectl.ok_with(&["create", "-f", "-"], &large);
    cluster.kubewarden.kill_server("clusterwide-local-registry");

    let docker = json!({"image": "docker.io/team/app"});
    cluster.create(&build("plain", docker.clone()));
    let embedded = json!({"build": {"spec": {"output": docker, "strategy": {"name": "buildah"}}}});
    cluster.create(&build_run("plain", embedded));
    let label = |kind: &str, name: &str| cluster.kubectl.ok(&["label", kind, name, "--namespace=team", "a=b"]);
    label("build", "hello");
    label("build", "large");
    label("buildrun", "run");
    let patch = |kind: &str, name: &str, patch: Value| {
        let text = patch.to_string();
        cluster.kubectl.run(&["patch", kind, name, "--namespace=team", "--type=merge", "--patch", &text])
    };
    for change in [
        json!({"metadata": {"finalizers": ["example.com/held"]}}),
        json!({"metadata": {"finalizers": null}}),
        json!({"spec": {"timeout": "10m"}}),
    ] {
        for (kind, name) in [("build", "hello"), ("buildrun", "run")] {
            assert_eq!(patch(kind, name, change.clone()).code, Some(0), "{kind}: {change}");
        }
    }
    assert_eq!(patch("buildrun", "run", json!({"spec": {"state": "BuildRunCanceled"}})).code, Some(0));

    // A client that drops the field can still remove the finalizer of an object that is being deleted.
    let held = json!({"metadata": {"finalizers": ["example.com/held"]}});
    assert_eq!(patch("build", "large", held).code, Some(0));
    cluster.kubectl.ok(&["delete", "build", "large", "--namespace=team", "--wait=false"]);
    let mut last = cluster.stored("build", "large");
    last["spec"]["output"] = json!({"image": "team/large"});
    last["metadata"]["finalizers"] = json!([]);
    cluster.kubectl.ok_with(&["replace", "-f", "-"], &last);
    assert!(!cluster.is_stored("build", "large"));

    // Requests that may be about a local image wait for the policy.
    patch("build", "hello", json!({"spec": {"output": {"image": "team/other"}}})).failed_with(IS_DOWN);
    patch("buildrun", "run", json!({"spec": {"output": {"image": "team/other"}}})).failed_with(IS_DOWN);
    cluster.try_create(&build_run("another", run)).failed_with(IS_DOWN);
    cluster.try_create(&build_run("by-name", json!({"build": {"name": "plain"}}))).failed_with(IS_DOWN);
    cluster.try_create(&build("docker-hub", json!({"image": "team/app"}))).failed_with(IS_DOWN);
    let mut annotated = build("annotated", json!({"image": "docker.io/team/app"}));
    annotated["metadata"]["annotations"] = json!({"local-registry-hosting/output": "true"});
    cluster.try_create(&annotated).failed_with(IS_DOWN);
}

#[test]
fn a_dry_run_accepts_a_build_and_its_run_together() {
    let cluster = TestCluster::with_policy(Crds::Patched, HOST);
    let both = format!("{}\n---\n{}", hello(), build_run("run", json!({"build": {"name": "hello"}})));
    let answer = cluster.kubectl.run_with(&["apply", "--dry-run=server", "-f", "-"], &both);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    let warning = "spec.build.name: there is no Build `hello` in namespace `team`, which a dry run does not require";
    assert!(answer.stderr.contains(warning), "{}", answer.stderr);
    // kubectl diff exits with 1 if there is a difference, and with more after an error.
    let diff = cluster.kubectl.run_with(&["diff", "-f", "-"], &both);
    assert_eq!(diff.code, Some(1), "{}", diff.stderr);
    assert!(diff.stdout.contains("+  name: run"), "{}", diff.stdout);
    assert!(!cluster.is_stored("build", "hello"));
    // Without a dry run, the Build has to exist.
    cluster.try_create(&build_run("run", json!({"build": {"name": "hello"}}))).failed_with("there is no Build `hello`");
}

/// The real API server evaluates the conditions as the harness's tests do. No policy server runs here, so a request
/// fails if the API server asks about it, and passes otherwise.
#[test]
fn the_api_server_asks_about_every_case_that_the_policy_answers() {
    let mut cluster = TestCluster::start(Crds::Patched);
    let cases: Vec<Case> = case::all().into_iter().filter(can_be_sent).collect();
    // The old object of each UPDATE is stored before there is a policy.
    for case in cases.iter().filter(|case| case.request["operation"] == "UPDATE") {
        let old = complete(case, "oldObject").to_string();
        let _ = cluster.kubectl.run_with(&["create", "--validate=ignore", "-f", "-"], &old);
    }
    cluster.install(&values::usual());
    cluster.set_host(HOST);
    cluster.kubewarden.kill_server("clusterwide-local-registry");
    let Counts { asked, not_asked } = ask_about(&cluster.kubectl, &cases, complete);
    assert!(asked[0] > 100 && asked[1] > 30, "{asked:?}");
    assert!(not_asked[0] > 0 && not_asked[1] > 0, "{not_asked:?}");
}

/// How many requests the API server asks the policy about, and how many not: of CREATE and of UPDATE.
pub(crate) struct Counts {
    pub(crate) asked: [u32; 2],
    pub(crate) not_asked: [u32; 2],
}

/// Sends the request of each case while no policy server runs. What the API server does not ask about has to be allowed as
/// it is. `complete` gives the object of a case what the case leaves out.
pub(crate) fn ask_about(kubectl: &Kubectl, cases: &[Case], complete: impl Fn(&Case, &str) -> Value) -> Counts {
    let mut counts = Counts { asked: [0, 0], not_asked: [0, 0] };
    for case in cases {
        let is_update = case.request["operation"] == "UPDATE";
        let verb = if is_update { "replace" } else { "create" };
        let arguments = [verb, "--dry-run=server", "--validate=ignore", "-f", "-"];
        let answer = kubectl.run_with(&arguments, &complete(case, "object").to_string());
        if answer.stderr.contains(IS_DOWN) {
            counts.asked[usize::from(is_update)] += 1;
        } else if answer.code == Some(0) || answer.stderr.contains(" is invalid: ") {
            // The API server checks the schema only after the mutating webhooks.
            assert_eq!(case.expected(), json!({"allowed": true}), "{} was not asked about", case.name);
            counts.not_asked[usize::from(is_update)] += 1;
        } else {
            // The API server refuses such an object before it calls a webhook.
            let known = ["NotFound", "cannot unmarshal", "cannot be handled", "unrecognized type"];
            assert!(known.iter().any(|known| answer.stderr.contains(known)), "{}: {}", case.name, answer.stderr);
        }
    }
    let Counts { asked, not_asked } = &counts;
    println!("asked about: {asked:?} (CREATE, UPDATE), not asked about: {not_asked:?}");
    counts
}

/// Whether kubectl can send the request of a case to this API server.
pub(crate) fn can_be_sent(case: &Case) -> bool {
    let request = &case.request;
    let is_known = ["v1alpha1", "v1beta1"].iter().any(|version| request["kind"]["version"] == *version);
    request["kind"]["group"] == "shipwright.io"
        && is_known
        && ["Build", "BuildRun"].iter().any(|kind| request["kind"]["kind"] == *kind)
        && ["CREATE", "UPDATE"].iter().any(|operation| request["operation"] == *operation)
        && request["object"].is_object()
        && request["subResource"].is_null()
        && request["namespace"] == "team"
}

/// An object of a case, with the fields that the schema requires and the case leaves out.
fn complete(case: &Case, which: &str) -> Value {
    complete_object(case, case.request[which].clone())
}

/// This object of a case, with the same.
pub(crate) fn complete_object(case: &Case, mut object: Value) -> Value {
    let strategy = json!({"name": "buildah", "kind": "ClusterBuildStrategy"});
    for spec in ["/spec", "/spec/build/spec", "/spec/buildSpec"] {
        let is_build = object["kind"] == "Build" || spec != "/spec";
        if let Some(Value::Object(spec)) = object.pointer_mut(spec).filter(|_| is_build) {
            spec.insert("strategy".to_owned(), strategy.clone());
        }
    }
    object["metadata"]["name"] = json!(case.name);
    object["metadata"]["namespace"] = json!("team");
    object
}
