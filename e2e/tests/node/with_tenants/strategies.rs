//! The strategies of Shipwright's own samples, unchanged: each builds a local image once, and pushes it by the credential that makes
//! itself. Of those whose programs are not to be had here, a run is started, and what its steps are told is looked at.

use std::collections::BTreeSet;
use std::time::Instant;

use e2e::eventually;
use e2e::node::{Image, installed, program};
use serde_json::{Value, json};

use crate::admission::{self, Admission, StandIn};
use crate::builds::{self, QUAY, lead_to};
use crate::http;
use crate::kit::{self, Kit, PORTABLE_HOST, REGISTRY};

const NAMESPACE: &str = "strategies";
const ACCOUNT: &str = "pipeline";
/// The node's folders for the registries of two steps' images.
const GOOGLE: &str = "/etc/containerd/certs.d/gcr.io";
const DOCKER: &str = "/etc/containerd/certs.d/docker.io";
/// The folder of the source that needs nothing else.
const SOURCE: &str = "image";

/// What becomes of a sample here.
enum Sample {
    /// It builds this folder of the source, with these values of its parameters.
    Builds(&'static str, fn() -> Value),
    /// Its steps cannot run, for this reason. They are told these values of its parameters, which have the portable name.
    Starts(&'static str, fn() -> Value),
}
use Sample::{Builds, Starts};

const NO_SYSTEM: &str =
    "its images are whole systems with buildpacks, which no Go module and no package of this system has";
const NO_S2I: &str = "`s2i` is not to be had: the Go module proxy has no github.com/openshift/source-to-image";

/// All samples. Those of kaniko and ko have no parameter that could name a registry, nor a cache.
const SAMPLES: [(&str, Sample); 12] = [
    ("buildstrategy/buildpacks-v3", Starts(NO_SYSTEM, of_buildpacks)),
    ("buildstrategy/buildpacks-v3-heroku", Starts(NO_SYSTEM, of_buildpacks)),
    ("clusterbuildstrategy/buildah-shipwright-managed-push", Builds("based", of_buildah)),
    ("clusterbuildstrategy/buildah-strategy-managed-push", Builds("based", of_buildah)),
    (
        "clusterbuildstrategy/buildkit",
        Starts(
            "Debian's newuidmap needs CAP_SYS_ADMIN, which the sample does not ask for; buildkitd, buildctl and \
             rootlesskit would take some 50 s to build on two cores",
            of_buildkit,
        ),
    ),
    ("clusterbuildstrategy/buildpacks-v3", Starts(NO_SYSTEM, of_buildpacks)),
    ("clusterbuildstrategy/buildpacks-v3-heroku", Starts(NO_SYSTEM, of_buildpacks)),
    ("clusterbuildstrategy/kaniko", Builds(SOURCE, nothing)),
    ("clusterbuildstrategy/ko", Builds("program", of_ko)),
    (
        "clusterbuildstrategy/multiarch-native-buildah",
        Starts(
            "it builds here while nothing else runs, but fails as soon as the pod of its Job waits for room on the node, \
             which is small",
            of_buildah,
        ),
    ),
    ("clusterbuildstrategy/source-to-image", Starts(NO_S2I, of_s2i)),
    ("clusterbuildstrategy/source-to-image-redhat", Starts(NO_S2I, of_s2i_and_buildah)),
];

fn nothing() -> Value {
    json!([])
}

/// A base image of the local registry, which speaks plain HTTP: all by the portable name. There is no other host in the Build.
fn of_buildah() -> Value {
    json!([list("registries-insecure", PORTABLE_HOST.to_owned()), base()])
}

fn of_buildpacks() -> Value {
    json!([list("insecure-registries", PORTABLE_HOST.to_owned())])
}

fn of_buildkit() -> Value {
    json!([base()])
}

fn of_s2i() -> Value {
    json!([builder()])
}

fn of_s2i_and_buildah() -> Value {
    json!([builder(), list("registries-insecure", PORTABLE_HOST.to_owned())])
}

/// A base image, as an argument of the Dockerfile.
fn base() -> Value {
    list("build-args", format!("BASE={PORTABLE_HOST}/base:v1"))
}

/// A parameter that is a list, with one item.
fn list(name: &str, item: String) -> Value {
    json!({"name": name, "values": [{"value": item}]})
}

/// The image in which s2i builds.
fn builder() -> Value {
    json!({"name": "builder-image", "value": format!("{PORTABLE_HOST}/s2i:v1")})
}

/// Without a version, the step of ko looks for the newest release. Its image has one, whatever the version is.
fn of_ko() -> Value {
    json!([{"name": "ko-version", "value": "v0"}])
}

#[test]
fn every_sample_strategy_uses_the_local_registry() {
    let kit = kit::with(&["tenants"]);
    let kubectl = &kit.node.kubectl;
    StandIn.install(&kit);
    builds::install_projects(&kit);
    builds::add_the_field(&kit);
    let started = Instant::now();
    kubectl.ok(&["create", "namespace", NAMESPACE]);
    kubectl.ok(&["label", "namespace", NAMESPACE, "local-registry-hosting/push=true"]);
    kit.node.apply_samples(NAMESPACE);
    let listed =
        kubectl.ok(&["get", "clusterbuildstrategies,buildstrategies", "--namespace", NAMESPACE, "--output=name"]);
    let listed: BTreeSet<String> = listed.lines().map(|name| name.replace(".shipwright.io/", "/")).collect();
    let known: BTreeSet<String> = SAMPLES.iter().map(|(strategy, _)| (*strategy).to_owned()).collect();
    assert_eq!(listed, known, "Shipwright's samples, and what SAMPLES says of them");

    provide_steps(&kit);
    builds::serve_sources(&kit);
    write_source(&kit);
    kit.install_policies(&super::policies()).ok(&["upgrade"]);
    StandIn.serve(&kit, REGISTRY);
    // One sample's own RoleBinding names it.
    kubectl.ok(&["create", "serviceaccount", ACCOUNT, "--namespace", NAMESPACE]);
    let mut runs = vec![];
    for (strategy, sample) in &SAMPLES {
        if let Builds(folder, parameters) = sample {
            runs.push((name(strategy), start(&kit, strategy, folder, parameters())));
        }
    }
    for (name, run) in runs {
        check(&kit, &name, &builds::succeeded(&kit, NAMESPACE, &run));
        println!("number: {name} has built after {:.1} s", started.elapsed().as_secs_f64());
    }
    // Only now, since their pods would take the room of those that build.
    for (strategy, sample) in &SAMPLES {
        if let Starts(reason, parameters) = sample {
            println!("not built, only started: {strategy}: {reason}");
            let run = start(&kit, strategy, SOURCE, parameters());
            check_steps(&kit, &name(strategy), &run, &parameters());
            kubectl.ok(&["delete", &run, "--namespace", NAMESPACE]);
        }
    }

    kit.remove_policies();
    admission::forget(&kit);
    kubectl.ok(&["delete", "namespace", NAMESPACE, "--wait=false"]);
    for folder in [QUAY, GOOGLE, DOCKER] {
        std::fs::remove_dir_all(folder).unwrap();
    }
}

/// What the Build and the run of this strategy are called, and what they build.
fn name(strategy: &str) -> String {
    strategy.trim_start_matches("clusterbuildstrategy/").replace('/', "-")
}

/// The account that a run by this strategy names: each has the credential.
fn account(strategy: &str) -> Option<&'static str> {
    match strategy {
        // Shipwright makes one for this run.
        "buildah-shipwright-managed-push" => Some(".generate"),
        // Shipwright takes the one with the name `pipeline`.
        "kaniko" => None,
        _ => Some(ACCOUNT),
    }
}

/// The variables of a Build by this strategy, as docs/tenants.md says. Tekton cannot copy the credentials to where this one looks for
/// them, since the root file system of its step is read-only.
fn environment(strategy: &str) -> Value {
    match strategy {
        "buildah-strategy-managed-push" => {
            json!([{"name": "REGISTRY_AUTH_FILE", "value": "/tekton/creds/.docker/config.json"}])
        }
        _ => json!([]),
    }
}

/// Creates a Build by this strategy, and a run of it. Returns what kubectl calls the run.
fn start(kit: &Kit, strategy: &str, folder: &str, parameters: Value) -> String {
    let name = name(strategy);
    let kind = if strategy.starts_with("cluster") { "ClusterBuildStrategy" } else { "BuildStrategy" };
    let (_, strategy) = strategy.split_once('/').unwrap();
    let image = format!("strategies/{name}:v1");
    let output = if parameters.to_string().contains(PORTABLE_HOST) {
        json!({"image": format!("{PORTABLE_HOST}/{image}")})
    } else {
        json!({"image": image, "local": true})
    };
    let build = json!({
        "apiVersion": "shipwright.io/v1beta1",
        "kind": "Build",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "source": {
                "type": "Git",
                "git": {"url": format!("{}/strategies", builds::SOURCES)},
                "contextDir": folder,
            },
            "strategy": {"kind": kind, "name": strategy},
            "paramValues": parameters,
            "env": environment(strategy),
            "output": output,
        },
    });
    kit.node.kubectl.ok_with(&["create", "-f", "-"], &build);
    let mut run = json!({
        "apiVersion": "shipwright.io/v1beta1",
        "kind": "BuildRun",
        "metadata": {"name": name},
        "spec": {"build": {"name": name}},
    });
    if let Some(account) = account(strategy) {
        run["spec"]["serviceAccount"] = json!(account);
    }
    builds::start(kit, NAMESPACE, &run.to_string())
}

/// Asserts that the registry has what the run says.
fn check(kit: &Kit, name: &str, run: &Value) {
    let repository = format!("strategies/{name}");
    assert_eq!(run["spec"]["output"]["image"], format!("{REGISTRY}/{repository}:v1"));
    let kinds = [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ];
    let accept = format!("Accept: {}\r\n", kinds.join(", "));
    let address = format!("{}:5000", kit.address_for_pulls());
    let digest = run["status"]["output"]["digest"].as_str().unwrap_or_else(|| panic!("no digest: {run:#}"));
    let tagged = http::ask(&address, "GET", &format!("/v2/{repository}/manifests/v1"), &accept, b"");
    assert_eq!(tagged.header("Docker-Content-Digest").as_deref(), Some(digest), "{repository}: {tagged:?}");
}

/// Asserts that the steps of a run are told the cluster's registry wherever its Build has the portable name. Tekton puts the
/// values of all parameters into the pod when it makes it, so nothing has to run.
fn check_steps(kit: &Kit, name: &str, run: &str, parameters: &Value) {
    let selector = format!("--selector=buildrun.shipwright.io/name={name}");
    let pod = eventually(&format!("a pod of {run}"), || {
        let pods = kit.node.kubectl.json(&["get", "pods", "--namespace", NAMESPACE, &selector]);
        pods["items"].get(0).cloned()
    });
    let containers = pod["spec"]["containers"].as_array().unwrap();
    let of_all = |field: &'static str| containers.iter().filter_map(move |found| found[field].as_array()).flatten();
    let words: Vec<&str> = of_all("command").chain(of_all("args")).filter_map(Value::as_str).collect();
    let environment = of_all("env").filter_map(|variable| variable["value"].as_str());
    let told: Vec<&str> = words.iter().copied().chain(environment).collect();
    for parameter in parameters.as_array().unwrap() {
        let option = match parameter["name"].as_str().unwrap() {
            // It has no option of its own, and stands behind the folder of the source.
            "builder-image" => format!("/workspace/source/{SOURCE}"),
            name => format!("--{name}"),
        };
        let value = parameter["value"].as_str().or(parameter["values"][0]["value"].as_str()).unwrap();
        let value = value.replace(PORTABLE_HOST, REGISTRY);
        assert!(
            words.windows(2).any(|pair| pair == [option.as_str(), value.as_str()]),
            "{name}: no `{option} {value}`: {words:#?}"
        );
    }
    let image = format!("{REGISTRY}/strategies/{name}:v1");
    assert!(told.contains(&image.as_str()), "{name}: no {image}: {told:#?}");
    assert!(told.iter().all(|text| !text.contains(PORTABLE_HOST)), "{name}: {told:#?}");
}

/// Makes a repository with a Dockerfile in one folder, and a program in Go in another.
fn write_source(kit: &Kit) {
    let repository = builds::sources().join("strategies");
    // ko speaks plain HTTP with addresses of private networks, and asks all other registries for a certificate.
    let base = format!("defaultBaseImage: {}:5000/base:v1\n", kit.address_for_pulls());
    for (path, text) in [
        ("image/Dockerfile", "FROM scratch\nCOPY word /word\n"),
        ("image/word", "hello\n"),
        ("based/Dockerfile", "ARG BASE\nFROM ${BASE}\nCOPY word /word\n"),
        ("based/word", "hello\n"),
        ("program/go.mod", "module example.org/hello\n"),
        ("program/main.go", "package main\n\nfunc main() { println(\"hello\") }\n"),
        ("program/.ko.yaml", &base),
    ] {
        let path = repository.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    builds::commit(&repository);
}

/// Puts the images of the steps into the registry, and shows the node the way to them.
fn provide_steps(kit: &Kit) {
    let kaniko = Image::named("node.example/kaniko:v1").with_file(&program("kaniko/executor"), "/kaniko/executor");
    let images = [
        (kaniko, "kaniko-project/executor:v1.24.0"),
        (golang(), "library/golang:1.25"),
        // On which ko puts its program.
        (Image::named("node.example/base:v1"), "base:v1"),
    ];
    std::thread::scope(|scope| {
        scope.spawn(|| builds::provide_builder(kit));
        for (image, path) in &images {
            scope.spawn(|| kit.push(image, path));
        }
    });
    for folder in [GOOGLE, DOCKER] {
        lead_to(folder, &format!("http://{}:5000", kit.address_for_pulls()));
    }
}

/// Go, as far as a program without imports needs it. The step downloads ko by `curl`.
fn golang() -> Image {
    Image::named("node.example/golang:v1")
        .with_busybox()
        .with_program(&installed("bash"))
        .with_git()
        .with_folder(&program("ko/go"), "/usr/local/go")
        .with_script("go", r#"exec /usr/local/go/bin/go "$@""#)
        .with_file(&program("ko/ko"), "/downloads/ko")
        .with_script("curl", "exec tar -cz -f - -C /downloads ko")
}
