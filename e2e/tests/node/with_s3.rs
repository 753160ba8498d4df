//! The registry with `s3`: two replicas with a bucket, without and with `tenants`.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use e2e::node::{Bucket, Node};
use e2e::{eventually, signal};
use serde_json::Value;

use crate::http;
use crate::kit::{self, Kit, REGISTRY, SERVER, WITHOUT_TLS, hello, saying};

#[test]
fn a_push_goes_on_at_the_other_replica() {
    let kit = kit::with(&["s3"]);
    let kept = kit.push(&saying("kept"), "team/kept:v1");
    let replicas = replicas(&kit);
    assert_eq!(replicas.len(), 2, "{replicas:?}");
    let (first, second) = (format!("{}:5000", replicas[0].0), format!("{}:5000", replicas[1].0));

    // Half of a layer is at one replica, and the other half on its way when that one is killed.
    let half = vec![7; 6 << 20];
    let begun = http::ask(&first, "POST", "/v2/team/cut/blobs/uploads/", "", b"");
    assert_eq!(begun.status, 202, "{begun:?}");
    let stored = http::ask(&first, "PATCH", &begun.location(), "", &half);
    assert_eq!(stored.status, 202, "{stored:?}");
    let mut connection = http::begin(&first, "PATCH", &stored.location(), "", half.len());
    connection.write_all(&half[..half.len() / 2]).unwrap();
    signal(replicas[0].1, "KILL");
    let mut answer = String::new();
    let _ = connection.read_to_string(&mut answer);
    assert_eq!(answer, "", "the replica answered before it was killed");

    // The client sends the rest once more, and the Service leads to the other replica.
    let stored = http::ask(&second, "PATCH", &stored.location(), "", &half);
    assert_eq!(stored.status, 202, "{stored:?}");
    let separator = if stored.location().contains('?') { '&' } else { '?' };
    let digest = "sha256:f465e57d8e72f13ccba7ec0024fac72ee74c5658b5f8f2bbdd5da6ce93261783";
    let end = format!("{}{separator}digest={digest}", stored.location());
    let done = http::ask(&second, "PUT", &end, "", b"");
    assert_eq!(done.status, 201, "{done:?}");

    // For a moment, the Service leads to the one that was killed, too: the kubelet reports it late.
    eventually("both replicas to answer", || TcpStream::connect(&first).ok());
    assert_eq!(kit.node.pull(&kept).ok(), "kept\n");
    let name = kit.push(&hello(), "team/after:v1");
    assert_eq!(kit.node.pull(&name).ok(), "hello\n");
    let repositories = Bucket::folder().join("docker/registry/v2/repositories");
    assert!(repositories.join("team/after").is_dir(), "nothing in {}", repositories.display());
}

#[test]
fn rights_count_with_a_bucket_too() {
    let kit = kit::with(&["s3", "tenants"]);
    let name = format!("{REGISTRY}/team/bucket:v1");
    kit.node.push(&hello(), &name, &[WITHOUT_TLS]).failed_with("requested access to the resource is denied");
    assert_eq!(kit.push(&hello(), "team/bucket:v1"), name);
    assert_eq!(kit.node.pull(&name).ok(), "hello\n");
    let repositories = Bucket::folder().join("docker/registry/v2/repositories");
    assert!(repositories.join("team/bucket").is_dir(), "nothing in {}", repositories.display());
}

/// The replicas: the address of each pod, and its process.
fn replicas(kit: &Kit) -> Vec<(String, u32)> {
    let get = ["get", "pods", "--namespace=local-registry", "--selector=app.kubernetes.io/name=registry"];
    let pods = kit.node.kubectl.json(&get);
    let addresses: BTreeMap<&str, &str> = pods["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|pod| pod["metadata"]["deletionTimestamp"] == Value::Null)
        .map(|pod| (pod["metadata"]["uid"].as_str().unwrap(), pod["status"]["podIP"].as_str().unwrap()))
        .collect();
    // A process is in the cgroup of its pod.
    let pod_of = |process: u32| {
        let cgroups = std::fs::read_to_string(format!("/proc/{process}/cgroup")).unwrap();
        addresses.iter().find(|(uid, _)| cgroups.contains(*uid)).map(|(_, address)| (*address).to_owned())
    };
    Node::processes(&SERVER).into_iter().filter_map(|process| Some((pod_of(process)?, process))).collect()
}
