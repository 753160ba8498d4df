//! The registry with `tenants`: who pushes what is the cluster's RBAC.

mod clients;
mod strategies;

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::values;
use local_registry_tenants::{Scope, SigningKey, Token};
use serde_json::{Value, json};

use crate::admission::{self, Admission, StandIn};
use crate::builds::{self, Built, QUAY};
use crate::http;
use crate::kit::{self, Kit, REGISTRY, WITHOUT_TLS, saying};

/// What a registry says to a client whose token does not have the right.
const DENIED: &str = "requested access to the resource is denied";

/// The values of both policies, which give outputs the credential that makes itself.
pub(crate) fn policies() -> Value {
    values::merged(admission::policies(), json!({"policy": {"pushSecret": "local-registry-push"}}))
}

/// Installs what builds need, and these policies, and waits until they are served.
pub(crate) fn provide_builds(kit: &Kit) {
    StandIn.install(kit);
    builds::install_projects(kit);
    builds::add_the_field(kit);
    builds::provide_builder(kit);
    builds::serve_sources(kit);
    kit.install_policies(&policies()).ok(&["upgrade"]);
    StandIn.serve(kit, REGISTRY);
}

/// A team: a namespace of this name with an account that may edit it.
pub(crate) fn found_team(kit: &Kit, team: &str) {
    let kubectl = &kit.node.kubectl;
    // An earlier scenario may have deleted a namespace of this name a moment ago.
    let is_there = e2e::eventually(&format!("{team} to be there or gone"), || {
        let phase = kubectl.run(&["get", "namespace", team, "--output=jsonpath={.status.phase}"]).stdout;
        (phase != "Terminating").then_some(phase == "Active")
    });
    if is_there {
        return;
    }
    kubectl.ok(&["create", "namespace", team]);
    kubectl.ok(&["create", "serviceaccount", "ci", "--namespace", team]);
    let role = ["--clusterrole=edit", &format!("--serviceaccount={team}:ci"), "--namespace", team];
    kubectl.ok(&[&["create", "rolebinding", "ci"], &role[..]].concat());
}

/// The registry's own token for these scopes, as an account of this team gets it.
fn token_of(kit: &Kit, team: &str, scopes: &[&str]) -> String {
    let scopes = scopes.iter().map(|scope| format!("&scope={scope}")).collect::<Vec<_>>().concat();
    let basic = STANDARD.encode(format!("x:{}", kit.password(team, "ci")));
    let address = format!("{}:5001", kit.address("registry-token"));
    let path = format!("/token?service={REGISTRY}{scopes}");
    let answer = http::ask(&address, "GET", &path, &format!("Authorization: Basic {basic}\r\n"), b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str::<Value>(&answer.body).unwrap()["token"].as_str().unwrap().to_owned()
}

/// Asks the registry with a token of its own. Returns the status.
fn ask(kit: &Kit, method: &str, path: &str, token: &str) -> u16 {
    let address = format!("{}:5000", kit.address("registry"));
    let accept = "Accept: application/vnd.oci.image.manifest.v1+json";
    http::ask(&address, method, path, &format!("Authorization: Bearer {token}\r\n{accept}\r\n"), b"").status
}

#[test]
fn a_team_pushes_its_own_names_and_no_others() {
    let kit = kit::with(&["tenants"]);
    for team in ["team", "other"] {
        found_team(&kit, team);
    }
    let [team, other] = ["team", "other"].map(|team| kit.credentials(team, "ci"));
    let name = format!("{REGISTRY}/team/app:v1");
    let [ours, theirs] = ["ours", "theirs"].map(saying);
    kit.node.push(&ours, &name, &[WITHOUT_TLS]).failed_with(DENIED);
    kit.node.push(&theirs, &name, &[WITHOUT_TLS, &other]).failed_with(DENIED);
    let wrong = [WITHOUT_TLS, "--dest-creds=builder:wrong"];
    kit.node.push(&ours, &name, &wrong).failed_with("the cluster does not accept the password");
    kit.node.push(&ours, &name, &[WITHOUT_TLS, &team]).ok();
    // Nobody replaces it, and nodes pull it without a password.
    kit.node.push(&theirs, &name, &[WITHOUT_TLS, &other]).failed_with(DENIED);
    assert_eq!(kit.node.pull(&name).ok(), "ours\n");
    assert_eq!(kit.node.pull("local-registry:5000/team/app:v1").ok(), "ours\n");

    // By plain HTTP: reading is for all, and deleting for neither, since both may edit only.
    let manifest = "/v2/team/app/manifests/v1";
    let all = ["repository:team/app:pull,push,delete", "repository:other/app:pull,push,delete"];
    let [of_team, of_other] = ["team", "other"].map(|team| token_of(&kit, team, &all));
    for token in [&of_team, &of_other] {
        assert_eq!(ask(&kit, "GET", manifest, token), 200);
        assert_eq!(ask(&kit, "DELETE", manifest, token), 401);
    }
    assert_eq!(ask(&kit, "POST", "/v2/team/app/blobs/uploads/", &of_team), 202);
    assert_eq!(ask(&kit, "POST", "/v2/team/app/blobs/uploads/", &of_other), 401);
    assert_eq!(ask(&kit, "POST", "/v2/team/app/blobs/uploads/", ""), 401);
    assert_eq!(ask(&kit, "GET", "/v2/_catalog", &of_team), 401);
    // A copy between repositories wants a right on both.
    let digest = ours_layer(&kit, &of_team);
    let mount = format!("/v2/other/app/blobs/uploads/?mount={digest}&from=team/app");
    assert_eq!(ask(&kit, "POST", &mount, &of_other), 201, "everybody may pull, so a layer may be copied");

    only_the_key_counts(&kit);
    rights_are_given_and_taken(&kit, &name, &theirs);
    without_the_token_server(&kit, &name, &ours, &team);
}

/// The digest of the layer of `team/app:v1`.
fn ours_layer(kit: &Kit, token: &str) -> String {
    let address = format!("{}:5000", kit.address("registry"));
    let headers = format!("Authorization: Bearer {token}\r\nAccept: application/vnd.oci.image.manifest.v1+json\r\n");
    let answer = http::ask(&address, "GET", "/v2/team/app/manifests/v1", &headers, b"");
    let manifest: Value = serde_json::from_str(&answer.body).unwrap();
    manifest["layers"][0]["digest"].as_str().unwrap().to_owned()
}

/// The registry takes tokens that are signed with the key of the Secret, for as long as they say, and for itself alone.
fn only_the_key_counts(kit: &Kit) {
    let secret = kit.node.kubectl.json(&["get", "secret", "registry-token", "--namespace=local-registry"]);
    let key = SigningKey::from_der(&STANDARD.decode(secret["data"]["key.der"].as_str().unwrap()).unwrap()).unwrap();
    let granted = [Scope::parse("repository:team/app:push,pull").unwrap()];
    let sign = |key: &SigningKey, service: &str, age: u64| {
        let made = SystemTime::now() - Duration::from_secs(age);
        Token::sign(key, "x", service, &granted, made).unwrap().as_str().to_owned()
    };
    let upload = |token: &str| ask(kit, "POST", "/v2/team/app/blobs/uploads/", token);
    assert_eq!(upload(&sign(&key, REGISTRY, 0)), 202);
    assert_eq!(upload(&sign(&key, REGISTRY, 290)), 202, "five minutes are not over");
    assert_eq!(upload(&sign(&key, REGISTRY, 301)), 401, "five minutes are over");
    assert_eq!(upload(&sign(&key, "registry.elsewhere:5000", 0)), 401);
    assert_eq!(upload(&sign(&SigningKey::generate().unwrap(), REGISTRY, 0)), 401);
    // What the cluster takes, the registry does not.
    assert_eq!(upload(&kit.password("team", "ci")), 401);
}

/// A RoleBinding lets another team push, for as long as it is there.
fn rights_are_given_and_taken(kit: &Kit, name: &str, image: &e2e::node::Image) {
    let binding = ["rolebinding", "guest", "--namespace=team"];
    let guest = ["--clusterrole=local-registry-push", "--serviceaccount=other:ci"];
    kit.node.kubectl.ok(&[&["create"], &binding[..], &guest[..]].concat());
    let guest = format!("{name}-by-a-guest");
    let credentials = kit.credentials("other", "ci");
    e2e::eventually("the right to be given", || {
        kit.node.push(image, &guest, &[WITHOUT_TLS, &credentials]).succeeded.then_some(())
    });
    assert_eq!(kit.node.pull(&guest).ok(), "theirs\n");
    kit.node.kubectl.ok(&[&["delete"], &binding[..]].concat());
    e2e::eventually("the right to be taken away", || {
        let scope = "repository:team/app:push,pull";
        (ask(kit, "POST", "/v2/team/app/blobs/uploads/", &token_of(kit, "other", &[scope])) == 401).then_some(())
    });
}

/// While no token server runs, nodes pull, and who pushes is told why that fails.
fn without_the_token_server(kit: &Kit, name: &str, image: &e2e::node::Image, credentials: &str) {
    let scale = |replicas: &str| {
        let replicas = format!("--replicas={replicas}");
        kit.node.kubectl.ok(&["scale", "deployment/registry-token", &replicas, "--namespace=local-registry"]);
        kit.rolled_out("deployment/registry-token", "local-registry");
    };
    scale("0");
    let gone = ["wait", "--for=delete", "pod", "--selector=app.kubernetes.io/name=registry-token", "--timeout=60s"];
    kit.node.kubectl.ok(&[&gone[..], &["--namespace=local-registry"]].concat());
    assert_eq!(kit.node.pull(name).ok(), "ours\n");
    kit.node.push(image, name, &[WITHOUT_TLS, credentials]).failed_with("registry-token.local-registry.svc");
    scale("2");
    e2e::eventually("a push", || kit.node.push(image, name, &[WITHOUT_TLS, credentials]).succeeded.then_some(()));
}

#[test]
fn a_build_without_host_password_and_secret_pushes_what_its_team_may() {
    let kit = kit::with(&["tenants"]);
    let kubectl = &kit.node.kubectl;
    provide_builds(&kit);
    builds::write_source("pushed");
    for team in ["team", "other"] {
        found_team(&kit, team);
    }
    let [build, run] = builds::example();
    let create = ["create", "--namespace=team", "-f", "-"];
    kubectl.run_with(&create, &build).ok(&create);
    // Nobody has made the Secret yet, and the Build says so.
    builds::failed(&kit, "team", &builds::start(&kit, "team", &run));
    let reason = ["get", "build", "hello", "--namespace=team", "--output=jsonpath={.status.reason}"];
    assert_eq!(kubectl.ok(&reason), "SpecOutputSecretRefNotFound");

    // It makes itself, where the operator says so.
    kubectl.ok(&["label", "namespace", "team", "other", "local-registry-hosting/push=true"]);
    let registered = ["wait", "build", "hello", "--namespace=team", "--for=jsonpath={.status.registered}=True"];
    kubectl.ok(&[&registered[..], &["--timeout=60s"]].concat());
    let run_text = run;
    let run = builds::succeed(&kit, "team", &run_text);
    assert_eq!(run["status"]["buildSpec"]["output"]["pushSecret"], "local-registry-push");
    drop(Built::by(&run, &format!("{REGISTRY}/team/hello:v1"), "pushed"));
    // The same Build in the namespace of another team.
    kubectl.run_with(&["create", "--namespace=other", "-f", "-"], &build).ok(&create);
    let log = builds::failed(&kit, "other", &builds::start(&kit, "other", &run_text));
    assert!(log.contains("DENIED") || log.contains("UNAUTHORIZED"), "{log}");
    the_check_pushes_by_a_credential(&kit);
    a_credential_ends_with_its_label(&kit);
    std::fs::remove_dir_all(QUAY).unwrap();
    kit.remove_policies();
    admission::forget(&kit);
}

/// `helm test` pushes as a build does: its namespace has the label, and the credential makes itself.
fn the_check_pushes_by_a_credential(kit: &Kit) {
    let with_pull = values::merged(policies(), json!({"check": {"pull": true}}));
    kit.install_policies(&with_pull).ok(&["upgrade"]);
    let log = kit.test().stdout;
    for expected in [
        "✓ token server: http://registry-token.local-registry.svc.cluster.local:5001/token gives tokens".to_owned(),
        // Those of both teams, and of the check.
        "✓ credentials: 3 namespaces have one; the first ends in 23 h".to_owned(),
        format!("✓ pull on node node: it pulled and ran {REGISTRY}/local-registry-check/canary@sha256:"),
    ] {
        assert!(log.lines().any(|line| line.starts_with(&expected)), "expected: {expected}\nfound:\n{log}");
    }
    kit.node.kubectl.ok(&["delete", "pod", "local-registry-check", "--namespace=local-registry", "--wait=false"]);
}

/// Without the label, all of the credential goes, and its token ends at once, whoever has a copy of it.
fn a_credential_ends_with_its_label(kit: &Kit) {
    let kubectl = &kit.node.kubectl;
    let secret = ["secret", "local-registry-push", "--namespace=team"];
    let found = kubectl.json(&[&["get"], &secret[..]].concat());
    let config = STANDARD.decode(found["data"][".dockerconfigjson"].as_str().unwrap()).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    let stolen = format!("--dest-creds=x:{}", config["auths"][REGISTRY]["password"].as_str().unwrap());
    let name = format!("{REGISTRY}/team/stolen:v1");
    kit.node.push(&saying("stolen"), &name, &[WITHOUT_TLS, &stolen]).ok();
    kubectl.ok(&["label", "namespace", "team", "other", "local-registry-hosting/push-"]);
    for object in ["secret", "serviceaccount", "rolebinding"] {
        e2e::eventually(&format!("the {object} to go"), || {
            let get = ["get", object, "local-registry-push", "--namespace=team", "--ignore-not-found", "--output=name"];
            kubectl.ok(&get).is_empty().then_some(())
        });
    }
    // The API server remembers for some seconds that a token was good.
    e2e::eventually("the token to end", || {
        let pushed = kit.node.push(&saying("stolen"), &name, &[WITHOUT_TLS, &stolen]);
        (!pushed.succeeded && pushed.output.contains("does not accept the password")).then_some(())
    });
}
