//! Pushes that are cut off.

use std::io::{Read, Write};

use e2e::node::Node;
use e2e::{eventually, signal};

use crate::http;
use crate::kit::{self, REGISTRY, SERVER, hello, storage};

#[test]
fn a_registry_that_is_killed_during_a_push_keeps_what_it_had() {
    let kit = kit::with(&[]);
    let name = kit.push(&hello(), "team/kept:v1");
    let registry = Node::processes(&SERVER);
    assert_eq!(registry.len(), 1, "{registry:?}");

    // Half of a layer is on its way.
    let address = format!("{}:5000", kit.address("registry"));
    let begun = http::ask(&address, "POST", "/v2/team/cut/blobs/uploads/", "", b"");
    assert_eq!(begun.status, 202, "{begun:?}");
    let half = vec![7; 8 << 20];
    let mut connection = http::begin(&address, "PATCH", &begun.location(), "", 2 * half.len());
    connection.write_all(&half).unwrap();
    let uploads = storage().join("docker/registry/v2/repositories/team/cut/_uploads");
    eventually("half of the layer to be stored", || {
        let upload = std::fs::read_dir(&uploads).ok()?.next()?.unwrap();
        (std::fs::metadata(upload.path().join("data")).ok()?.len() > 0).then_some(())
    });
    signal(registry[0], "KILL");
    let mut answer = String::new();
    let _ = connection.read_to_string(&mut answer);
    assert_eq!(answer, "", "the registry answered before it was killed");

    eventually("the registry to run again", || {
        let now = Node::processes(&SERVER);
        (now.len() == 1 && now != registry).then_some(())
    });
    kit.ready();
    let pulled =
        eventually("a pull from the registry", || Some(kit.node.pull(&name)).filter(|pulled| pulled.succeeded));
    assert_eq!(pulled.output, "hello\n");
    kit.push(&hello(), "team/cut:v1");
    assert_eq!(kit.node.pull(&format!("{REGISTRY}/team/cut:v1")).ok(), "hello\n");
}
