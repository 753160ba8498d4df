//! Shipwright and Tekton, as pods of the cluster: the real programs, with the manifests of their own projects.
//!
//! Their manifests name images by the Go packages that these are built from (`ko://…/cmd/controller`). Each becomes an image
//! around the program of that name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Image, Node};
use crate::certificates::{Authority, Issued};
use crate::process::eventually;
use crate::programs;

const SHIPWRIGHT: &str = "shipwright-build";
const TEKTON: &str = "tekton-pipelines";

/// A shell for the steps of Tekton that are scripts. Its manifests name one of a registry elsewhere.
const SHELL: &str = "node.example/shell:v1";

/// How an image is named that is built from a Go package.
const PACKAGE: &str = "ko://";

impl Node {
    /// Installs Tekton, and waits until it answers.
    pub fn install_tekton(&self) {
        self.containerd.import(&Image::named(SHELL).with_busybox().running(&["/bin/sh"]));
        let config = manifests("tekton").join("config");
        // Its events, its resolvers and the scaling of its webhook are for others.
        let left_out = ["events.yaml", "webhook-hpa.yaml"];
        let mut files = files(&config.join("100-namespace"));
        files.extend(files_of(&config, &left_out));
        files.extend(self::files(&config.join("300-crds")));
        let text: String = texts(&files);
        let shell =
            text.split('"').find(|word| word.starts_with("cgr.dev/chainguard/busybox@")).expect("a shell image");
        self.apply_manifests("tekton", &text.replace(shell, SHELL));
        for name in ["tekton-pipelines-controller", "tekton-pipelines-webhook"] {
            self.roll_out(name, TEKTON);
        }
    }

    /// Installs Shipwright with its conversion webhook, and waits until it answers.
    pub fn install_shipwright(&self) {
        let folder = manifests("shipwright");
        let text = texts(&files(&folder.join("deploy")));
        // The project's own script asks the cluster's signer for this certificate.
        let authority = Authority::named("shipwright");
        let Issued { certificate, key } = authority.issue(&[&format!("shp-build-webhook.{SHIPWRIGHT}.svc")]);
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SHIPWRIGHT}});
        self.kubectl.ok_with(&["apply", "-f", "-"], &namespace);
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": "shipwright-build-webhook-cert", "namespace": SHIPWRIGHT},
            "stringData": {"tls.crt": certificate, "tls.key": key},
        });
        self.kubectl.ok_with(&["apply", "-f", "-"], &secret);
        self.apply_manifests("shipwright", &text);
        self.apply_shipwright_crds(&authority);
        for name in ["shipwright-build-controller", "shipwright-build-webhook"] {
            self.roll_out(name, SHIPWRIGHT);
        }
        let strategies = folder.join("samples/v1beta1/buildstrategy/buildah");
        let text = texts(&files(&strategies));
        self.kubectl.run_with(&["apply", "--server-side", "-f", "-"], &text).ok(&["apply"]);
    }

    /// Installs Shipwright's CRDs as an upgrade of it does. They do not have the field `local`.
    fn apply_shipwright_crds(&self, authority: &Authority) {
        for file in files(&manifests("shipwright").join("deploy/crds")) {
            let mut crd: Value = programs::yaml(&file);
            crd["spec"]["conversion"]["webhook"]["clientConfig"]["caBundle"] = json!(STANDARD.encode(authority.pem()));
            self.kubectl.ok_with(&["apply", "--server-side", "--force-conflicts", "-f", "-"], &crd);
            let name = crd["metadata"]["name"].as_str().expect("a name");
            let wait = ["wait", "--for=condition=Established", "crd", name, "--timeout=10s"];
            eventually(&format!("the API server to serve {name}"), || {
                (self.kubectl.run(&wait).code == Some(0)).then_some(())
            });
        }
    }

    /// Applies manifests, and imports the images that they name by packages.
    fn apply_manifests(&self, project: &str, text: &str) {
        let words = text.split(|c: char| c.is_whitespace() || ['"', '\'', ','].contains(&c));
        let packages: BTreeSet<&str> = words.filter(|word| word.starts_with(PACKAGE)).collect();
        // Longer names first: one may begin with another.
        let mut text = text.to_owned();
        for package in packages.iter().rev() {
            let program = package.rsplit('/').next().expect("a package");
            let name = format!("node.example/{project}-{program}:v1");
            text = text.replace(package, &name);
            let path = programs::node(project).join(program);
            // Windows, sidecars and bundles have programs that nothing here runs.
            if path.exists() {
                self.containerd.import(&image(&name, program, &path));
            }
        }
        self.kubectl.run_with(&["apply", "--server-side", "--force-conflicts", "-f", "-"], &text).ok(&["apply"]);
    }

    fn roll_out(&self, deployment: &str, namespace: &str) {
        let deployment = format!("deployment/{deployment}");
        self.kubectl.ok(&["rollout", "status", &deployment, "--namespace", namespace, "--timeout=180s"]);
    }
}

/// The image around a program, where the projects' own images have it.
fn image(name: &str, program: &str, path: &Path) -> Image {
    let inside = format!("/ko-app/{program}");
    let image = Image::named(name).with_file(path, &inside).running(&[&inside]);
    if program != "git" {
        return image;
    }
    // The step that clones asks for three programs before it begins, two of which it does not need here.
    let image = image.with_busybox().with_git();
    image.with_script("ssh", "echo no keys are needed >&2").with_script("git-lfs", "echo git-lfs/0")
}

impl Image {
    /// Git, with what its commands are made of.
    #[must_use]
    pub fn with_git(self) -> Self {
        let core = Path::new("/usr/lib/git-core");
        let scripts = ["git-submodule", "git-sh-setup", "git-sh-i18n", "git-sh-i18n--envsubst", "git-daemon"];
        let image = self.with_program(&programs::installed("git"));
        scripts.into_iter().fold(image, |image, name| {
            let path = core.join(name);
            image.with_file(&path, path.to_str().expect("a path"))
        })
    }
}

/// The manifests of a project, as `make e2e-node` takes them from its module.
fn manifests(project: &str) -> PathBuf {
    programs::node(project).join("manifests")
}

/// The YAML files of a folder, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    files_of(folder, &[])
}

fn files_of(folder: &Path, left_out: &[&str]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.retain(|path| !left_out.iter().any(|name| path.ends_with(name)));
    files.sort();
    files
}

fn texts(files: &[PathBuf]) -> String {
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect::<Vec<_>>().join("\n---\n")
}
