//! The registry with `tls` and `tenants`, with certificates that the test issues in place of cert-manager.

use e2e::node::Node;
use e2e::{Authority, eventually};

use crate::kit::{self, FOLDER, Kit, REGISTRY, hello};

#[test]
fn pulls_and_pushes_verify_the_registry() {
    let kit = kit::with(&["tenants", "tls"]);
    let name = format!("{REGISTRY}/team/verified:v1");
    kit.node.push(&hello(), &name, &[]).failed_with("certificate signed by unknown authority");
    let trusted = Node::disk().join("images/certificates");
    std::fs::create_dir_all(&trusted).unwrap();
    std::fs::write(trusted.join("ca.crt"), kit.authority.pem()).unwrap();
    let trusting = "--dest-cert-dir=/images/certificates";
    // The token server has the same certificate.
    kit.node.push(&hello(), &name, &[trusting]).failed_with("requested access to the resource is denied");
    kit.node.push(&hello(), &name, &[trusting, &kit.builder().unwrap()]).ok();
    assert_eq!(kit.node.pull(&name).ok(), "hello\n");
    assert_eq!(kit.node.pull("local-registry:5000/team/verified:v1").ok(), "hello\n");

    // The node trusts another authority, so it must not pull.
    nodes_trust(&kit, &Authority::named("other"));
    kit.node.pull(&name).failed_with("certificate signed by unknown authority");
    nodes_trust(&kit, &kit.authority);
    assert_eq!(kit.node.pull(&name).ok(), "hello\n");
}

/// Gives the node the certificate of this authority, and waits until it has it.
fn nodes_trust(kit: &Kit, authority: &Authority) {
    kit.trust(authority);
    // The agent would see it by itself, some minutes later.
    kit.node.kubectl.ok(&["rollout", "restart", "daemonset/local-registry-node", "--namespace=local-registry-nodes"]);
    eventually("the node to have the authority", || {
        std::fs::read_to_string(format!("{FOLDER}/ca.crt")).ok()?.contains(&authority.pem()).then_some(())
    });
}
