//! The strategies of Shipwright's own samples, unchanged: each builds a local image once, or is left out with the reason.

use std::collections::BTreeSet;
use std::time::Instant;

use e2e::node::{Image, installed, program};
use serde_json::{Value, json};

use crate::admission::{Admission, StandIn};
use crate::builds::{self, QUAY, lead_to};
use crate::http;
use crate::kit::{self, Kit, PORTABLE_HOST, REGISTRY};

const NAMESPACE: &str = "strategies";
const ACCOUNT: &str = "pipeline";
/// The node's folders for the registries of two steps' images.
const GOOGLE: &str = "/etc/containerd/certs.d/gcr.io";
const DOCKER: &str = "/etc/containerd/certs.d/docker.io";

/// What becomes of a sample here.
enum Sample {
    /// It builds this folder of the source, with these values of its parameters.
    Builds(&'static str, fn() -> Value),
    /// It does not run, for this reason.
    LeftOut(&'static str),
}
use Sample::{Builds, LeftOut};

const NO_SYSTEM: &str =
    "its images are whole systems with buildpacks, which no Go module and no package of this system has";
const NO_S2I: &str = "`s2i` is not to be had: the Go module proxy has no github.com/openshift/source-to-image";

/// All samples.
const SAMPLES: [(&str, Sample); 12] = [
    ("buildstrategy/buildpacks-v3", LeftOut(NO_SYSTEM)),
    ("buildstrategy/buildpacks-v3-heroku", LeftOut(NO_SYSTEM)),
    ("clusterbuildstrategy/buildah-shipwright-managed-push", Builds("based", by_name)),
    ("clusterbuildstrategy/buildah-strategy-managed-push", Builds("based", by_name)),
    (
        "clusterbuildstrategy/buildkit",
        LeftOut(
            "Debian's newuidmap needs CAP_SYS_ADMIN, which the sample does not ask for; buildkitd, buildctl and \
             rootlesskit would take some 50 s to build on two cores",
        ),
    ),
    ("clusterbuildstrategy/buildpacks-v3", LeftOut(NO_SYSTEM)),
    ("clusterbuildstrategy/buildpacks-v3-heroku", LeftOut(NO_SYSTEM)),
    ("clusterbuildstrategy/kaniko", Builds("image", nothing)),
    ("clusterbuildstrategy/ko", Builds("program", of_ko)),
    (
        "clusterbuildstrategy/multiarch-native-buildah",
        LeftOut(
            "it builds here while nothing else runs, but fails as soon as the pod of its Job waits for room on the node, \
             which is small",
        ),
    ),
    ("clusterbuildstrategy/source-to-image", LeftOut(NO_S2I)),
    ("clusterbuildstrategy/source-to-image-redhat", LeftOut(NO_S2I)),
];

fn nothing() -> Value {
    json!([])
}

/// A base image of the local registry, which speaks plain HTTP: all by the portable name. There is no other host in the Build.
fn by_name() -> Value {
    json!([
        {"name": "registries-insecure", "values": [{"value": PORTABLE_HOST}]},
        {"name": "build-args", "values": [{"value": format!("BASE={PORTABLE_HOST}/base:v1")}]},
    ])
}

/// Without a version, the step of ko looks for the newest release. Its image has one, whatever the version is.
fn of_ko() -> Value {
    json!([{"name": "ko-version", "value": "v0"}])
}

#[test]
fn every_sample_strategy_that_runs_here_builds_a_local_image() {
    let kit = kit::with(&[]);
    let kubectl = &kit.node.kubectl;
    StandIn.install(&kit);
    builds::install_projects(&kit);
    builds::add_the_field(&kit);
    let started = Instant::now();
    kubectl.ok(&["create", "namespace", NAMESPACE]);
    kit.node.apply_samples(NAMESPACE);
    let listed =
        kubectl.ok(&["get", "clusterbuildstrategies,buildstrategies", "--namespace", NAMESPACE, "--output=name"]);
    let listed: BTreeSet<String> = listed.lines().map(|name| name.replace(".shipwright.io/", "/")).collect();
    let known: BTreeSet<String> = SAMPLES.iter().map(|(strategy, _)| (*strategy).to_owned()).collect();
    assert_eq!(listed, known, "Shipwright's samples, and what SAMPLES says of them");

    provide_steps(&kit);
    builds::serve_sources(&kit);
    write_source(&kit);
    StandIn.apply(&kit, &json!({"insecure": true}));
    StandIn.serve(&kit, REGISTRY);
    // One sample's own RoleBinding names it.
    kubectl.ok(&["create", "serviceaccount", ACCOUNT, "--namespace", NAMESPACE]);
    let mut runs = vec![];
    for (strategy, sample) in SAMPLES {
        match sample {
            Builds(folder, parameters) => {
                let (_, name) = strategy.split_once('/').unwrap();
                runs.push((name, start(&kit, name, folder, parameters())));
            }
            LeftOut(reason) => println!("left out: {strategy}: {reason}"),
        }
    }
    for (name, run) in runs {
        check(&kit, name, &builds::succeeded(&kit, NAMESPACE, &run));
        println!("number: {name} has built after {:.1} s", started.elapsed().as_secs_f64());
    }

    kubectl.ok(&["delete", "namespace", NAMESPACE, "--wait=false"]);
    for folder in [QUAY, GOOGLE, DOCKER] {
        std::fs::remove_dir_all(folder).unwrap();
    }
}

/// Creates a Build by this strategy, and a run of it. Returns what kubectl calls the run.
fn start(kit: &Kit, name: &str, folder: &str, parameters: Value) -> String {
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
            "strategy": {"kind": "ClusterBuildStrategy", "name": name},
            "paramValues": parameters,
            "output": output,
        },
    });
    kit.node.kubectl.ok_with(&["create", "-f", "-"], &build);
    let run = json!({
        "apiVersion": "shipwright.io/v1beta1",
        "kind": "BuildRun",
        "metadata": {"name": name},
        "spec": {"build": {"name": name}, "serviceAccount": ACCOUNT},
    });
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
    let address = format!("{}:5000", kit.address("registry"));
    let digest = run["status"]["output"]["digest"].as_str().unwrap_or_else(|| panic!("no digest: {run:#}"));
    let tagged = http::ask(&address, "GET", &format!("/v2/{repository}/manifests/v1"), &accept, b"");
    assert_eq!(tagged.header("Docker-Content-Digest").as_deref(), Some(digest), "{repository}: {tagged:?}");
}

/// Makes a repository with a Dockerfile in one folder, and a program in Go in another.
fn write_source(kit: &Kit) {
    let repository = builds::sources().join("strategies");
    // ko speaks plain HTTP with addresses of private networks, and asks all other registries for a certificate.
    let base = format!("defaultBaseImage: {}:5000/base:v1\n", kit.address("registry"));
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
        lead_to(folder, &format!("http://{}:5000", kit.address("registry")));
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
