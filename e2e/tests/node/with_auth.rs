//! The registry with `auth`: pushes need a password, and nodes pull without one.

use crate::kit::{self, CREDENTIALS, REGISTRY, WITHOUT_TLS, hello};

#[test]
fn pushes_need_a_password_and_pulls_by_the_node_do_not() {
    let kit = kit::with(&["auth"]);
    let name = format!("{REGISTRY}/team/guarded:v1");
    kit.node.push(&hello(), &name, &[WITHOUT_TLS]).failed_with("authentication required");
    let wrong = [WITHOUT_TLS, "--dest-creds=builder:wrong"];
    kit.node.push(&hello(), &name, &wrong).failed_with("authentication required");
    kit.node.push(&hello(), &name, &[WITHOUT_TLS, CREDENTIALS]).ok();
    assert_eq!(kit.node.pull(&name).ok(), "hello\n");
}
