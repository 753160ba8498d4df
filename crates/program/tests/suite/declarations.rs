//! What each of the three programs does with one declaration: the sync job, the agent of a node, and `check`.
//!
//! The table is `tests/declarations.txt`. `BLESS=1` writes it again.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use local_registry_testkit::api_server::{CONFIG_MAP, config_map, status};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{PROGRAM, kubeconfig};

const SERVICE: &str = "/api/v1/namespaces/infra/services/registry";
const POLICY: &str = "/apis/policies.kubewarden.io/v1/clusteradmissionpolicies/local-registry";

/// What a case is about, what the operator allows, and the declaration; without one, there is no ConfigMap.
const CASES: &[(&str, &[&str], Option<&str>)] = &[
    ("no ConfigMap", &[], None),
    ("a registry for pods and nodes", &[], Some("hostFromClusterNetwork: registry.infra.svc.cluster.local:5000")),
    (
        "two names of one registry",
        &[],
        Some("hostFromClusterNetwork: registry.infra.svc.cluster.local:5000\nhostFromContainerRuntime: localhost:5001"),
    ),
    ("KinD's own recipe", &[], Some("host: localhost:5001\nhelp: https://kind.sigs.k8s.io/docs/user/local-registry/")),
    (
        "KinD's registry by a name that pods have, too",
        &[],
        Some("host: localhost:5001\nhostFromClusterNetwork: kind-registry:5000"),
    ),
    ("the portable name itself", &[], Some("hostFromClusterNetwork: local-registry:5000")),
    ("help alone", &[], Some("help: https://reg.example/help")),
    (
        "a help that is not a URL",
        &[],
        Some("hostFromClusterNetwork: registry.infra.svc.cluster.local:5000\nhelp: call me"),
    ),
    (
        "a host of the user's machine that nodes cannot use",
        &[],
        Some("hostFromClusterNetwork: registry.infra.svc.cluster.local:5000\nhost: my-laptop"),
    ),
    (
        "a host of the user's machine that is not allowed, beside a name that is",
        &["*.svc.cluster.local:5000"],
        Some("host: localhost:5001\nhostFromClusterNetwork: registry.infra.svc.cluster.local:5000"),
    ),
    ("nothing but a host that is not allowed", &["*.svc.cluster.local:5000"], Some("host: localhost:5001")),
    (
        "a name for nodes that is not allowed",
        &["*.svc.cluster.local:5000"],
        Some(
            "hostFromClusterNetwork: registry.infra.svc.cluster.local:5000\nhostFromContainerRuntime: evil.example:5000",
        ),
    ),
    (
        "a name for pods that is not allowed",
        &["*.svc.cluster.local:5000"],
        Some("hostFromClusterNetwork: evil.example"),
    ),
    ("a host that cannot be right", &[], Some("hostFromClusterNetwork: Registry.example")),
    ("a name for nodes that cannot be right", &[], Some("hostFromContainerRuntime: docker.io")),
    (
        "a name for nodes that is empty",
        &[],
        Some("host: localhost:5001\nhostFromContainerRuntime: \"\"\nhostFromClusterNetwork:"),
    ),
    (
        "a help that is not a string",
        &[],
        Some("hostFromClusterNetwork: registry.infra.svc.cluster.local:5000\nhelp: 5"),
    ),
    (
        "a field that is misspelt",
        &[],
        Some("help: https://reg.example/help\nhostfromclusternetwork: registry.infra.svc.cluster.local:5000"),
    ),
    (
        "a level too many",
        &[],
        Some("localRegistryHosting.v1:\n  hostFromClusterNetwork: registry.infra.svc.cluster.local:5000"),
    ),
    ("no field that is known", &[], Some("{}")),
    ("an empty value", &[], Some("")),
    ("not YAML", &[], Some("host: \"localhost:5001\nhelp: x")),
    ("a field that is not a string", &[], Some("hostFromClusterNetwork: 5000")),
];

/// A cluster with this ConfigMap, a Service, and a policy that has a host already.
async fn serve(value: Option<String>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().fallback(answer).with_state(value);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

async fn answer(
    State(value): State<Option<String>>,
    method: Method,
    uri: Uri,
    body: String,
) -> (StatusCode, Json<Value>) {
    let policy = |settings: Value| {
        let owned = json!({"f:spec": {"f:settings": {"f:host": {}}}});
        json!({
            "apiVersion": "policies.kubewarden.io/v1", "kind": "ClusterAdmissionPolicy",
            "metadata": {"name": "local-registry", "managedFields": [{"manager": "local-registry-sync", "fieldsV1": owned}]},
            "spec": {"settings": settings},
        })
    };
    let spec = json!({"clusterIP": "10.96.0.7", "ports": [{"port": 5000, "appProtocol": "http"}]});
    let found = match (method, uri.path()) {
        (Method::GET, CONFIG_MAP) => value.as_deref().map(config_map),
        (Method::GET, SERVICE) => Some(json!({"metadata": {"name": "registry"}, "spec": spec})),
        (Method::GET, POLICY) => Some(policy(json!({"host": "old.example"}))),
        (Method::PATCH, POLICY) => {
            let patch: Value = serde_json::from_str(&body).unwrap();
            Some(policy(patch["spec"]["settings"].clone()))
        }
        _ => None,
    };
    found.map_or_else(
        || {
            let details = json!({"name": uri.path().rsplit('/').next()});
            (StatusCode::NOT_FOUND, Json(status(404, "NotFound", "not found", &details)))
        },
        |object| (StatusCode::OK, Json(object)),
    )
}

/// Runs the program, and returns what it prints and its exit code.
async fn run(kubeconfig: &Path, arguments: Vec<String>) -> (String, Option<i32>) {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env("RUST_LOG", "off").env("KUBECONFIG", kubeconfig);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

/// The rows of a case: one for each program.
async fn rows(allowed: &[&str], value: Option<&str>) -> String {
    let address = serve(value.map(ToOwned::to_owned)).await;
    let kubeconfig = kubeconfig(address.port());
    let allowed: Vec<String> = allowed.iter().map(|pattern| format!("--allow-host={pattern}")).collect();
    let with = |arguments: &[&str]| -> Vec<String> {
        arguments.iter().map(ToString::to_string).chain(allowed.iter().cloned()).collect()
    };
    let path = kubeconfig.path();

    let (text, code) = run(path, with(&["--dry-run", "--output=json"])).await;
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let report = lines.next().unwrap();
    let policies: Vec<String> =
        lines.map(|policy| format!("{}, settings {}", policy["result"].as_str().unwrap(), policy["after"])).collect();
    let policies = if policies.is_empty() { "the policy is left as it is".to_owned() } else { policies.join("; ") };
    let mut rows = String::new();
    let (state, message) = (report["state"].as_str().unwrap(), report["message"].as_str().unwrap());
    writeln!(rows, "  sync   {state}, exit {}: {policies}\n         {message}", code.unwrap()).unwrap();
    let warnings = report["warnings"].as_array().into_iter().flatten();
    warnings.for_each(|warning| writeln!(rows, "         warning: {}", warning.as_str().unwrap()).unwrap());

    let root = TempDir::new().unwrap();
    std::fs::create_dir_all(root.path().join("etc/containerd/certs.d")).unwrap();
    let root = root.path().display().to_string();
    let (text, code) = run(path, with(&["node", "--once", "--dry-run", "--output=json", "--host-root", &root])).await;
    let report: Value = serde_json::from_str(&text).unwrap();
    let names = report["names"].as_array().unwrap().iter();
    let names: Vec<String> = names
        .map(|name| {
            let address = name["address"].as_str().map(|address| format!(" -> {address}")).unwrap_or_default();
            format!("{} {}{address}", name["result"].as_str().unwrap(), name["name"].as_str().unwrap())
        })
        .collect();
    let names = if names.is_empty() { "no file is written".to_owned() } else { names.join("; ") };
    let (state, message) = (report["state"].as_str().unwrap(), report["message"].as_str().unwrap());
    writeln!(rows, "  node   {state}, exit {}: {names}\n         {message}", code.unwrap()).unwrap();

    let (text, _) = run(path, with(&["check"])).await;
    writeln!(rows, "  check  {}", text.lines().next().unwrap()).unwrap();
    rows
}

#[tokio::test]
async fn the_three_programs_agree_about_every_declaration() {
    let mut table = String::new();
    for (about, allowed, value) in CASES {
        writeln!(table, "# {about}").unwrap();
        allowed.iter().for_each(|pattern| writeln!(table, "--allow-host={pattern}").unwrap());
        value.iter().flat_map(|value| value.lines()).for_each(|line| writeln!(table, "| {line}").unwrap());
        writeln!(table, "{}", rows(allowed, *value).await).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/declarations.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_same_lines(&table, &expected);
}

/// Shows the first line that differs: the whole table is long.
#[track_caller]
fn assert_same_lines(found: &str, expected: &str) {
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "tests/declarations.txt, line {}", number + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "tests/declarations.txt");
}
