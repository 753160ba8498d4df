//! Kubewarden, as its own charts install it. Its programs are no Go modules that can be built here, so the folder that
//! `PROGRAMS` names has them.

use std::path::{Path, PathBuf};
use std::process::Command;

use local_registry_testkit::repository::root;
use serde_json::{Value, json};

use super::{Image, Node, USER, text};
use crate::kubectl::Answer;
use crate::kubewarden::NAMESPACE;
use crate::process::eventually;
use crate::programs;

/// A release of Kubewarden: a folder `kubewarden-VERSION` with the programs `kubewarden-controller`, `policy-server` and
/// `kwctl`, and `manifests/{crds,controller,defaults}.yaml`, which `helm template` makes of its three charts.
#[derive(Debug)]
pub struct Release {
    folder: PathBuf,
    /// Its version.
    pub version: String,
}

impl Release {
    /// The releases that `PROGRAMS` has, oldest first.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let all = programs::releases("kubewarden");
        all.into_iter().map(|(version, folder)| Self { folder, version }).collect()
    }

    /// What it lacks of these programs.
    #[must_use]
    pub fn lacks(&self, names: &[&str]) -> Vec<String> {
        let missing = names.iter().filter(|name| !self.folder.join(name).is_file());
        missing.map(|name| format!("{}/{name}", self.folder.display())).collect()
    }

    /// Runs its `kwctl`. It reaches no address outside of this machine, and says so at once.
    #[must_use]
    pub fn kwctl(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new(self.folder.join("kwctl"));
        Answer::run(command.args(arguments).current_dir(root()).env("HTTPS_PROXY", NOWHERE), "")
    }

    fn manifest(&self, name: &str) -> String {
        let path = self.folder.join("manifests").join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// Where nothing listens. Without the Internet, the programs would wait half a minute for the keys of Sigstore.
const NOWHERE: &str = "http://127.0.0.1:9";

impl Node {
    /// Installs a release of Kubewarden, or upgrades to it, and waits until its policy server can be changed. The policy server
    /// may take modules from this registry without TLS.
    pub fn install_kubewarden(&self, release: &Release, insecure: &str) {
        let [controller, defaults] = ["controller.yaml", "defaults.yaml"].map(|name| release.manifest(name));
        for (text, program, inside) in
            [(&controller, "kubewarden-controller", "/controller"), (&defaults, "policy-server", "/policy-server")]
        {
            let path = release.folder.join(program);
            let name = image_of(text, program);
            let image = Image::named(name).with_file(&path, inside).running(&[inside]).as_user(USER);
            self.containerd.import(&image.with_authorities());
        }
        let _ = self.kubectl.run(&["create", "namespace", NAMESPACE]);
        let crds = text(&[release.folder.join("manifests")], &["controller.yaml", "defaults.yaml"]);
        self.apply_manifests("kubewarden", &crds);
        self.kubectl.wait_for_crds();
        self.apply_manifests("kubewarden", &controller);
        self.roll_out("kubewarden-controller", NAMESPACE);
        // Its webhooks ask it about every PolicyServer, and the API server may not reach it yet.
        let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        eventually("Kubewarden's defaults to be applied", || {
            (self.kubectl.run_with(&apply, &defaults).code == Some(0)).then_some(())
        });
        let server = json!({"spec": {
            "insecureSources": [insecure],
            "env": [{"name": "HTTPS_PROXY", "value": NOWHERE}],
        }});
        self.kubectl.ok(&["patch", "policyserver", "default", "--type=merge", "--patch", &server.to_string()]);
    }

    /// Waits until the policy server has rolled to what is stored now, and no pod with older settings is left.
    pub fn policy_server_rolled(&self) {
        let server = "policy-server-default";
        self.roll_out(server, NAMESPACE);
        let selector = "--selector=kubewarden/policy-server=default";
        eventually("the old pods of the policy server to be gone", || {
            let pods = self.kubectl.json(&["get", "pods", "--namespace", NAMESPACE, selector]);
            let pods = pods["items"].as_array()?;
            let ends = |pod: &Value| !pod["metadata"]["deletionTimestamp"].is_null();
            (!pods.iter().any(ends)).then_some(())
        });
    }
}

/// The image of a program, as a chart names it.
fn image_of<'a>(text: &'a str, program: &str) -> &'a str {
    let words = text.split(|c: char| c.is_whitespace() || ['"', '\''].contains(&c));
    let path = format!("/{program}:");
    words.into_iter().find(|word| word.contains(&path)).unwrap_or_else(|| panic!("no image of {program}"))
}

impl Image {
    /// The authorities that this machine trusts.
    #[must_use]
    pub fn with_authorities(self) -> Self {
        let path = "/etc/ssl/certs/ca-certificates.crt";
        self.with_file(Path::new(path), path)
    }
}
