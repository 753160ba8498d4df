//! A scenario for each kind of registry.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::node::Bucket;
use e2e::{Authority, Chart, ControlPlane, NAMESPACE, RegistryPod, Secrets, TokenServer, values};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::expected::{causes, differences};
use crate::rows::Outcome;
use crate::suite::Suite;

/// The user `builder` with the password `secret`, as htpasswd writes it (bcrypt).
const HTPASSWD: &str = "builder:$2a$04$ntmYECloq4o9Yjzy/.tVmedvGZ3Xx/N/8uxGssKEUaB0Rjb4gqYjC";

/// Runs the suite, and compares its rows with what is expected of registries of these kinds.
#[track_caller]
fn check(what: &str, suite: Suite, kinds: &[&str]) {
    let (rows, took) = suite.run();
    let count = |wanted| rows.values().filter(|outcome| **outcome == wanted).count();
    let [passed, failed, skipped] = [Outcome::Pass, Outcome::Fail, Outcome::Skip].map(count);
    println!("number: {what}: {passed} rows pass, {failed} fail, {skipped} are skipped; {:.1} s", took.as_secs_f64());
    let differences = differences(&rows, &causes(kinds));
    assert!(differences.is_empty(), "{what}: other rows than expected:\n{}", differences.join("\n"));
}

/// The values of a registry with these ones for it.
fn registry(registry: Value) -> Value {
    values::merged(values::registry(), json!({"registry": registry, "nodes": {"enabled": false}}))
}

/// A Secret with these keys.
fn secret<const N: usize>(name: &str, keys: [(&str, &str); N]) -> (String, BTreeMap<String, String>) {
    (name.to_owned(), keys.map(|(key, value)| (key.to_owned(), value.to_owned())).into())
}

fn passwords() -> (String, BTreeMap<String, String>) {
    secret("registry-htpasswd", [("htpasswd", HTPASSWD)])
}

/// A certificate for loopback, and who has issued it.
struct Tls {
    secret: (String, BTreeMap<String, String>),
    authority: PathBuf,
    _folder: TempDir,
}

impl Tls {
    fn new() -> Self {
        let authority = Authority::named("registry");
        let issued = authority.issue(&["127.0.0.1"]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.crt");
        std::fs::write(&file, authority.pem()).unwrap();
        let secret = secret("registry-tls", [("tls.crt", &issued.certificate), ("tls.key", &issued.key)]);
        Self { secret, authority: file, _folder: folder }
    }
}

/// What the chart says of a bucket, and the Secret for it.
fn in_a_bucket(bucket: &Bucket) -> (Value, (String, BTreeMap<String, String>)) {
    let values = json!({"storage": {"type": "s3", "s3": {"bucket": bucket.name, "endpoint": bucket.url}}});
    let secret = secret(
        "registry-s3",
        [
            ("REGISTRY_STORAGE_S3_ACCESSKEY", bucket.access_key),
            ("REGISTRY_STORAGE_S3_SECRETKEY", bucket.secret_key),
            ("REGISTRY_HTTP_SECRET", "shared"),
        ],
    );
    (values, secret)
}

#[test]
fn as_it_is_installed() {
    let pod = RegistryPod::rendered(&registry(json!({})), Secrets::new());
    let container = pod.start("registry");
    check("as it is installed", Suite::of(&container.host), &["written", "kept"]);
}

#[test]
fn with_deleting() {
    let pod = RegistryPod::rendered(&registry(json!({"delete": true})), Secrets::new());
    let container = pod.start("registry");
    check("delete", Suite::of(&container.host), &["written"]);
}

#[test]
fn with_passwords_and_for_nodes_without() {
    let pod = RegistryPod::rendered(&registry(json!({"auth": {"enabled": true}})), Secrets::from([passwords()]));
    let container = pod.start("registry");
    let suite = || Suite::of(&container.host).with_password("builder", "secret");
    check("auth", suite(), &["written"]);

    // One image, which stays.
    let keep = ["TAGS", "MANIFESTS", "BLOBS"].map(|what| format!("OCI_API_{what}_DELETE"));
    let suite = keep.iter().fold(suite(), |suite, variable| suite.with(variable, "false"));
    let (rows, _) = suite.with("OCI_FILTER_TEST", "OCI Conformance Test/image/").run();
    assert!(rows.values().all(|outcome| *outcome != Outcome::Fail), "{rows:?}");
    let nodes = pod.start("read-only");
    let suite = reading(&nodes.host, "conformance/repo1", "image");
    check("auth, for nodes", suite, &["read only"]);
}

/// The suite for a registry that takes no writes, and has an image.
fn reading(host: &str, repository: &str, tag: &str) -> Suite {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::blocking::Client::new();
    let request = client.get(format!("http://{host}/v2/{repository}/manifests/{tag}"));
    let answer = request.header("accept", "application/vnd.oci.image.manifest.v1+json").send().unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{answer:?}");
    let digest = answer.headers()["docker-content-digest"].to_str().unwrap().to_owned();
    let manifest: Value = answer.json().unwrap();
    let layers = manifest["layers"].as_array().unwrap().iter();
    let blobs: Vec<&str> =
        layers.chain([&manifest["config"]]).map(|descriptor| descriptor["digest"].as_str().unwrap()).collect();
    Suite::of(host)
        .with("OCI_API_PUSH", "false")
        // Of contents that it has not pushed itself, the suite never sees this header.
        .with("OCI_API_MANIFESTS_DIGEST_HEADER", "false")
        .with("OCI_RO_DATA_TAGS", tag)
        .with("OCI_RO_DATA_MANIFESTS", &digest)
        .with("OCI_RO_DATA_REFERRERS", &digest)
        .with("OCI_RO_DATA_BLOBS", &blobs.join(" "))
}

#[test]
fn with_tls() {
    let tls = Tls::new();
    let values = registry(json!({"delete": true, "tls": {"enabled": true, "certManager": false}}));
    let pod = RegistryPod::rendered(&values, Secrets::from([tls.secret.clone()]));
    let container = pod.start("registry");
    check("tls", Suite::of(&container.host).with_tls(&tls.authority), &["written"]);
}

#[test]
fn with_a_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = Bucket::on_loopback(folder.path());
    let (values, secret) = in_a_bucket(&bucket);
    let values = values::merged(values, json!({"delete": true}));
    let pod = RegistryPod::rendered(&registry(values), Secrets::from([secret]));
    let container = pod.start("registry");
    check("s3", Suite::of(&container.host), &["written"]);
}

#[test]
fn with_passwords_tls_and_a_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let (bucket, tls) = (Bucket::on_loopback(folder.path()), Tls::new());
    let (values, secret) = in_a_bucket(&bucket);
    let parts = json!({"auth": {"enabled": true}, "tls": {"enabled": true, "certManager": false}});
    let secrets = Secrets::from([secret, passwords(), tls.secret.clone()]);
    let pod = RegistryPod::rendered(&registry(values::merged(values, parts)), secrets);
    let container = pod.start("registry");
    let suite = Suite::of(&container.host).with_tls(&tls.authority).with_password("builder", "secret");
    check("s3, auth, tls", suite, &["written"]);
}

/// Whoever asks has the rights of a namespace's administrator to the repositories that the suite uses, and to no others.
#[test]
fn with_rights_of_the_cluster() {
    let control_plane = ControlPlane::start();
    let kubectl = control_plane.kubectl();
    Chart::of("4", &kubectl).install(&values::tenants());
    kubectl.ok(&["create", "namespace", "conformance"]);
    kubectl.ok(&["create", "serviceaccount", "suite", "--namespace", "conformance"]);
    for role in ["local-registry-push", "local-registry-delete"] {
        let (role_argument, subject) = (format!("--clusterrole={role}"), "--serviceaccount=conformance:suite");
        kubectl.ok(&["create", "rolebinding", role, &role_argument, subject, "--namespace", "conformance"]);
    }
    let server = TokenServer::start(&control_plane, "token");
    let key = kubectl.json(&["get", "secret", "registry-token", "--namespace", NAMESPACE]);
    let key = STANDARD.decode(key["data"]["jwks.json"].as_str().unwrap()).unwrap();

    // The registry tells the suite where the token server is.
    let values = values::merged(values::tenants(), json!({"registry": {"tenants": {"realm": server.realm()}}}));
    let key = secret("registry-token", [("jwks.json", std::str::from_utf8(&key).unwrap())]);
    let pod = RegistryPod::rendered(&values, Secrets::from([key]));
    let container = pod.start("registry");
    let create = ["create", "token", "suite", "--namespace", "conformance", "--audience", "local-registry"];
    check("tenants", Suite::of(&container.host).with_password("x", &kubectl.ok(&create)), &["written"]);
}
