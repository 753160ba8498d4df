//! Restarts of the API server, many changes in a row, and many clients.

use std::process::Stdio;

use e2e::{Crds, TestCluster, build, build_run, config_map, eventually, values};
use serde_json::{Value, json};

fn host(cluster: &TestCluster) -> Value {
    cluster.policy()["spec"]["settings"]["host"].clone()
}

fn generation(cluster: &TestCluster) -> i64 {
    cluster.policy()["metadata"]["generation"].as_i64().unwrap()
}

#[test]
fn a_watch_survives_restarts_of_the_api_server() {
    let mut cluster = TestCluster::start(Crds::Plain);
    cluster.install(&values::usual());
    cluster.declare("hostFromClusterNetwork: \"before:5000\"\n");
    let mut watch = cluster.watch(&["--settle=1", "--resync=3600"]);
    eventually("the policy to get the host", || (host(&cluster) == "before:5000").then_some(()));
    for after in ["after:5000", "again:5000"] {
        cluster.control_plane.kill_api_server();
        cluster.control_plane.start_api_server();
        assert!(watch.process.runs(), "{}", watch.process.log());
        cluster.declare(&format!("hostFromClusterNetwork: \"{after}\"\n"));
        eventually("the policy to get the host", || (host(&cluster) == after).then_some(()));
    }
    assert_eq!(watch.process.terminate(), Some(0));
}

#[test]
fn a_burst_of_changes_is_written_at_most_a_few_times() {
    let cluster = TestCluster::start(Crds::Plain);
    cluster.install(&values::usual());
    cluster.declare("hostFromClusterNetwork: \"before:5000\"\n");
    let _watch = cluster.watch(&["--settle=3", "--resync=3600"]);
    eventually("the policy to get the host", || (host(&cluster) == "before:5000").then_some(()));
    let before = generation(&cluster);
    let changes: Vec<Value> =
        (1..=200).map(|n| config_map(&format!("hostFromClusterNetwork: \"registry-{n}:5000\"\n"))).collect();
    let version = |cluster: &TestCluster| {
        let found = cluster.kubectl.json(&["get", "configmap", "local-registry-hosting", "--namespace=kube-public"]);
        found["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap()
    };
    let first = version(&cluster);
    let burst = json!({"apiVersion": "v1", "kind": "List", "items": changes});
    cluster.kubectl.ok_with(&["replace", "-f", "-"], &burst);
    assert!(version(&cluster) >= first + 200, "the API server did not store every change");
    eventually("the policy to get the last host", || (host(&cluster) == "registry-200:5000").then_some(()));
    let writes = generation(&cluster) - before;
    // One write, or a few if the machine paused for longer than the settle time.
    assert!((1..=5).contains(&writes), "{writes} writes for 200 changes");
}

#[test]
fn a_thousand_runs_by_eight_clients_are_all_resolved() {
    const CLIENTS: usize = 8;
    const EACH: usize = 125;
    let cluster = TestCluster::with_policy(Crds::Patched, "kind-registry:5000");
    cluster.create(&build("hello", json!({"image": "team/hello", "local": true})));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let runs: Vec<Value> = (0..EACH)
                .map(|n| build_run(&format!("run-{client}-{n}"), json!({"build": {"name": "hello"}})))
                .collect();
            let file = cluster.control_plane.file(&format!("runs-{client}.json"));
            std::fs::write(&file, json!({"apiVersion": "v1", "kind": "List", "items": runs}).to_string()).unwrap();
            cluster.kubectl.command(&["create", "-f", file.to_str().unwrap()]).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut client in clients {
        assert_eq!(client.wait().unwrap().code(), Some(0));
    }
    let stored = cluster.kubectl.json(&["get", "buildruns", "--namespace=team"]);
    let runs = stored["items"].as_array().unwrap();
    assert_eq!(runs.len(), CLIENTS * EACH);
    for run in runs {
        assert_eq!(run["spec"]["output"], json!({"image": "kind-registry:5000/team/hello"}), "{run}");
    }
}
