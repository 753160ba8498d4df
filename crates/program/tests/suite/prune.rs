//! `prune` as users start it, with a registry and an API server that speak HTTP.

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::program::{PROGRAM, kubeconfig};

/// What a server was asked: method, path, and the header `Authorization`.
type Asked = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// A cluster whose registry has the images `v1` to `v3`, of which a Deployment names the first.
struct Cluster {
    runtime: Runtime,
    api_server: u16,
    registry: String,
    asked: Asked,
    deleted: Arc<Mutex<Vec<String>>>,
}

/// Serves until the runtime ends, and returns the port.
fn serve(
    runtime: &Runtime,
    answer: impl Fn(Method, Uri, HeaderMap) -> Response + Clone + Send + Sync + 'static,
) -> u16 {
    let routes = Router::new()
        .fallback(move |method: Method, uri: Uri, headers: HeaderMap| async move { answer(method, uri, headers) });
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move { axum::serve(listener, routes).await });
    port
}

fn found(body: &Value) -> Response {
    ([("content-type", "application/json")], body.to_string()).into_response()
}

impl Cluster {
    /// `declares`: whether the ConfigMap names the registry.
    fn new(declares: bool) -> Self {
        let runtime = Runtime::new().unwrap();
        let (asked, deleted) = (Asked::default(), Arc::<Mutex<Vec<String>>>::default());
        let (log, gone) = (Arc::clone(&asked), Arc::clone(&deleted));
        let digest = |text: &str| format!("sha256:{}", text.repeat(64));
        let tags = BTreeMap::from([("v1", "a"), ("v2", "b"), ("v3", "c")].map(|(tag, letter)| (tag, digest(letter))));
        let registry = serve(&runtime, move |method, uri, headers| {
            let authorization = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
            log.lock().unwrap().push((format!("{method} {}", uri.path()), authorization.clone()));
            let path = uri.path();
            if path == "/v2/_catalog" && authorization.is_none() && uri.query().is_none() {
                return StatusCode::UNAUTHORIZED.into_response();
            }
            if path == "/v2/_catalog" {
                return found(&json!({"repositories": ["team/app"]}));
            }
            if path.ends_with("/tags/list") {
                return found(&json!({"tags": tags.keys().collect::<Vec<_>>()}));
            }
            let Some(reference) = path.strip_prefix("/v2/team/app/manifests/") else {
                return found(&json!({}));
            };
            if method == Method::DELETE {
                gone.lock().unwrap().push(reference.to_owned());
                return StatusCode::ACCEPTED.into_response();
            }
            // Annotations instead of configurations: nothing else is asked for.
            let manifest = |tag: &str| {
                let created = format!("2020-01-0{}T00:00:00Z", tag.trim_start_matches('v'));
                json!({"layers": [], "annotations": {"org.opencontainers.image.created": created}}).to_string()
            };
            match tags.get(reference) {
                Some(_) => manifest(reference).into_response(),
                None => StatusCode::NOT_FOUND.into_response(),
            }
        });
        let registry = format!("127.0.0.1:{registry}");
        let host = declares.then(|| registry.clone());
        // As on KinD, where users push by a name of their own machine, and nodes know that name, too.
        let image = if declares { "localhost:5001/team/app:v1".to_owned() } else { format!("{registry}/team/app:v1") };
        let api_server = serve(&runtime, move |_, uri, _| match uri.path() {
            "/api/v1/namespaces/kube-public/configmaps/local-registry-hosting" => {
                let Some(host) = &host else {
                    let details = json!({"name": "local-registry-hosting", "kind": "configmaps"});
                    let body = json!({"kind": "Status", "code": 404, "reason": "NotFound", "details": details});
                    return (StatusCode::NOT_FOUND, body.to_string()).into_response();
                };
                found(&json!({
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": "local-registry-hosting", "namespace": "kube-public"},
                    "data": {"localRegistryHosting.v1": format!("host: localhost:5001\nhostFromContainerRuntime: \"{host}\"")},
                }))
            }
            "/apis" => {
                let versions = json!([{"groupVersion": "apps/v1", "version": "v1"}]);
                found(
                    &json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": "apps", "versions": versions}]}),
                )
            }
            path @ ("/api/v1" | "/apis/apps/v1") => {
                let name = if path == "/api/v1" { "pods" } else { "deployments" };
                let resource =
                    json!({"name": name, "singularName": "", "namespaced": true, "kind": "X", "verbs": ["list"]});
                found(
                    &json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": [resource]}),
                )
            }
            "/apis/apps/v1/deployments" => {
                let item = json!({"metadata": {"name": "web", "namespace": "team"}, "spec": {"image": image}});
                found(&json!({"kind": "DeploymentList", "metadata": {}, "items": [item]}))
            }
            "/api/v1/pods" => found(&json!({"kind": "PodList", "metadata": {}, "items": []})),
            _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        });
        Self { runtime, api_server, registry, asked, deleted }
    }

    fn prune(&self, arguments: &[&str]) -> Output {
        let kubeconfig = kubeconfig(self.api_server);
        let mut program = Command::new(PROGRAM);
        program.env_clear().env("KUBECONFIG", kubeconfig.path()).arg("prune").args(arguments).output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_plan_is_printed_and_carried_out_once_it_is_confirmed() {
    let cluster = Cluster::new(true);
    let registry = cluster.registry.clone();
    let plan = cluster.prune(&["--registry", &registry, "--keep", "1"]);
    assert_eq!(plan.status.code(), Some(0), "{}", text(&plan.stderr));
    let expected = format!(
        "{registry}/team/app: 2 of 3 tags stay (1 among the newest, 1 named by the cluster); 1 would go, with 1 manifests of 87 bytes in all
  v1: stays, since Deployment team/web names it
  v2: would be deleted, made 2020-01-02T00:00:00Z
all 1 repositories: 1 of 3 tags would go, with 1 manifests; a garbage collection then frees 87 bytes at most
"
    );
    assert_eq!(text(&plan.stdout), expected);
    assert_eq!(text(&plan.stderr), "nothing was deleted; add --confirm to delete\n");
    assert_eq!(cluster.deleted.lock().unwrap().len(), 0);

    let done = cluster.prune(&["--registry", &registry, "--keep", "1", "--confirm", "--output", "json"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stdout));
    let lines: Vec<Value> = text(&done.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["tags"][1]["outcome"], "deleted");
    assert_eq!(lines[1]["deleted_tags"], 1);
    assert_eq!(cluster.deleted.lock().unwrap().len(), 1);
}

#[test]
fn credentials_are_not_sent_by_plain_http_unless_the_user_says_so() {
    let cluster = Cluster::new(false);
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "s3cret-token\n").unwrap();
    let token = token.to_str().unwrap();
    let registry = cluster.registry.clone();
    let run = cluster.prune(&["--registry", &registry, "--token-file", token]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    assert!(cluster.asked.lock().unwrap().iter().all(|(_, authorization)| authorization.is_none()));
}

#[test]
fn without_a_declaration_the_registry_has_to_be_named() {
    let cluster = Cluster::new(false);
    let run = cluster.prune(&[]);
    assert_eq!(run.status.code(), Some(1));
    assert_eq!(
        text(&run.stderr),
        "error: no local registry is declared: there is no ConfigMap kube-public/local-registry-hosting; or name the registry by --registry\n"
    );
    drop(cluster.runtime);
}

#[test]
fn bad_arguments_are_explained() {
    let check = |arguments: &[&str], expected: &str| {
        let run = Command::new(PROGRAM).env_clear().arg("prune").args(arguments).output().unwrap();
        assert_eq!((run.status.code(), text(&run.stderr).lines().next()), (Some(2), Some(expected)));
    };
    check(&["--keep", "0"], "error: invalid value '0' for '--keep <NUMBER>': number would be zero for non-zero type");
    check(
        &["--newer-than", "24"],
        "error: invalid value '24' for '--newer-than <TIME>': write a number with `s`, `m`, `h` or `d`, as in `36h`, of a year at most",
    );
    check(
        &["--repository", "team/app:v1"],
        "error: invalid value 'team/app:v1' for '--repository <PATTERN>': write a repository without its registry and without a tag, as in `team/app`, or a pattern, as in `team/*`",
    );
    check(
        &["--resource", "rollouts"],
        "error: invalid value 'rollouts' for '--resource <PLURAL.GROUP/VERSION>': `rollouts` is not the name of a kind of objects; write its plural, its group and its version, as in `rollouts.argoproj.io/v1alpha1`",
    );
}
