//! The real Kubewarden: its controller, its policy server and its `kwctl`, from the folder that `PROGRAMS` names.
//!
//! `make e2e-real` runs these scenarios, and `make e2e-node` does not. A scenario that lacks a program is left out, and
//! named at the end.

mod kubewarden;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use e2e::eventually;
use e2e::node::{Node, Release};
use serde_json::{Value, json};

use self::kubewarden::{Real, leave_out};
use crate::admission::Admission;
use crate::builds::{self, Built};
use crate::chain;
use crate::kit::{self, Kit, REGISTRY};

/// The namespace of Kubewarden.
const NAMESPACE: &str = "kubewarden";
const WEBHOOK: &str = "clusterwide-local-registry";
/// The pods of the policy server.
const PODS: [&str; 4] = ["pods", "--selector=kubewarden/policy-server=default", "--namespace", NAMESPACE];

#[test]
fn an_upgrade_of_kubewarden_lets_no_image_through() {
    let scenario = "an_upgrade_of_kubewarden_lets_no_image_through";
    let mut releases = Release::all("kubewarden");
    if releases.len() < 2 {
        return leave_out(scenario, "a second folder `kubewarden-VERSION` in PROGRAMS");
    }
    let newest = releases.pop();
    let (Some(old), Some(new)) = (Real::of(scenario, Some(releases.remove(0))), Real::of(scenario, newest)) else {
        return;
    };
    let kit = kit::with(&[]);
    old.ready(&kit);
    let before = kit.node.kubectl.json(&["get", "clusteradmissionpolicy", "local-registry"]);
    let answers = answers_during(&[(&|| dry_run(&kit), "team/ready")], || {
        new.install(&kit);
        new.serve(&kit, REGISTRY);
    });
    for reason in &answers.reasons {
        assert!(reason.contains("failed calling webhook"), "{reason}");
    }
    let (from, to) = (&old.release.version, &new.release.version);
    println!("number: {answers} during the upgrade of Kubewarden from {from} to {to}");
    let after = kit.node.kubectl.json(&["get", "clusteradmissionpolicy", "local-registry"]);
    assert_eq!(after["spec"]["settings"], before["spec"]["settings"]);
}

#[test]
fn an_upgrade_of_shipwright_lets_no_image_through() {
    let scenario = "an_upgrade_of_shipwright_lets_no_image_through";
    let releases = Release::all("shipwright");
    let [old, .., new] = &releases[..] else {
        return leave_out(scenario, "a second folder `shipwright-VERSION` in PROGRAMS");
    };
    let Some((_, kit)) = Real::newest_ready(scenario) else { return };
    let kubectl = &kit.node.kubectl;
    let authority = builds::install_projects(&kit);
    builds::provide_builder(&kit);
    builds::serve_sources(&kit);
    builds::write_source("upgraded");
    kit.node.apply_shipwright(old, authority);
    kubectl.ok(&["create", "namespace", "upgraded"]);
    let [build, run] = builds::example();
    let create = ["create", "--namespace=upgraded", "-f", "-"];
    // The sync job gives the older CRDs the field, too.
    eventually("the Build to be stored with the field", || {
        (kubectl.run_with(&create, &build).code == Some(0)).then_some(())
    });
    let inherited = || {
        let output = "--output=jsonpath={.spec.output.image}";
        let answer = kubectl.run_with(&[&create[..], &["--dry-run=server", output]].concat(), &run);
        if answer.code == Some(0) { Ok(answer.stdout) } else { Err(answer.stderr) }
    };
    let answers = answers_during(&[(&|| dry_run(&kit), "team/ready"), (&inherited, "team/hello:v1")], || {
        kit.node.apply_shipwright(new, authority);
    });
    let (from, to) = (&old.version, &new.version);
    println!("number: {answers} during the upgrade of Shipwright from {from} to {to}");
    eventually("the sync job to put the field back", || {
        let answer = kubectl.run_with(&[&create[..], &["--dry-run=server"]].concat(), &build.replace("hello", "other"));
        (answer.code == Some(0)).then_some(())
    });
    let run = builds::succeed(&kit, "upgraded", &run);
    drop(Built::by(&run, &format!("{REGISTRY}/team/hello:v1"), "upgraded"));
    kubectl.ok(&["delete", "namespace", "upgraded", "--wait=false"]);
    std::fs::remove_dir_all(builds::QUAY).unwrap();
}

/// What was answered while something was changed.
#[derive(Default)]
struct Answers {
    resolved: usize,
    refused: usize,
    /// Why, each reason once.
    reasons: BTreeSet<String>,
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} requests were refused", self.refused, self.refused + self.resolved)
    }
}

/// A request that is asked again and again, and the image that it is about.
type Question<'a> = (&'a (dyn Fn() -> Result<String, String> + Sync), &'a str);

/// Asks until a change is done. Each answer has the registry in front of the image, or refuses it.
fn answers_during(questions: &[Question<'_>], change: impl FnOnce()) -> Answers {
    let ends = AtomicBool::new(false);
    let answers = std::thread::scope(|scope| {
        // The questions end even if the change fails.
        let ending = Ending(&ends);
        let asking = scope.spawn(|| {
            let mut answers = Answers::default();
            while !ends.load(Ordering::Relaxed) {
                for (ask, image) in questions {
                    match ask() {
                        Ok(found) => {
                            assert_eq!(found, format!("{REGISTRY}/{image}"));
                            answers.resolved += 1;
                        }
                        Err(reason) => {
                            answers.refused += 1;
                            answers.reasons.insert(reason);
                        }
                    }
                }
            }
            answers
        });
        change();
        drop(ending);
        asking.join().unwrap()
    });
    assert!(answers.resolved > 0);
    answers
}

/// Ends what asks until then.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn builds_wait_for_a_policy_server_that_cannot_pull_its_module() {
    let Some((real, kit)) = Real::newest_ready("builds_wait_for_a_policy_server_that_cannot_pull_its_module") else {
        return;
    };
    let kubectl = &kit.node.kubectl;
    let scale = |replicas: &str| {
        let replicas = format!("--replicas={replicas}");
        kubectl.ok(&["scale", "deployment/registry", "--namespace=local-registry", &replicas]);
    };
    scale("0");
    let pods = ["pods", "--selector=app.kubernetes.io/name=registry", "--namespace=local-registry"];
    kubectl.ok(&[&["wait", "--for=delete", "--timeout=120s"], &pods[..]].concat());
    restart_without_module(&kit);
    scale("1");
    kit.ready();
    real.serve(&kit, REGISTRY);

    // It asks for a password that the policy server does not have.
    drop(kit);
    let kit = kit::with(&["auth"]);
    let kubectl = &kit.node.kubectl;
    restart_without_module(&kit);
    let (server, user, password) =
        (format!("--docker-server={REGISTRY}"), "--docker-username=builder", "--docker-password=secret");
    kubectl.ok(&["create", "secret", "docker-registry", "modules", "--namespace", NAMESPACE, &server, user, password]);
    let patch = |kit: &Kit, secret: Value| {
        let patch = json!({"spec": {"imagePullSecret": secret}}).to_string();
        kit.node.kubectl.ok(&["patch", "policyserver", "default", "--type=merge", "--patch", &patch]);
    };
    patch(&kit, json!("modules"));
    real.serve(&kit, REGISTRY);
    drop(kit);
    let kit = kit::with(&[]);
    patch(&kit, json!(null));
    kit.node.kubectl.ok(&["delete", "secret", "modules", "--namespace", NAMESPACE]);
}

/// Restarts the policy server while it cannot pull its module. What may be local is refused, and nothing else.
fn restart_without_module(kit: &Kit) {
    let kubectl = &kit.node.kubectl;
    kubectl.ok(&[&["delete"], &PODS[..], &["--grace-period=1"]].concat());
    eventually("the policy server to have failed", || {
        let pods = kubectl.json(&[&["get"], &PODS[..]].concat());
        let restarts = &pods["items"][0]["status"]["containerStatuses"][0]["restartCount"];
        restarts.as_u64().is_some_and(|restarts| restarts > 0).then_some(())
    });
    let refused = dry_run(kit).unwrap_err();
    assert!(refused.contains("failed calling webhook"), "{refused}");
    let check = kit.check(&[]);
    assert!(check.stdout.contains("✗ policy local-registry server: 0 of 1 ready"), "{check:?}");
    kubectl.ok(&["run", "other", "--image=elsewhere.example/other", "--dry-run=server"]);
}

#[test]
fn the_policies_come_back_after_their_policy_server_was_deleted() {
    let Some((real, kit)) = Real::newest_ready("the_policies_come_back_after_their_policy_server_was_deleted") else {
        return;
    };
    let kubectl = &kit.node.kubectl;
    let started = Instant::now();
    kubectl.ok(&["delete", "policyserver", "default", "--wait=false"]);
    eventually("the webhook to be gone", || {
        let webhook = kubectl.run(&["get", "mutatingwebhookconfiguration", WEBHOOK]);
        webhook.stderr.contains("NotFound").then_some(())
    });
    println!("number: the webhook is gone {:.1} s after its PolicyServer", started.elapsed().as_secs_f64());
    let status = ["get", "clusteradmissionpolicy", "local-registry", "--output=jsonpath={.status.policyStatus}"];
    let then = eventually("the policy to be gone, or to wait for a PolicyServer", || {
        let policy = kubectl.run(&status);
        let is_gone = policy.stderr.contains("NotFound");
        (is_gone || policy.stdout == "scheduled").then_some(if is_gone { "gone" } else { "scheduled" })
    });
    println!("number: with Kubewarden {}, the policy is {then} then", real.release.version);
    refused_by_the_guard(&kit);
    let check = kit.check(&[]);
    assert!(check.stdout.contains("✗ policy local-registry"), "{check:?}");
    kubectl.ok(&["wait", "--for=delete", "policyserver/default", "--timeout=120s"]);
    // As docs/install.md says: the PolicyServer first, then the policies.
    kit.node.install_kubewarden(&real.release, REGISTRY);
    real.ready(&kit);
}

#[test]
fn the_webhook_that_was_deleted_comes_back_with_the_controller() {
    let Some((_, kit)) = Real::newest_ready("the_webhook_that_was_deleted_comes_back_with_the_controller") else {
        return;
    };
    let kubectl = &kit.node.kubectl;
    // The API server may go on calling a webhook that is gone. A new one has another uid.
    let uid = || {
        let uid = "--output=jsonpath={.metadata.uid}";
        kubectl.run(&["get", "mutatingwebhookconfiguration", WEBHOOK, uid, "--ignore-not-found"]).stdout
    };
    let back = |before: &str| {
        eventually("another webhook", || Some(uid()).filter(|uid| !uid.is_empty() && uid != before));
        eventually("it to resolve", || (dry_run(&kit) == Ok(format!("{REGISTRY}/team/ready"))).then_some(()));
    };
    let delete = || kubectl.ok(&["delete", "mutatingwebhookconfiguration", WEBHOOK]);
    let started = Instant::now();
    let before = uid();
    delete();
    back(&before);
    println!("number: the webhook resolves again {:.1} s after it was deleted", started.elapsed().as_secs_f64());
    let controller = kit.node.kubewarden_controller();
    let scale = |replicas: &str| {
        let replicas = format!("--replicas={replicas}");
        kubectl.ok(&["scale", "deployment", &controller, "--namespace", NAMESPACE, &replicas]);
    };
    scale("0");
    eventually("the controller to be gone", || {
        let deployment = kubectl.json(&["get", "deployment", &controller, "--namespace", NAMESPACE]);
        let processes = Node::processes(&["/controller"]);
        (deployment["status"]["replicas"].is_null() && processes.is_empty()).then_some(())
    });
    let before = uid();
    delete();
    refused_by_the_guard(&kit);
    let check = kit.check(&[]);
    assert!(check.stdout.contains("✗ policy local-registry webhook: there is no"), "{check:?}");
    scale("1");
    back(&before);
}

#[test]
fn what_was_built_runs_under_the_real_kubewarden() {
    let Some(real) = Real::newest("what_was_built_runs_under_the_real_kubewarden") else { return };
    chain::builds_and_runs(&real);
}

/// Waits until the API server refuses a local image by itself. It may go on calling a webhook that is gone for a moment.
fn refused_by_the_guard(kit: &Kit) {
    eventually("the guard to refuse", || {
        let refused = match dry_run(kit) {
            Ok(image) if image.starts_with(REGISTRY) => return None,
            Ok(image) => panic!("{image} is stored without a registry"),
            Err(refused) => refused,
        };
        refused.contains("has put no registry in front of it").then_some(())
    });
}

/// The image of `examples/ready.yaml` as it would be stored, or why it is refused.
fn dry_run(kit: &Kit) -> Result<String, String> {
    let output = "--output=jsonpath={.spec.build.spec.output.image}";
    let answer = kit.node.kubectl.run(&["create", "--dry-run=server", "--filename", "examples/ready.yaml", output]);
    if answer.code == Some(0) { Ok(answer.stdout) } else { Err(answer.stderr) }
}
