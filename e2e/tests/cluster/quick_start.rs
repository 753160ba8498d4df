//! The quick start of `docs/quick-start-kind.md`, after everything is installed.

use std::process::Command;

use e2e::{Crds, Process, TestCluster, eventually, values};
use local_registry_testkit::repository::root;

/// The commands of the quick start that wait for the policy, as `e2e/quick-start` prints them.
fn waiting() -> String {
    let script = Command::new(root().join("e2e/quick-start")).output().unwrap();
    let script = String::from_utf8(script.stdout).unwrap();
    let first = "until kubectl create --dry-run=server ";
    let (before, rest) = script.split_once(first).unwrap();
    assert!(before.contains("helm upgrade local-registry "), "{before}");
    let (waiting, _) = rest.split_once("\nkubectl create --filename examples/build.yaml\n").unwrap();
    format!("{first}{waiting}\n")
}

/// Starts a script with the kubectl of this cluster.
fn run(cluster: &TestCluster, script: &str) -> Process {
    let kubectl = cluster.kubectl.command(&[]);
    let mut command = Command::new("bash");
    command.args(["-exuo", "pipefail", "-c", script]).current_dir(root());
    command.envs(kubectl.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let folder = std::path::Path::new(kubectl.get_program()).parent().unwrap().to_owned();
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", folder.display()));
    Process::spawn(&mut command, &cluster.control_plane.file("quick-start.log"))
}

#[test]
fn the_quick_start_waits_until_its_first_run_is_accepted() {
    let mut cluster = TestCluster::start(Crds::Plain);
    cluster.install(&values::usual());
    // The policy is active but has no host yet, since the sync job has not started.
    cluster.reconcile();
    let mut script = run(&cluster, &waiting());
    let rejected = || script.log().matches("this cluster declares no local registry").count();
    eventually("a rejected dry run", || (rejected() > 0).then_some(()));

    cluster.install(&serde_json::json!({"registry": {"enabled": true}}));
    let _watch = cluster.watch(&["--crds"]);
    // The host is in the settings, but the policy server does not serve them yet.
    eventually("the host", || cluster.policy()["spec"]["settings"]["host"].is_string().then_some(()));
    let before = rejected();
    eventually("another rejected dry run", || (rejected() > before).then_some(()));

    cluster.kubewarden.hang(true);
    cluster.reconcile();
    let before = rejected();
    eventually("another rejected dry run", || (rejected() > before).then_some(()));
    assert!(script.runs(), "{}", script.log());
    cluster.kubewarden.hang(false);
    cluster.reconcile();
    assert_eq!(script.wait(), Some(0), "{}", script.log());

    cluster.kubectl.ok(&["create", "--namespace=team", "-f", "examples/build.yaml"]);
    let runs = cluster.kubectl.json(&["get", "buildruns", "--namespace=team", "--selector=example=hello"]);
    let image = "registry.local-registry.svc.cluster.local:5000/team/hello:v1";
    assert_eq!(runs["items"][0]["spec"]["output"]["image"], image);
}
