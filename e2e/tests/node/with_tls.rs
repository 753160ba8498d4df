//! The registry with `tls` and `tenants`, with certificates that the test issues in place of cert-manager.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::node::Node;
use e2e::{Authority, config_map, eventually};
use local_registry_testkit::repository;
use serde_json::{Value, json};

use crate::admission::{self, Admission, StandIn};
use crate::builds::{self, Built, QUAY};
use crate::kit::{self, FOLDER, Kit, REGISTRY, hello};
use crate::with_tenants::{found_team, provide_builds};

#[test]
fn a_build_goes_on_when_the_host_changes_and_tls_is_turned_on() {
    let kit = kit::with(&["tenants"]);
    let kubectl = &kit.node.kubectl;
    provide_builds(&kit);
    found_team(&kit, "team");
    kubectl.ok(&["label", "namespace", "team", "local-registry-hosting/push=true", "--overwrite"]);
    let [build, run] = builds::example();
    let apply = ["apply", "--namespace=team", "-f", "-"];
    kubectl.run_with(&apply, &build).ok(&apply);
    // Another host of the same registry. By plain HTTP, Shipwright's own step pushes to few names, and to addresses.
    let other = format!("{}:5000", kit.address("registry"));
    let declaration = format!("hostFromClusterNetwork: \"{other}\"\nhostFromContainerRuntime: \"{other}\"\n");
    builds_for(&kit, REGISTRY, &run);
    kubectl.ok_with(&["apply", "-f", "-"], &config_map(&declaration));
    StandIn.serve(&kit, &other);
    builds_for(&kit, &other, &run);

    trust_in_push_secrets(&kit);
    drop(kit);
    let kit = kit::with(&["tenants", "tls"]);
    builds::lead_to_builder(&kit);
    StandIn.serve(&kit, REGISTRY);
    builds_for(&kit, REGISTRY, &run);
    kit.node.kubectl.ok(&["label", "namespace", "team", "local-registry-hosting/push-"]);
    kit.remove_policies();
    admission::forget(&kit);
    configure_shipwright(&kit, "IMAGE_PROCESSING_CONTAINER_TEMPLATE-");
    std::fs::remove_dir_all(QUAY).unwrap();
}

/// Runs the Build of the namespace `team`, once its credential is for this host.
fn builds_for(kit: &Kit, host: &str, run: &str) {
    let secret = ["secret", "local-registry-push", "--namespace=team"];
    eventually(&format!("the credential for {host}"), || {
        let get = [&["get"], &secret[..], &["--output=json", "--ignore-not-found"]].concat();
        let found: Value = serde_json::from_str(&kit.node.kubectl.ok(&get)).ok()?;
        let config = STANDARD.decode(found["data"][".dockerconfigjson"].as_str()?).unwrap();
        let config: Value = serde_json::from_slice(&config).unwrap();
        config["auths"][host].is_object().then_some(())
    });
    if kit.has("tls") {
        // As docs/tenants.md says of a certificate that cert-manager has not made.
        let authority = json!({"data": {"ca.crt": STANDARD.encode(kit.authority.pem())}}).to_string();
        kit.node.kubectl.ok(&[&["patch"], &secret[..], &["--patch", &authority]].concat());
    }
    builds::write_source(host);
    let built = builds::succeed(kit, "team", run);
    let is_insecure = built["spec"]["output"]["insecure"].as_bool().unwrap_or_default();
    assert_eq!(is_insecure, !kit.has("tls"), "with `insecure`, no certificate is verified");
    drop(Built::by(&built, &format!("{host}/team/hello:v1"), host));
}

/// Lets Shipwright's own step that pushes trust the authority in the push secret, by the template in docs/registry.md.
fn trust_in_push_secrets(kit: &Kit) {
    let page = repository::text("docs/registry.md");
    let (_, template) = page.split_once("IMAGE_PROCESSING_CONTAINER_TEMPLATE\n     value: |\n").unwrap();
    let template = serde_json::Deserializer::from_str(template).into_iter::<Value>().next().unwrap().unwrap();
    configure_shipwright(kit, &format!("IMAGE_PROCESSING_CONTAINER_TEMPLATE={template}"));
}

/// Sets a variable of Shipwright's controller, or takes it away (`NAME-`).
fn configure_shipwright(kit: &Kit, variable: &str) {
    let (controller, namespace) = ("deployment/shipwright-build-controller", "shipwright-build");
    kit.node.kubectl.ok(&["set", "env", controller, variable, "--namespace", namespace]);
    kit.rolled_out(controller, namespace);
}

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
