//! Pushes that are cut off.

use std::io::{Read, Write};
use std::net::TcpStream;

use e2e::node::Node;
use e2e::{eventually, signal};

use crate::kit::{self, REGISTRY, hello, storage};

#[test]
fn a_registry_that_is_killed_during_a_push_keeps_what_it_had() {
    let kit = kit::with(&[]);
    let name = kit.push(&hello(), "team/kept:v1");
    let registry = Node::processes("registry");
    assert_eq!(registry.len(), 1, "{registry:?}");

    // Half of a layer is on its way.
    let address = format!("{}:5000", kit.address());
    let answer = ask(&address, "POST /v2/team/cut/blobs/uploads/ HTTP/1.0\r\nContent-Length: 0\r\n\r\n");
    let location = answer.lines().find_map(|line| line.strip_prefix("Location: ")).expect(&answer);
    let path = &location[location.find("/v2/").unwrap()..];
    let mut connection = TcpStream::connect(&address).unwrap();
    let half = vec![7; 8 << 20];
    write!(connection, "PATCH {path} HTTP/1.1\r\nHost: {REGISTRY}\r\nContent-Length: {}\r\n\r\n", 2 * half.len())
        .unwrap();
    connection.write_all(&half).unwrap();
    let uploads = storage().join("docker/registry/v2/repositories/team/cut/_uploads");
    eventually("half of the layer to be stored", || {
        let upload = std::fs::read_dir(&uploads).ok()?.next()?.unwrap();
        (std::fs::metadata(upload.path().join("data")).ok()?.len() > 0).then_some(())
    });
    signal(registry[0], "KILL");
    let mut rest = String::new();
    assert!(connection.read_to_string(&mut rest).map_or(true, |_| !rest.contains(" 20")), "{rest}");

    eventually("the registry to run again", || {
        let now = Node::processes("registry");
        (now.len() == 1 && now != registry).then_some(())
    });
    let pulled =
        eventually("a pull from the registry", || Some(kit.node.pull(&name)).filter(|pulled| pulled.succeeded));
    assert_eq!(pulled.output, "hello\n");
    kit.push(&hello(), "team/cut:v1");
    assert_eq!(kit.node.pull(&format!("{REGISTRY}/team/cut:v1")).ok(), "hello\n");
}

/// What the server at this address answers to a request without a body.
fn ask(address: &str, request: &str) -> String {
    let mut answer = String::new();
    let mut connection = TcpStream::connect(address).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    connection.read_to_string(&mut answer).unwrap();
    answer
}
