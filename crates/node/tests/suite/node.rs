//! The node agent, against a stand-in for the API server and a folder that stands in for a node. Seconds are those of
//! tokio's clock, which is paused: it moves on where every task waits.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use local_registry_cluster::Cluster;
use local_registry_node::{
    DirectoryRemovedError, NameReport, NameResult, NodeTask, Paths, Report, Runtime, RuntimeReads, State, clean_up,
    follow, once,
};
use local_registry_testkit::api_server::{Answer, BOOKMARK, bookmark, config_map, lines, send, send_lines, status};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;
use tower_test::mock::{Handle, SendResponse, pair};

const NAME: &str = "registry.infra.svc.cluster.local:5000";
const PORTABLE: &str = "local-registry:5000";
const CONFIG_MAPS: &str = "/api/v1/namespaces/kube-public/configmaps";
const SERVICES: &str = "/api/v1/namespaces/infra/services";
/// The directory of the name, and its file.
const DIRECTORY: &str = "etc/containerd/certs.d/registry.infra.svc.cluster.local_5000_";
const FILE: &str = "etc/containerd/certs.d/registry.infra.svc.cluster.local_5000_/hosts.toml";
const PORTABLE_FILE: &str = "etc/containerd/certs.d/local-registry_5000_/hosts.toml";
/// Where a file leads whose registry is gone.
const NOWHERE: Option<&str> = Some("https://127.0.0.1:0");
const READ: &str =
    "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/etc/containerd/certs.d'";

/// An API server with one object under each path, or none.
#[derive(Default)]
struct Server {
    objects: BTreeMap<&'static str, Option<Value>>,
    /// Raised by every change.
    version: u64,
    /// The code of every answer, if the API server is ill.
    failing: Option<u16>,
    /// The reasons and notes of the Events that were created.
    events: Vec<(String, String)>,
    /// What the kubelet says of its container runtime, if the Node may be read; how often it was.
    runtime: Option<&'static str>,
    node_reads: usize,
}

impl Server {
    fn declare(&mut self, declaration: &str) {
        self.set(CONFIG_MAPS, Some(config_map(declaration)));
    }

    fn serve(&mut self, address: Option<&str>) {
        let service = address.map(|address| {
            json!({
                "metadata": {"name": "registry", "namespace": "infra"},
                "spec": {"clusterIP": address, "ports": [{"port": 5000, "appProtocol": "http"}]},
            })
        });
        self.set(SERVICES, service);
    }

    fn set(&mut self, path: &'static str, object: Option<Value>) {
        self.version += 1;
        self.objects.insert(path, object);
    }

    fn object(&self, path: &str) -> Option<Value> {
        let mut object = self.objects.get(path).cloned().flatten()?;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        Some(object)
    }
}

/// A node, its API server, and what the agent is started for.
struct Scene {
    server: Arc<Mutex<Server>>,
    root: TempDir,
    task: NodeTask,
}

impl Scene {
    /// A node whose containerd reads the files, and a cluster that declares the name of a Service.
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut server = Server { runtime: Some("containerd://2.4.2"), ..Server::default() };
        server.declare(&format!("hostFromClusterNetwork: {NAME}"));
        server.serve(Some("10.0.0.5"));
        let paths = Paths { root: root.path().to_owned(), ..Paths::default() };
        let task = NodeTask { node: Some("n1".to_owned()), paths, ..NodeTask::default() };
        let scene = Self { server: Arc::new(Mutex::new(server)), root, task };
        fs::create_dir_all(scene.path("etc/containerd/certs.d")).unwrap();
        scene.write("etc/containerd/config.toml", READ);
        scene
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.path(path)).ok()
    }

    /// Where the file leads.
    fn server_of_file(&self) -> Option<String> {
        let text = self.read(FILE)?;
        let line = text.lines().find_map(|line| line.strip_prefix("server = "))?;
        Some(line.trim_matches('"').to_owned())
    }

    /// Where the portable name's file leads.
    fn server_of_portable(&self) -> Option<String> {
        let text = self.read(PORTABLE_FILE)?;
        let line = text.lines().find_map(|line| line.strip_prefix("server = "))?;
        Some(line.trim_matches('"').to_owned())
    }

    fn change(&self, change: impl FnOnce(&mut Server)) {
        change(&mut self.server.lock().unwrap());
    }

    fn events(&self) -> Vec<(String, String)> {
        self.server.lock().unwrap().events.clone()
    }

    fn cluster(&self) -> Cluster {
        let (service, handle) = pair::<Request<Body>, Response<Answer>>();
        tokio::spawn(serve(Arc::clone(&self.server), handle));
        Cluster::new(Client::new(service, "default"))
    }

    /// Runs the agent while something happens, and returns its reports.
    async fn follow(&self, meanwhile: impl AsyncFnOnce()) -> Vec<Report> {
        self.try_follow(meanwhile).await.0
    }

    async fn try_follow(&self, meanwhile: impl AsyncFnOnce()) -> (Vec<Report>, Option<DirectoryRemovedError>) {
        let cluster = self.cluster();
        let mut reports: Vec<Report> = Vec::new();
        let show = |report: &Report| {
            if reports.last() != Some(report) {
                reports.push(report.clone());
            }
        };
        let error = tokio::select! {
            result = follow(&cluster, &self.task, Duration::from_mins(1), show) => result.err(),
            () = meanwhile() => None,
        };
        (reports, error)
    }

    async fn once(&self) -> Report {
        once(&self.cluster(), &self.task).await
    }
}

async fn serve(server: Arc<Mutex<Server>>, mut handle: Handle<Request<Body>, Response<Answer>>) {
    while let Some((request, response)) = handle.next_request().await {
        tokio::spawn(answer(Arc::clone(&server), request, response));
    }
}

async fn answer(server: Arc<Mutex<Server>>, request: Request<Body>, response: SendResponse<Response<Answer>>) {
    let (parts, body) = request.into_parts();
    let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().unwrap_or_default().to_owned());
    let failing = server.lock().unwrap().failing;
    if let Some(code) = failing {
        return send(response, code, &status(code, "", "no", &json!({})));
    }
    if parts.method == Method::POST {
        let event: Value = serde_json::from_slice(&body.collect_bytes().await.unwrap()).unwrap();
        let text = |field: &str| event[field].as_str().unwrap().to_owned();
        assert_eq!(event["regarding"]["kind"], "Node");
        server.lock().unwrap().events.push((text("reason"), text("note")));
        return send(response, 201, &event);
    }
    if let Some(node) = path.strip_prefix("/api/v1/nodes/") {
        let mut server = server.lock().unwrap();
        server.node_reads += 1;
        return match server.runtime {
            Some(runtime) => {
                let info = json!({"nodeInfo": {"containerRuntimeVersion": runtime}});
                send(response, 200, &json!({"kind": "Node", "metadata": {"name": node}, "status": info}));
            }
            None => send(response, 403, &status(403, "Forbidden", "nodes is forbidden", &json!({}))),
        };
    }
    if let Some((list, name)) = path.rsplit_once('/').filter(|(list, _)| [CONFIG_MAPS, SERVICES].contains(list)) {
        let object = server.lock().unwrap().object(list);
        return match object {
            Some(object) => send(response, 200, &object),
            None => send(response, 404, &status(404, "NotFound", "", &json!({"name": name}))),
        };
    }
    assert!(query.contains("fieldSelector=metadata.name%3D"), "{query}");
    if !query.contains("watch=true") {
        let server = server.lock().unwrap();
        let items: Vec<Value> = server.object(&path).into_iter().collect();
        let metadata = json!({"resourceVersion": server.version.to_string()});
        return send(response, 200, &json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items}));
    }
    let seen = query.split('&').find_map(|part| part.strip_prefix("resourceVersion=")).unwrap().to_owned();
    let name =
        query.split('&').find_map(|part| part.strip_prefix("fieldSelector=metadata.name%3D")).unwrap().to_owned();
    let changes = stream::unfold((seen, 0), move |(seen, silent)| {
        next_line(Arc::clone(&server), path.clone(), name.clone(), seen, silent)
    });
    send_lines(response, changes);
}

/// The next line of a watch: a change, a bookmark after a minute, or the error with which it ends.
async fn next_line(
    server: Arc<Mutex<Server>>,
    path: String,
    name: String,
    seen: String,
    mut silent: u64,
) -> Option<(String, (String, u64))> {
    if seen.is_empty() {
        return None;
    }
    loop {
        seconds(1).await;
        silent += 1;
        let server = server.lock().unwrap();
        let version = server.version.to_string();
        if let Some(code) = server.failing {
            let error = json!({"type": "ERROR", "object": status(code, "", "no", &json!({}))});
            return Some((lines(&[error]), (String::new(), 0)));
        }
        if version != seen {
            let gone = json!({"metadata": {"name": name, "resourceVersion": version}});
            let event = match server.object(&path) {
                Some(object) => json!({"type": "MODIFIED", "object": object}),
                None => json!({"type": "DELETED", "object": gone}),
            };
            return Some((lines(&[event]), (version, 0)));
        }
        if silent >= BOOKMARK.as_secs() {
            return Some((bookmark(&version), (seen, 0)));
        }
    }
}

async fn seconds(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

/// What happened to the file of each name but the portable one, which has tests of its own.
fn results(report: &Report) -> Vec<&str> {
    let names = report.names.iter().filter(|name| name.name != PORTABLE);
    names.map(|name| name.result.name()).collect()
}

/// What happened to the file of the portable name.
fn portable(report: &Report) -> &NameReport {
    let mut found = report.names.iter().filter(|name| name.name == PORTABLE);
    let name = found.next().expect("the report has the portable name");
    assert_eq!(found.next(), None, "a name is reported once");
    name
}

fn last(reports: &[Report]) -> &Report {
    reports.last().expect("there is a report")
}

#[tokio::test(start_paused = true)]
async fn the_file_leads_to_where_the_service_is() {
    let scene = Scene::new();
    let reports = scene
        .follow(async || {
            seconds(1).await;
            assert_eq!(scene.server_of_file().as_deref(), Some("http://10.0.0.5:5000"));
            seconds(60).await;
            scene.change(|server| server.serve(None));
            seconds(5).await;
            assert_eq!(scene.server_of_file().as_deref(), NOWHERE, "somebody else may have the address");
            scene.change(|server| server.serve(Some("10.0.0.9")));
            seconds(5).await;
            assert_eq!(scene.server_of_file().as_deref(), Some("http://10.0.0.9:5000"));
            seconds(100).await;
        })
        .await;
    let all: Vec<Vec<&str>> = reports.iter().map(results).collect();
    assert_eq!(all, [["written"], ["unchanged"], ["nowhere"], ["written"], ["unchanged"]].map(Vec::from));
    assert_eq!(reports[0].message, format!("nodes pull from {NAME} and {PORTABLE}"));
    assert_eq!(
        reports[2].names[0].to_string(),
        format!(
            "{NAME}: leads to nowhere: Service infra/registry does not exist; create it, or declare where the registry is"
        )
    );
    assert_eq!(reports[0].runtime.as_ref().unwrap().reads, RuntimeReads::Yes);
    assert!(!reports[2].succeeded() && last(&reports).succeeded());
    assert_eq!(scene.events(), []);
}

#[tokio::test(start_paused = true)]
async fn what_others_clear_comes_back_even_while_the_api_server_is_away() {
    let scene = Scene::new();
    let clear = || fs::remove_dir_all(scene.path(DIRECTORY)).unwrap();
    let reports = scene
        .follow(async || {
            seconds(1).await;
            clear();
            seconds(60).await;
            assert!(scene.server_of_file().is_some());
            scene.change(|server| server.failing = Some(503));
            seconds(60).await;
            clear();
            seconds(60).await;
            assert_eq!(scene.server_of_file().as_deref(), Some("http://10.0.0.5:5000"));
            scene.change(|server| server.failing = None);
            seconds(120).await;
        })
        .await;
    let unknown = reports.iter().find(|report| report.state == State::Unknown).unwrap();
    assert!(unknown.message.ends_with("until it can be read again, what was seen last counts"), "{}", unknown.message);
    assert!(unknown.message.contains("the API server answered 503"), "{}", unknown.message);
    assert_eq!(last(&reports).state, State::Declared);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_starts_while_the_api_server_is_away_touches_nothing() {
    let scene = Scene::new();
    scene.once().await;
    let before = scene.read(FILE).unwrap();
    scene.change(|server| server.failing = Some(503));
    let reports = scene.follow(async || seconds(100).await).await;
    assert!(reports.iter().all(|report| report.state == State::Unknown), "{reports:?}");
    assert_eq!(scene.read(FILE), Some(before));
}

#[tokio::test(start_paused = true)]
async fn a_file_of_others_stays_and_is_reported_once() {
    for (path, reason) in [
        (FILE.to_owned(), "it is not the agent's: its first line does not say so"),
        (format!("{DIRECTORY}/ca.crt"), "it is not the agent's: its first line does not say so"),
        (format!("etc/containerd/certs.d/{NAME}/hosts.toml"), "others have a directory for this name"),
    ] {
        let scene = Scene::new();
        scene.write(&path, "# by hand\n");
        let reports = scene.follow(async || seconds(200).await).await;
        assert_eq!(scene.read(&path).as_deref(), Some("# by hand\n"));
        // The portable name's file is written, and then unchanged.
        assert_eq!(reports.len(), 2);
        let NameResult::Foreign { reason: found } = &reports[1].names[0].result else { panic!("{reports:?}") };
        assert!(found.contains(reason), "{found}");
        assert_eq!(scene.server_of_file(), None);
        let events = scene.events();
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0].0, "LocalRegistryNotWritten");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_declared_is_kept_up_while_the_declaration_cannot_be_used() {
    let scene = Scene::new();
    let reports = scene
        .follow(async || {
            seconds(1).await;
            scene.change(|server| server.declare("]"));
            seconds(2).await;
            fs::remove_dir_all(scene.path(DIRECTORY)).unwrap();
            seconds(61).await;
            assert_eq!(scene.server_of_file().as_deref(), Some("http://10.0.0.5:5000"));
            scene.change(|server| server.serve(Some("10.0.0.9")));
            seconds(5).await;
            assert_eq!(scene.server_of_file().as_deref(), Some("http://10.0.0.9:5000"));
        })
        .await;
    assert_eq!(last(&reports).state, State::Unusable);
    // A new agent knows the name by its file.
    let reports = scene
        .follow(async || {
            seconds(1).await;
            scene.change(|server| server.serve(Some("10.0.0.10")));
            seconds(5).await;
            assert_eq!(scene.server_of_file().as_deref(), Some("http://10.0.0.10:5000"));
        })
        .await;
    assert!(reports.iter().all(|report| report.state == State::Unusable), "{reports:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_leads_to_a_registry_that_the_cluster_does_not_have() {
    // The declaration is gone, and later declared again.
    let scene = Scene::new();
    let reports = scene
        .follow(async || {
            seconds(1).await;
            scene.change(|server| server.set(CONFIG_MAPS, None));
            seconds(5).await;
            assert_eq!(scene.server_of_file().as_deref(), NOWHERE);
            scene.change(|server| server.declare("help: https://a.example"));
            seconds(5).await;
            assert_eq!(scene.server_of_file().as_deref(), NOWHERE);
            scene.change(|server| server.declare(&format!("hostFromClusterNetwork: {NAME}")));
            seconds(5).await;
            assert_eq!(scene.server_of_file().as_deref(), Some("http://10.0.0.5:5000"));
            scene.change(|server| server.set(CONFIG_MAPS, None));
            seconds(5).await;
        })
        .await;
    assert!(last(&reports).succeeded(), "a cluster may have no registry");
    assert_eq!(
        last(&reports).names.iter().find(|name| name.name == NAME).unwrap().to_string(),
        format!("{NAME}: not declared any more; /{FILE} leads to nowhere until --clean-up")
    );
    // An agent that is started then knows that, too, by its file.
    scene.write(FILE, &scene.read(FILE).unwrap().replace("https://127.0.0.1:0", "http://10.0.0.5:5000"));
    assert_eq!(results(&scene.once().await), ["gone"]);
    assert_eq!(scene.server_of_file().as_deref(), NOWHERE);

    // The Service has no address any more.
    for spec in [json!({"clusterIP": "None"}), json!({"type": "ExternalName", "externalName": "evil.example"})] {
        let scene = Scene::new();
        scene.once().await;
        let service = json!({"metadata": {"name": "registry", "namespace": "infra"}, "spec": spec});
        scene.change(|server| server.set(SERVICES, Some(service)));
        assert_eq!(results(&scene.once().await), ["nowhere"]);
        assert_eq!(scene.server_of_file().as_deref(), NOWHERE);
    }

    // A name that was never led anywhere needs no file.
    let scene = Scene::new();
    scene.change(|server| server.serve(None));
    assert_eq!(results(&scene.once().await), ["nowhere"]);
    assert_eq!(scene.server_of_file(), None);
}

#[tokio::test]
async fn a_name_that_is_not_declared_any_more_leads_to_its_service_while_there_is_one() {
    let scene = Scene::new();
    scene.once().await;
    scene.change(|server| server.declare("hostFromClusterNetwork: reg.io:5000"));
    let report = scene.once().await;
    assert_eq!(results(&report), ["left-to-dns", "undeclared"]);
    let text = report.to_text();
    assert!(text.contains(&format!("{NAME}: not declared any more; /etc/containerd/certs.d/")), "{text}");
    assert!(report.succeeded() && scene.server_of_file().is_some());
    scene.change(|server| server.serve(Some("10.0.0.9")));
    assert_eq!(results(&scene.once().await), ["left-to-dns", "written"]);
    assert_eq!(scene.server_of_file().as_deref(), Some("http://10.0.0.9:5000"));
    scene.change(|server| server.serve(None));
    let mut dry_run = scene.task.clone();
    dry_run.dry_run = true;
    assert_eq!(results(&once(&scene.cluster(), &dry_run).await), ["left-to-dns", "would-write"]);
    let report = scene.once().await;
    assert_eq!(results(&report), ["left-to-dns", "gone"]);
    assert!(report.succeeded());
    assert_eq!(scene.server_of_file().as_deref(), NOWHERE);
}

#[tokio::test]
async fn an_address_that_the_runtime_cannot_read_is_not_written() {
    let both = json!({
        "metadata": {"name": "registry", "namespace": "infra"},
        "spec": {"clusterIP": "fd00::5", "clusterIPs": ["fd00::5", "10.0.0.5"], "ports": [{"port": 5000, "appProtocol": "http"}]},
    });
    let folder = "etc/containers/registries.conf.d";
    for (runtime, version, for_both, alone) in [
        (Runtime::Containerd, "containerd://2.0.5", "http://[fd00::5]:5000", "written"),
        (Runtime::Containerd, "containerd://1.7.28-k3s1", "http://10.0.0.5:5000", "nowhere"),
        (Runtime::CriO, "cri-o://1.34.0", "http://10.0.0.5:5000", "nowhere"),
    ] {
        let mut scene = Scene::new();
        fs::create_dir_all(scene.path(folder)).unwrap();
        scene.task.runtime = runtime;
        scene.change(|server| server.runtime = Some(version));
        scene.change(|server| server.serve(Some("fd00::5")));
        let report = scene.once().await;
        assert_eq!(results(&report), [alone], "{version}");
        if alone == "nowhere" {
            assert!(report.to_text().contains("has no IPv4 address, but fd00::5; give it one"), "{}", report.to_text());
            assert!(!report.succeeded());
            assert_eq!((scene.server_of_file(), tree(&scene.path(folder))), (None, vec![]));
        }
        let both = both.clone();
        scene.change(|server| server.set(SERVICES, Some(both)));
        assert_eq!(scene.once().await.names[0].address.as_deref(), Some(for_both), "{version}");
        scene.task.addresses = vec![format!("{NAME}=http://[fd00::7]:5000").parse().unwrap()];
        assert_eq!(results(&scene.once().await), [alone], "{version}");
    }
    let mut scene = Scene::new();
    scene.task.runtime = Runtime::CriO;
    scene.task.addresses = vec!["[fd00::1]:5000=http://10.0.0.5:5000".parse().unwrap()];
    scene.change(|server| server.declare("hostFromClusterNetwork: \"[fd00::1]:5000\""));
    assert_eq!(results(&scene.once().await), ["nowhere"]);
}

#[tokio::test]
async fn a_name_that_dns_leads_keeps_no_file_of_the_agent() {
    let mut scene = Scene::new();
    let name = "kind-registry:5000";
    let directory = "etc/containerd/certs.d/kind-registry_5000_";
    scene.change(|server| server.declare(&format!("hostFromClusterNetwork: {name}")));
    scene.task.addresses = vec![format!("{name}=http://172.18.0.5:5000").parse().unwrap()];
    assert_eq!(results(&scene.once().await), ["written"]);
    scene.change(|server| server.set(CONFIG_MAPS, None));
    assert_eq!(results(&scene.once().await), ["gone"]);
    // Declared again, but the operator's word is gone.
    scene.change(|server| server.declare(&format!("hostFromClusterNetwork: {name}")));
    scene.task.addresses = Vec::new();
    scene.task.dry_run = true;
    assert_eq!(results(&scene.once().await), ["would-remove"]);
    scene.task.dry_run = false;
    assert_eq!(results(&scene.once().await), ["removed"]);
    assert!(!scene.path(directory).exists());
    assert_eq!(results(&scene.once().await), ["left-to-dns"]);
    // What others have there stays.
    scene.write(&format!("{directory}/hosts.toml"), "# by hand\n");
    assert_eq!(results(&scene.once().await), ["left-to-dns"]);
    assert!(scene.path(directory).exists());
}

#[tokio::test]
async fn a_file_of_others_beside_ours_keeps_no_old_address_alive() {
    let scene = Scene::new();
    scene.once().await;
    scene.write(&format!("etc/containerd/certs.d/{NAME}/hosts.toml"), "# by hand\n");
    assert_eq!(results(&scene.once().await), ["foreign"]);
    scene.change(|server| server.serve(None));
    assert_eq!(results(&scene.once().await), ["nowhere"]);
    assert_eq!(scene.server_of_file().as_deref(), NOWHERE);
    scene.change(|server| server.declare("hostFromClusterNetwork: reg.io:5000"));
    scene.change(|server| server.serve(Some("10.0.0.9")));
    let report = scene.once().await;
    assert_eq!(results(&report), ["left-to-dns", "undeclared"]);
    assert!(report.succeeded(), "nobody has to do anything about it");
}

#[tokio::test]
async fn while_the_runtime_is_not_known_an_address_that_all_read_is_used() {
    let scene = Scene::new();
    scene.change(|server| server.runtime = None);
    let service = json!({
        "metadata": {"name": "registry", "namespace": "infra"},
        "spec": {"clusterIP": "fd00::5", "clusterIPs": ["fd00::5", "10.0.0.5"], "ports": [{"port": 5000, "appProtocol": "http"}]},
    });
    scene.change(|server| server.set(SERVICES, Some(service)));
    scene.once().await;
    assert_eq!(scene.server_of_file().as_deref(), Some("http://10.0.0.5:5000"));
    // Half of an answer is none.
    scene.change(|server| server.set(SERVICES, Some(json!({"metadata": {"name": "registry", "namespace": "infra"}}))));
    assert_eq!(results(&scene.once().await), ["kept"]);
    assert_eq!(scene.server_of_file().as_deref(), Some("http://10.0.0.5:5000"));
}

#[tokio::test(start_paused = true)]
async fn what_the_runtime_reads_depends_on_its_version() {
    let scene = Scene::new();
    // containerd before 2.3 moves nothing out of a file of version 3.
    scene.write(
        "etc/containerd/config.toml",
        "version = 3\n[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '/etc/containerd/certs.d'",
    );
    let reads = |report: &Report| report.runtime.as_ref().unwrap().reads;
    let reports = scene
        .follow(async || {
            seconds(100).await;
            assert_eq!(scene.server.lock().unwrap().node_reads, 1);
            // An upgrade of the runtime is noticed.
            scene.change(|server| server.runtime = Some("containerd://2.2.1"));
            seconds(3_700).await;
        })
        .await;
    assert_eq!((reads(&reports[0]), reads(last(&reports))), (RuntimeReads::Yes, RuntimeReads::No));
    scene.change(|server| server.runtime = None);
    let report = scene.once().await;
    assert_eq!(reads(&report), RuntimeReads::Unknown);
    let seen = &report.runtime.as_ref().unwrap().seen;
    assert!(
        seen.contains("which is not known (Node n1: get is forbidden: nodes is forbidden; grant `get` on nodes)"),
        "{seen}"
    );
    scene.change(|server| server.runtime = Some("cri-o://1.34.0"));
    assert_eq!(
        scene.once().await.runtime.unwrap().to_string(),
        "the agent writes the files of containerd, and the kubelet uses cri-o://1.34.0; set nodes.runtime of the chart to that runtime"
    );
}

#[tokio::test]
async fn copies_and_likenesses_of_our_files_are_of_others() {
    let scene = Scene::new();
    scene.once().await;
    let ours = scene.read(FILE).unwrap();
    let others = [
        ("docker.io/hosts.toml", ours.clone()),
        ("reg.io/hosts.toml", "# local-registry-sync nodes are not used here\n".to_owned()),
        ("registry.infra.svc.cluster.local_5000_/hosts.toml.bak", ours),
    ];
    for (path, text) in &others {
        scene.write(&format!("etc/containerd/certs.d/{path}"), text);
    }
    // What cannot be looked into does not stop the rest.
    std::os::unix::fs::symlink("loop", scene.path("etc/containerd/certs.d/loop")).unwrap();
    assert_eq!(results(&clean_up(&scene.task)), ["removed"; 2]);
    for (path, text) in &others {
        assert_eq!(scene.read(&format!("etc/containerd/certs.d/{path}")).as_ref(), Some(text), "{path}");
    }
    fs::write(scene.path("etc/containerd/certs.d/reg.io/hosts.toml"), [0xff, 0xfe]).unwrap();
    scene.change(|server| server.declare("hostFromClusterNetwork: reg.io"));
    let mut scene = scene;
    scene.task.addresses = vec!["reg.io=10.0.0.5".parse().unwrap()];
    assert_eq!(results(&scene.once().await)[0], "foreign");
}

#[tokio::test]
async fn a_directory_that_is_a_link_is_not_followed() {
    let scene = Scene::new();
    fs::create_dir(scene.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(scene.path("elsewhere"), scene.path(DIRECTORY)).unwrap();
    assert_eq!(results(&scene.once().await), ["foreign"]);
    assert_eq!(tree(&scene.path("elsewhere")), Vec::<String>::new());
}

#[tokio::test]
async fn a_line_of_others_in_our_file_is_not_shown() {
    let mut scene = Scene::new();
    scene.once().await;
    let text = scene.read(FILE).unwrap();
    scene.write(FILE, &format!("{text}  [host.header]\n    authorization = \"Basic c2VjcmV0\"\n"));
    scene.task.dry_run = true;
    let text = scene.once().await.to_text();
    assert!(text.contains("-(a line of others)") && !text.contains("c2VjcmV0"), "{text}");
}

#[tokio::test]
async fn a_link_is_not_followed() {
    let scene = Scene::new();
    scene.write("secret", "# local-registry-sync node\n");
    fs::create_dir_all(scene.path(DIRECTORY)).unwrap();
    std::os::unix::fs::symlink(scene.path("secret"), scene.path(FILE)).unwrap();
    assert_eq!(results(&scene.once().await), ["foreign"]);
    assert_eq!(scene.read("secret").as_deref(), Some("# local-registry-sync node\n"));
}

#[tokio::test]
async fn what_a_crash_left_is_replaced() {
    let scene = Scene::new();
    scene.write(&format!("{DIRECTORY}/.local-registry-sync.hosts.toml.tmp"), "half a fi");
    assert_eq!(results(&scene.once().await), ["written"]);
    let names: Vec<_> = fs::read_dir(scene.path(DIRECTORY)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["hosts.toml"]);
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_ignores_the_file_is_reported() {
    let scene = Scene::new();
    scene.write("etc/containerd/config.toml", "version = 2");
    let reports = scene
        .follow(async || {
            seconds(200).await;
            scene.write("etc/containerd/config.toml", READ);
            seconds(61).await;
        })
        .await;
    assert_eq!(reports[0].runtime.as_ref().unwrap().reads, RuntimeReads::No);
    assert_eq!(results(&reports[0]), ["written"], "the file is there when containerd is told of it");
    assert_eq!(last(&reports).runtime.as_ref().unwrap().reads, RuntimeReads::Yes);
    let events = scene.events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].0, "LocalRegistryIgnored");
    assert!(
        events[0].1.contains("config_path in /etc/containerd/config.toml is not set, so it is the default, the list ")
            && events[0].1.contains("; set config_path = "),
        "{events:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_declaration_that_cannot_be_used_changes_nothing() {
    let scene = Scene::new();
    let reports = scene
        .follow(async || {
            seconds(1).await;
            let before = scene.read(FILE);
            for declaration in ["hostFromClusterNetwork: UPPER:1", "]", "{}"] {
                scene.change(|server| server.declare(declaration));
                seconds(5).await;
                assert_eq!(scene.read(FILE), before);
            }
        })
        .await;
    let mut states: Vec<State> = reports.iter().map(|report| report.state).collect();
    states.dedup();
    assert_eq!(states, [State::Declared, State::Unusable]);
}

#[tokio::test]
async fn a_name_that_is_not_allowed_changes_nothing() {
    let mut scene = Scene::new();
    scene.task.allowed =
        local_registry_declaration::AllowedHosts::new(vec!["*.other.svc.cluster.local:5000".parse().unwrap()]);
    let report = scene.once().await;
    assert_eq!(report.state, State::Unusable);
    assert!(report.message.contains("is not allowed"), "{}", report.message);
    assert_eq!(scene.server_of_file(), None);
}

#[tokio::test]
async fn a_service_that_may_not_be_read_is_named_with_the_right() {
    let scene = Scene::new();
    let (service, mut handle) = pair::<Request<Body>, Response<Answer>>();
    tokio::spawn(async move {
        let (_, response) = handle.next_request().await.unwrap();
        send(response, 200, &config_map(&format!("hostFromClusterNetwork: {NAME}")));
        let (_, response) = handle.next_request().await.unwrap();
        send(response, 403, &status(403, "Forbidden", "services is forbidden", &json!({})));
    });
    let report = once(&Cluster::new(Client::new(service, "default")), &scene.task).await;
    assert_eq!(
        report.names[0].to_string(),
        format!(
            "{NAME}: left as it is: Service infra/registry: get is forbidden: services is forbidden; grant `get` on services/registry in infra"
        )
    );
}

#[tokio::test]
async fn names_that_are_no_services() {
    let mut scene = Scene::new();
    scene.change(|server| server.declare("host: localhost:5001\nhostFromClusterNetwork: kind-registry:5000"));
    assert_eq!(results(&scene.once().await), ["left-to-dns", "left-to-dns"]);
    scene.task.addresses = vec![
        "kind-registry:5000=http://kind-registry:5000".parse().unwrap(),
        "localhost:5001=http://172.18.0.5:5000".parse().unwrap(),
    ];
    assert_eq!(results(&scene.once().await), ["written", "written"]);
    scene.change(|server| server.declare("hostFromClusterNetwork: kind-registry:5000"));
    assert_eq!(
        scene.once().await.message,
        "nodes pull from kind-registry:5000 and local-registry:5000; --address localhost:5001=http://172.18.0.5:5000 is about a name that is not declared"
    );
    let text = scene.read("etc/containerd/certs.d/localhost_5001_/hosts.toml").unwrap();
    assert!(text.contains("[host.\"http://172.18.0.5:5000\"]"), "{text}");
    assert!(scene.read("etc/containerd/certs.d/kind-registry_5000_/hosts.toml").is_some());
}

#[tokio::test(start_paused = true)]
async fn the_portable_name_follows_the_service_as_the_declared_one_does() {
    let scene = Scene::new();
    let leads_to = |address: &str| assert_eq!(scene.server_of_portable().as_deref(), Some(address));
    let reports = scene
        .follow(async || {
            seconds(1).await;
            leads_to("http://10.0.0.5:5000");
            scene.change(|server| server.serve(None));
            seconds(5).await;
            leads_to(NOWHERE.unwrap());
            scene.change(|server| server.serve(Some("10.0.0.9")));
            seconds(5).await;
            leads_to("http://10.0.0.9:5000");
            scene.change(|server| server.set(CONFIG_MAPS, None));
            seconds(5).await;
            leads_to(NOWHERE.unwrap());
            scene.change(|server| server.declare(&format!("hostFromClusterNetwork: {NAME}")));
            seconds(5).await;
            leads_to("http://10.0.0.9:5000");
            fs::remove_dir_all(scene.path("etc/containerd/certs.d/local-registry_5000_")).unwrap();
            seconds(61).await;
            leads_to("http://10.0.0.9:5000");
            scene.change(|server| server.declare("]"));
            seconds(5).await;
        })
        .await;
    let found = reports.iter().map(|report| portable(report).result.name());
    let changes: Vec<&str> = found.filter(|result| *result != "unchanged").collect();
    assert_eq!(changes, ["written", "nowhere", "written", "gone", "written", "written"]);
    // A new agent, which has seen no declaration that can be used, knows by the file what the name stands for.
    let text = scene.read(PORTABLE_FILE).unwrap();
    assert!(text.contains(&format!("\n# In this cluster, the name stands for {NAME}\n")), "{text}");
    scene.change(|server| server.serve(Some("10.0.0.10")));
    let reports = scene.follow(async || seconds(5).await).await;
    assert!(reports.iter().all(|report| report.state == State::Unusable), "{reports:?}");
    leads_to("http://10.0.0.10:5000");
    scene.change(|server| server.serve(None));
    scene.once().await;
    leads_to(NOWHERE.unwrap());
    scene.change(|server| server.serve(Some("10.0.0.11")));
    scene.once().await;
    leads_to("http://10.0.0.11:5000");
}

#[tokio::test]
async fn the_portable_name_leads_to_a_registry_outside_of_the_cluster() {
    let mut scene = Scene::new();
    let mut check = async |declaration: &str, rules: &[&str], expected: &str| {
        scene.change(|server| server.declare(declaration));
        scene.task.addresses = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let report = scene.once().await;
        assert_eq!(portable(&report).address.as_deref(), Some(expected), "{declaration}");
        assert_eq!(scene.server_of_portable().as_deref(), Some(expected), "{declaration}");
        report
    };
    let kind = "host: localhost:5001\nhostFromClusterNetwork: kind-registry:5000";
    let report = check(kind, &[], "https://kind-registry:5000").await;
    assert_eq!(results(&report), ["left-to-dns", "left-to-dns"]);
    assert_eq!(report.message, "nodes pull from localhost:5001 and kind-registry:5000 and local-registry:5000");
    let declared = "kind-registry:5000=http://172.18.0.5:5000";
    check(kind, &[declared], "http://172.18.0.5:5000").await;
    let own = "local-registry:5000=http://kind-registry:5000";
    let report = check(kind, &[own, declared], "http://kind-registry:5000").await;
    assert!(!report.message.contains("is not declared"), "{}", report.message);
    check("host: localhost:5001", &[], "http://localhost:5001").await;
    check("host: reg.io\nhostFromClusterNetwork: other.io", &[], "https://reg.io").await;
}

#[tokio::test]
async fn a_cluster_that_declares_the_portable_name_has_one_name() {
    let mut scene = Scene::new();
    // The file is from the time when the name stood for another one.
    scene.once().await;
    scene.change(|server| server.declare(&format!("hostFromClusterNetwork: {PORTABLE}")));
    let report = scene.once().await;
    assert_eq!(
        (portable(&report).result.name(), report.message.as_str()),
        ("removed", "nodes pull from local-registry:5000")
    );
    assert_eq!(portable(&scene.once().await).result, NameResult::LeftToDns);
    assert_eq!(scene.server_of_portable(), None);
    scene.task.addresses = vec!["local-registry:5000=http://10.0.0.7:5000".parse().unwrap()];
    assert_eq!(portable(&scene.once().await).result.name(), "written");
    assert!(!scene.read(PORTABLE_FILE).unwrap().contains("stands for"));
}

#[tokio::test]
async fn others_may_have_a_file_of_the_portable_name() {
    let scene = Scene::new();
    scene.write(PORTABLE_FILE, "# by hand\n");
    let report = scene.once().await;
    assert_eq!((portable(&report).result.name(), results(&report)), ("foreign", vec!["written"]));
    assert_eq!(scene.read(PORTABLE_FILE).as_deref(), Some("# by hand\n"));
    assert!(!report.succeeded());
    let events = scene.events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(
        events[0].1.starts_with("local-registry:5000: left alone: /etc/containerd/certs.d/local-registry_5000_/"),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_dry_run_shows_the_difference() {
    let mut scene = Scene::new();
    scene.task.dry_run = true;
    let report = scene.once().await;
    assert_eq!(results(&report), ["would-write"]);
    let text = report.to_text();
    assert!(text.contains("would be written (dry run): /etc/containerd/certs.d/registry.infra.svc.cluster.local_5000_/hosts.toml leads to http://10.0.0.5:5000"), "{text}");
    assert!(text.contains("\n  +server = \"http://10.0.0.5:5000\""), "{text}");
    assert!(!scene.path(DIRECTORY).exists());
    scene.task.dry_run = false;
    scene.once().await;
    scene.task.dry_run = true;
    scene.change(|server| server.serve(Some("10.0.0.9")));
    let text = scene.once().await.to_text();
    assert!(text.contains("\n  -server = \"http://10.0.0.5:5000\"\n  +server = \"http://10.0.0.9:5000\""), "{text}");
    assert_eq!(scene.server_of_file().as_deref(), Some("http://10.0.0.5:5000"));
}

#[tokio::test]
async fn a_certificate_authority_lies_beside_the_file() {
    let mut scene = Scene::new();
    let ca = scene.path("ca.crt");
    scene.task.ca = Some(ca.clone());
    assert_eq!(results(&scene.once().await), ["written"], "plain HTTP needs none");
    assert!(!scene.read(FILE).unwrap().contains("ca ="));
    scene.task.addresses = vec![format!("{NAME}=https://registry.infra.svc:5000").parse().unwrap()];
    let report = scene.once().await;
    assert_eq!(results(&report), ["kept"]);
    assert!(
        report.to_text().contains("without it, every pull would fail, so nothing is written"),
        "{}",
        report.to_text()
    );
    // Nothing, a certificate that is cut off, and text that is not base64.
    for bad in
        ["no certificate".to_owned(), pem("MAMCAQ=="), pem("!"), "-----BEGIN CERTIFICATE-----\nMAMCAUE=".to_owned()]
    {
        fs::write(&ca, &bad).unwrap();
        assert_eq!(results(&scene.once().await), ["kept"], "{bad}");
    }
    for certificate in ["MAMCAUE=", "MAMCAUI="] {
        let key = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n";
        fs::write(&ca, format!("{key}{}", pem(certificate))).unwrap();
        assert_eq!(results(&scene.once().await), ["written"]);
        assert_eq!(results(&scene.once().await), ["unchanged"]);
        let written = scene.read(&format!("{DIRECTORY}/ca.crt")).unwrap();
        assert!(written.contains(certificate) && !written.contains("secret"), "{written}");
        assert!(scene.read(FILE).unwrap().contains("ca = \"ca.crt\""));
        assert!(scene.read(PORTABLE_FILE).unwrap().contains("ca = \"ca.crt\""));
        let beside = scene.read("etc/containerd/certs.d/local-registry_5000_/ca.crt");
        assert_eq!(beside, Some(written));
    }
}

fn pem(base64: &str) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_is_gone_is_made_anew_or_ends_the_agent() {
    let scene = Scene::new();
    let reports = scene
        .follow(async || {
            seconds(1).await;
            fs::remove_dir_all(scene.path("etc/containerd/certs.d")).unwrap();
            seconds(120).await;
        })
        .await;
    assert!(scene.server_of_file().is_some(), "{reports:?}");

    // As if it had been mounted into a file system that cannot be written to.
    let (_, error) = scene
        .try_follow(async || {
            seconds(1).await;
            fs::remove_dir_all(scene.path("etc/containerd")).unwrap();
            seconds(120).await;
        })
        .await;
    assert_eq!(
        error.unwrap().to_string(),
        "/etc/containerd/certs.d is not there, or was removed on the node; a restart of the agent's container mounts it again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_mount_of_a_directory_that_is_removed_ends_the_agent() {
    let mut scene = Scene::new();
    let certs = scene.path("etc/containerd/certs.d");
    // As a mount does, an open folder keeps the directory without its name.
    let open = fs::File::open(&certs).unwrap();
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&open);
    scene.task.paths.certs = format!("/proc/{}/fd/{descriptor}", std::process::id()).into();
    scene.task.paths.root = "/".into();
    let remove = async || {
        seconds(1).await;
        fs::remove_dir_all(&certs).unwrap();
        seconds(120).await;
    };
    assert!(scene.try_follow(remove).await.1.is_some());
}

#[tokio::test]
async fn cri_o_gets_a_drop_in() {
    let mut scene = Scene::new();
    scene.task.runtime = Runtime::CriO;
    scene.change(|server| server.runtime = Some("cri-o://1.34.0"));
    let folder = "etc/containers/registries.conf.d";
    let file = format!("{folder}/local-registry-registry.infra.svc.cluster.local_5000.conf");
    fs::create_dir_all(scene.path(folder)).unwrap();
    let other = format!("[[registry]]\nprefix = \"{NAME}\"\nlocation = \"elsewhere\"\n");
    scene.write(&format!("{folder}/other.conf"), &other);
    assert_eq!(results(&scene.once().await), ["foreign"]);
    scene.write(&format!("{folder}/other.conf"), "unqualified-search-registries = []");
    let report = scene.once().await;
    assert_eq!(results(&report), ["written"]);
    assert!(report.to_text().contains("on SIGHUP"), "{}", report.to_text());
    let text = scene.read(&file).unwrap();
    assert!(
        text.ends_with(&format!("[[registry]]\nprefix = \"{NAME}\"\nlocation = \"10.0.0.5:5000\"\ninsecure = true\n")),
        "{text}"
    );
    let text = scene.read(&format!("{folder}/local-registry-local-registry_5000.conf")).unwrap();
    let expected = "prefix = \"local-registry:5000\"\nlocation = \"10.0.0.5:5000\"\ninsecure = true\n";
    assert!(text.ends_with(expected), "{text}");
    scene.change(|server| server.declare("hostFromClusterNetwork: kind-registry:5000"));
    scene.once().await;
    let text = scene.read(&format!("{folder}/local-registry-local-registry_5000.conf")).unwrap();
    assert!(text.ends_with("location = \"kind-registry:5000\"\ninsecure = false\n"), "{text}");
    let report = clean_up(&scene.task);
    assert_eq!(results(&report), ["removed"; 2]);
    assert!(scene.read(&file).is_none() && scene.path(&format!("{folder}/other.conf")).exists());
}

/// All files and directories below a directory, sorted.
fn tree(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec![root.to_owned()];
    while let Some(path) = pending.pop() {
        for entry in fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            found.push(path.strip_prefix(root).unwrap().display().to_string());
            if path.is_dir() {
                pending.push(path);
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_clean_up_leaves_nothing_of_ours_and_all_of_others() {
    let mut scene = Scene::new();
    let ca = scene.path("etc/ca.crt");
    fs::write(&ca, pem("MAMCAUE=")).unwrap();
    for path in ["reg.io/hosts.toml", "docker.io/certs/x", "_default/hosts.toml", "a_1_/ca.crt"] {
        scene.write(&format!("etc/containerd/certs.d/{path}"), "# by hand\n");
    }
    let before = tree(scene.root.path());
    scene.task.ca = Some(ca);
    scene.task.addresses = vec![format!("{NAME}=https://10.0.0.5:5000").parse().unwrap()];
    scene.once().await;
    scene.write(&format!("{DIRECTORY}/.local-registry-sync.hosts.toml.tmp"), "half a fi");
    scene.task.dry_run = true;
    assert_eq!(results(&clean_up(&scene.task)), ["would-remove"; 5]);
    scene.task.dry_run = false;
    let report = clean_up(&scene.task);
    assert_eq!(results(&report), ["removed"; 5], "{report:?}");
    assert_eq!(report.state, State::CleanUp);
    assert_eq!(tree(scene.root.path()), before);
    assert_eq!(clean_up(&scene.task).message, "the node has no file of the agent's");

    scene.once().await;
    scene.write(&format!("{DIRECTORY}/notes"), "by hand");
    assert_eq!(results(&clean_up(&scene.task)), ["removed"; 4]);
    assert_eq!(tree(&scene.path(DIRECTORY)), ["notes"]);
}
