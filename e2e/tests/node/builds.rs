//! What builds need on the node: a builder's image, sources, and runs that are followed to their end.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Once, OnceLock};
use std::time::Instant;

use e2e::node::{Image, Node};
use e2e::{Authority, eventually};
use serde_json::{Value, json};

use crate::kit::{FOLDER, Kit};

/// The image of the sample strategies' build step, and where nodes find it.
const BUILDAH: &str = "containers/buildah:v1.43.1";
/// The node's folder for the registry of that image.
pub(crate) const QUAY: &str = "/etc/containerd/certs.d/quay.io";

/// Where pods find the repositories.
pub(crate) const SOURCES: &str = "git://git.sources.svc.cluster.local";

/// Installs Tekton, Shipwright and Knative, unless an earlier scenario did. Returns the authority of Shipwright's webhook.
pub(crate) fn install_projects(kit: &Kit) -> &'static Authority {
    static INSTALLED: OnceLock<Authority> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let started = Instant::now();
        let authority = std::thread::scope(|scope| {
            scope.spawn(|| kit.node.install_knative());
            kit.node.install_tekton();
            kit.node.install_shipwright()
        });
        let seconds = started.elapsed().as_secs_f64();
        println!("number: Tekton, Shipwright and Knative are installed after {seconds:.1} s");
        authority
    })
}

/// Adds the field `local` to Shipwright's CRDs.
pub(crate) fn add_the_field(kit: &Kit) {
    e2e::add_the_field(&kit.node.kubectl);
}

/// Puts the image of the sample strategies' build step into the registry, and shows the node the way to it: this node reaches
/// no other.
pub(crate) fn provide_builder(kit: &Kit) {
    kit.push(&builder(kit, "node.example/buildah:v1"), BUILDAH);
    lead_to_builder(kit);
}

/// Shows the node the way to that image once more, after the registry's address or scheme has changed.
pub(crate) fn lead_to_builder(kit: &Kit) {
    let scheme = if kit.has("tls") { "https" } else { "http" };
    lead_to(QUAY, &format!("{scheme}://{}:5000", kit.address_for_pulls()));
}

/// Gives the node that image by its own name, without any registry.
pub(crate) fn import_builder(kit: &Kit) {
    kit.node.containerd.import(&builder(kit, &format!("quay.io/{BUILDAH}")));
}

fn builder(kit: &Kit, name: &str) -> Image {
    let file = |name: &str| kit.node.control_plane.file(name);
    let [policy, users, storage] = ["policy.json", "passwd", "storage.conf"].map(file);
    std::fs::write(&policy, r#"{"default": [{"type": "insecureAcceptAnything"}]}"#).unwrap();
    std::fs::write(&users, "root:x:0:0:root:/:/bin/sh\n").unwrap();
    // Not every step names a driver, and the default one needs another file system.
    let folders = "graphroot = \"/var/lib/containers/storage\"\nrunroot = \"/run/containers/storage\"";
    std::fs::write(&storage, format!("[storage]\ndriver = \"vfs\"\n{folders}\n")).unwrap();
    Image::named(name)
        .with_busybox()
        .with_program(&e2e::node::installed("bash"))
        .with_program(&e2e::node::installed("buildah"))
        .with_file(&policy, "/etc/containers/policy.json")
        .with_file(&storage, "/etc/containers/storage.conf")
        .with_file(&users, "/etc/passwd")
}

/// Serves the repositories in the folder of the sources, unless an earlier scenario did.
pub(crate) fn serve_sources(kit: &Kit) {
    static SERVED: Once = Once::new();
    SERVED.call_once(|| serve_by_git(kit));
}

fn serve_by_git(kit: &Kit) {
    let image = Image::named("node.example/git-server:v1").with_busybox().with_git();
    kit.node.containerd.import(&image);
    kit.node.kubectl.ok(&["create", "namespace", "sources"]);
    std::fs::create_dir_all(sources()).unwrap();
    let pod = json!({
        "containers": [{
            "name": "git",
            "image": image.name(),
            "command": ["/usr/lib/git-core/git-daemon", "--base-path=/sources", "--export-all", "--verbose"],
            // The files belong to whoever runs the tests.
            "env": [
                {"name": "GIT_CONFIG_COUNT", "value": "1"},
                {"name": "GIT_CONFIG_KEY_0", "value": "safe.directory"},
                {"name": "GIT_CONFIG_VALUE_0", "value": "*"},
            ],
            "readinessProbe": {"tcpSocket": {"port": 9418}},
            "volumeMounts": [{"name": "sources", "mountPath": "/sources", "readOnly": true}],
        }],
        "volumes": [{"name": "sources", "hostPath": {"path": sources()}}],
    });
    serve_pod(kit, "git", "sources", 9418, &pod);
}

/// Runs a pod behind a Service of the same name, and waits until it is ready.
pub(crate) fn serve_pod(kit: &Kit, name: &str, namespace: &str, port: u16, pod: &Value) {
    let labels = json!({"app": name});
    let metadata = json!({"name": name, "namespace": namespace});
    for object in [
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"port": port}]},
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }),
    ] {
        kit.node.kubectl.ok_with(&["create", "-f", "-"], &object);
    }
    kit.rolled_out(&format!("deployment/{name}"), namespace);
}

/// Where the served sources are.
pub(crate) fn sources() -> PathBuf {
    Node::disk().join("sources")
}

/// Writes the source that examples/build.yaml names anew: a program that says this word, and serves a page with it at `PORT`.
pub(crate) fn write_source(word: &str) {
    let repository = renewed("sample-go");
    let folder = repository.join("docker-build");
    write_program(&folder, "FROM scratch\nCOPY busybox /busybox", word);
    std::fs::copy(e2e::node::installed("busybox"), folder.join("busybox")).unwrap();
    commit(&repository);
}

/// The same for examples/portable-name/build.yaml, which is built on [`base`].
pub(crate) fn write_source_on_base(word: &str) {
    let repository = renewed("team/app");
    write_program(&repository, "ARG BASE\nFROM ${BASE}", word);
    commit(&repository);
}

/// The base image of examples/portable-name/build.yaml.
pub(crate) fn base() -> Image {
    Image::named("node.example/base-of-app:v1").with_file(&e2e::node::installed("busybox"), "/busybox")
}

/// The folder of a repository, without what was there.
fn renewed(path: &str) -> PathBuf {
    let repository = sources().join(path);
    let _ = std::fs::remove_dir_all(&repository);
    repository
}

/// Writes a program into this folder. The first lines of its Dockerfile bring a shell.
fn write_program(folder: &Path, first: &str, word: &str) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("index.html"), format!("{word}\n")).unwrap();
    // Process 1 ignores the signals that it does not name. A pod of Knative would take five minutes to end.
    let serve = format!("echo {word}; trap exit TERM; /busybox httpd -f -p ${{PORT:-8080}} -h /pages & wait");
    let entrypoint = json!(["/busybox", "sh", "-c", serve]);
    let run = format!("{first}\nCOPY index.html /pages/\nENTRYPOINT {entrypoint}\n");
    std::fs::write(folder.join("Dockerfile"), run).unwrap();
}

/// Makes a repository of a folder.
pub(crate) fn commit(folder: &Path) {
    for arguments in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "."],
        &["-c", "user.name=e2e", "-c", "user.email=e2e@example.org", "commit", "--quiet", "--message=source"],
    ] {
        let mut git = Command::new("git");
        git.current_dir(folder).args(arguments).env("GIT_CONFIG_NOSYSTEM", "1");
        assert!(git.status().unwrap().success(), "git {arguments:?}");
    }
}

/// The objects of examples/build.yaml: a Build that gets its source from the served ones, and a run of it.
pub(crate) fn example() -> [String; 2] {
    let example = served("examples/build.yaml", "https://github.com/shipwright-io");
    let (build, run) = example.split_once("\n---\n").unwrap();
    [build.to_owned(), run.to_owned()]
}

/// The objects of examples/portable-name/build.yaml, likewise.
pub(crate) fn portable_example() -> String {
    served("examples/portable-name/build.yaml", "https://git.example")
}

/// An example, with the served sources in place of this address.
fn served(file: &str, url: &str) -> String {
    let example = local_registry_testkit::repository::text(file);
    assert!(example.contains(url), "{file}");
    example.replace(url, SOURCES)
}

/// What a run has pushed.
pub(crate) struct Built {
    /// The image as the run names it.
    pub(crate) name: String,
    /// The image by its digest.
    pub(crate) by_digest: String,
    /// What it says.
    pub(crate) word: String,
}

impl Built {
    /// What this run has pushed, which must have this name with the tag `v1`.
    pub(crate) fn by(run: &Value, name: &str, word: &str) -> Self {
        assert_eq!(run["spec"]["output"]["image"], name);
        let digest = run["status"]["output"]["digest"].as_str().unwrap_or_else(|| panic!("no digest: {run}"));
        let by_digest = format!("{}@{digest}", name.strip_suffix(":v1").unwrap());
        Self { name: name.to_owned(), by_digest, word: word.to_owned() }
    }
}

/// Creates a run, and waits until it has succeeded.
pub(crate) fn succeed(kit: &Kit, namespace: &str, run: &str) -> Value {
    succeeded(kit, namespace, &start(kit, namespace, run))
}

/// Creates a run. Returns what kubectl calls it.
pub(crate) fn start(kit: &Kit, namespace: &str, run: &str) -> String {
    let create = ["create", "--namespace", namespace, "--output=name", "-f", "-"];
    kit.node.kubectl.run_with(&create, run).ok(&create).trim().to_owned()
}

/// Waits until a run has ended. If it has failed, the test fails.
pub(crate) fn succeeded(kit: &Kit, namespace: &str, run: &str) -> Value {
    let (run, log) = ended(kit, namespace, run);
    assert_eq!(run["status"]["conditions"][0]["reason"], "Succeeded", "{run:#}\n{log}");
    run
}

/// Waits until a run has ended, and returns what its steps have printed. If it has not failed, the test fails.
pub(crate) fn failed(kit: &Kit, namespace: &str, run: &str) -> String {
    let (run, log) = ended(kit, namespace, run);
    assert_eq!(run["status"]["conditions"][0]["status"], "False", "{run:#}\n{log}");
    log
}

/// A run that has ended, and what its steps have printed.
fn ended(kit: &Kit, namespace: &str, run: &str) -> (Value, String) {
    let kubectl = &kit.node.kubectl;
    let run = eventually(&format!("{run} to end"), || {
        let run = kubectl.json(&["get", run, "--namespace", namespace]);
        let status = run["status"]["conditions"][0]["status"].as_str().unwrap_or_default();
        ["True", "False"].contains(&status).then_some(run)
    });
    let selector = format!("--selector=buildrun.shipwright.io/name={}", run["metadata"]["name"].as_str().unwrap());
    let logs = ["logs", &selector, "--namespace", namespace, "--all-containers", "--tail=-1"];
    let log = kubectl.run(&logs).stdout;
    (run, log)
}

/// Leads the node's pulls of a registry to another address, by TLS with the authority of the kit.
pub(crate) fn lead_to(folder: &str, url: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let authority = if url.starts_with("https:") { format!("ca = \"{FOLDER}/ca.crt\"\n") } else { String::new() };
    let host = format!("[host.\"{url}\"]\ncapabilities = [\"pull\", \"resolve\"]\n{authority}");
    let hosts = format!("server = \"{url}\"\n{host}");
    std::fs::write(Path::new(folder).join("hosts.toml"), hosts).unwrap();
}
