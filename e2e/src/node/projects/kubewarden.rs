//! Kubewarden, as its own charts install it. Its programs are no Go modules that can be built here, so the folder that
//! `PROGRAMS` names has them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use local_registry_testkit::repository::root;
use serde_json::{Value, json};

use super::{Image, Node, Release, USER, text};
use crate::kubectl::Answer;
use crate::kubewarden::NAMESPACE;
use crate::process::eventually;

/// A release of Kubewarden has the programs `kubewarden-controller`, `policy-server` and `kwctl`, and as manifests what
/// `helm template` makes of its charts.
impl Release {
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

    /// The documents of its manifests.
    fn documents(&self) -> Vec<String> {
        let text = text(&[self.folder.join("manifests")], &[]);
        format!("\n{text}").split("\n---\n").map(|document| format!("---\n{document}\n")).collect()
    }
}

/// Where nothing listens. Without the Internet, the programs would wait half a minute for the keys of Sigstore.
const NOWHERE: &str = "http://127.0.0.1:9";

impl Node {
    /// Installs a release of Kubewarden, or upgrades to it, and waits until its policy server can be changed. The policy server
    /// may take modules from this registry without TLS.
    pub fn install_kubewarden(&self, release: &Release, insecure: &str) {
        let documents = self.with_the_authority_that_is_there(release.documents());
        for name in documents.iter().filter_map(|document| image_of(document)).collect::<BTreeSet<_>>() {
            // Upstream's images have the programs there.
            let (program, inside) = if name.contains("policy-server") {
                ("policy-server", "/policy-server")
            } else {
                ("kubewarden-controller", "/controller")
            };
            // One that was built on this machine may need libraries of it.
            let program = release.folder.join(program);
            let image = Image::named(name).with_libraries_of(&program).with_file(&program, inside).running(&[inside]);
            self.containerd.import(&image.with_authorities().as_user(USER));
        }
        let _ = self.kubectl.run(&["create", "namespace", NAMESPACE]);
        let of_kind = |kinds: &[&str]| {
            let is = |document: &&String| kinds.iter().any(|kind| document.contains(&format!("\nkind: {kind}\n")));
            let (these, others): (Vec<&String>, Vec<&String>) = documents.iter().partition(is);
            let join = |documents: Vec<&String>| documents.into_iter().cloned().collect::<String>();
            (join(these), join(others))
        };
        self.apply_by_force(&of_kind(&["CustomResourceDefinition"]).0);
        self.kubectl.wait_for_crds();
        self.apply_by_force(&of_kind(&["CustomResourceDefinition", "PolicyServer"]).1);
        self.roll_out(&self.kubewarden_controller(), NAMESPACE);
        // Its webhooks ask it about every PolicyServer, and the API server may not reach it yet.
        let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        let server = of_kind(&["PolicyServer"]).0;
        eventually("the default PolicyServer to be applied", || {
            (server.is_empty() || self.kubectl.run_with(&apply, &server).code == Some(0)).then_some(())
        });
        let change = json!({"spec": {
            "insecureSources": [insecure],
            "env": [{"name": "HTTPS_PROXY", "value": NOWHERE}],
        }});
        if server.is_empty() && self.kubectl.run(&["get", "policyserver", "default"]).code != Some(0) {
            // From 1.37 on the controller applies it when it starts.
            let controller = format!("deployment/{}", self.kubewarden_controller());
            self.kubectl.ok(&["rollout", "restart", &controller, "--namespace", NAMESPACE]);
        }
        let patch = ["patch", "policyserver", "default", "--type=merge", "--patch", &change.to_string()];
        eventually("the default PolicyServer to be there", || (self.kubectl.run(&patch).code == Some(0)).then_some(()));
    }

    /// Leaves the Secrets out if they are there, and names their authority: Helm makes one at the first installation, and keeps
    /// it in an upgrade. The policy server keeps its certificate, too.
    fn with_the_authority_that_is_there(&self, documents: Vec<String>) -> Vec<String> {
        let authority =
            ["get", "secret", "kubewarden-ca", "--namespace", NAMESPACE, r"--output=jsonpath={.data.ca\.crt}"];
        let stored = self.kubectl.run(&authority).stdout;
        let is_secret = |document: &String| document.contains("\nkind: Secret\n");
        let rendered =
            documents.iter().find(|document| is_secret(document) && document.contains("name: kubewarden-ca\n"));
        let rendered = rendered.and_then(|secret| secret.lines().find_map(|line| line.trim().strip_prefix("ca.crt: ")));
        let Some(rendered) = rendered.map(|text| text.trim_matches('"').to_owned()).filter(|_| !stored.is_empty())
        else {
            return documents;
        };
        let others = documents.into_iter().filter(|document| !is_secret(document));
        others.map(|document| document.replace(&rendered, &stored)).collect()
    }

    /// The name of the controller's Deployment. It is not the same in all releases.
    #[must_use]
    pub fn kubewarden_controller(&self) -> String {
        let deployments = self.kubectl.json(&["get", "deployments", "--namespace", NAMESPACE]);
        let names =
            deployments["items"].as_array().unwrap().iter().map(|found| found["metadata"]["name"].as_str().unwrap());
        let mut names = names.filter(|name| !name.starts_with("policy-server-"));
        names.next().expect("the controller's Deployment").to_owned()
    }

    /// Waits until the policy server has rolled to what is stored now, and no pod with older settings is left.
    pub fn policy_server_rolled(&self) {
        // The controller may not have seen the PolicyServer yet.
        let image = |kind: &str, name: &str, path: &str| {
            let path = format!("--output=jsonpath={path}");
            self.kubectl.run(&["get", kind, name, "--namespace", NAMESPACE, &path]).stdout
        };
        let server = "policy-server-default";
        eventually("the policy server to have the image of its PolicyServer", || {
            let wanted = image("policyserver", "default", "{.spec.image}");
            let found = image("deployment", server, "{.spec.template.spec.containers[0].image}");
            (!wanted.is_empty() && wanted == found).then_some(())
        });
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

/// The image of a program of Kubewarden that a document names.
fn image_of(document: &str) -> Option<&str> {
    let lines = document.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("image: "));
    lines.map(|image| image.trim_matches(['"', '\''])).find(|image| image.contains("kubewarden"))
}

impl Image {
    /// The authorities that this machine trusts.
    #[must_use]
    pub fn with_authorities(self) -> Self {
        let path = "/etc/ssl/certs/ca-certificates.crt";
        self.with_file(Path::new(path), path)
    }
}
