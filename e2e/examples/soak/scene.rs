//! The cluster of a run, and what is changed in it.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::{Authority, Crds, Issued, NAMESPACE, TestCluster, config_map, eventually, values};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::dice::Dice;
use crate::plan::Change;

/// How many namespaces get and lose labels, and how many have each label while nothing happens.
pub(crate) const NAMESPACES: usize = 8;
const LABELLED: usize = 4;

/// The hosts that are declared, each a Service of the release's namespace. A round ends with one of them.
pub(crate) const REGISTRY: &str = "registry.local-registry.svc.cluster.local:5000";
pub(crate) const MIRROR: &str = "mirror.local-registry.svc.cluster.local:5000";
/// One more, outside of the cluster.
const OUTSIDE: &str = "kind-registry:5000";

/// The Services that are made anew. Nodes reach the registry by the second one.
const SERVICES: [&str; 3] = ["registry", "registry-read-only", "mirror"];

/// The key of a declaration.
const KEY: &str = "localRegistryHosting.v1";
/// The ConfigMap, and all of its namespace, as the API server's paths.
const CONFIG_MAP: &str = "/api/v1/namespaces/kube-public/configmaps/local-registry-hosting";
const CONFIG_MAPS: &str = "/api/v1/namespaces/kube-public/configmaps";
/// The largest text that the API server takes in a ConfigMap, with what else is in it.
const MEGABYTE: usize = 1024 * 1024 - 300;

/// Some of what the certificate of a token server is for.
pub(crate) const TOKEN_SERVER: &str = "127.0.0.1";

/// The cluster, and what is in it while nothing happens.
pub(crate) struct Scene {
    pub(crate) cluster: TestCluster,
    /// The node's root directory.
    pub(crate) root: TempDir,
    pub(crate) authority: Authority,
    /// The last whole certificate of the token server, PEM.
    pub(crate) certificate: String,
    /// The host that is declared.
    pub(crate) host: &'static str,
    /// Which namespaces have the label of credentials, and of aliases.
    pub(crate) push: Vec<bool>,
    pub(crate) alias: Vec<bool>,
    services: Vec<Value>,
    dice: Dice,
}

impl Scene {
    /// A cluster with everything of the chart that these programs need, one node, and a team that may push.
    pub(crate) fn new(seed: u64) -> Self {
        let cluster = TestCluster::start(Crds::Plain);
        let parts = json!({"registry": {"enabled": true, "tenants": {"enabled": true}}, "alias": {"enabled": true}});
        cluster.install(&values::merged(values::usual(), parts));
        let kubectl = &cluster.kubectl;
        for namespace in (0..NAMESPACES).map(namespace) {
            kubectl.ok(&["create", "namespace", &namespace]);
        }
        kubectl.ok(&["create", "service", "clusterip", "mirror", "--tcp=5000", &in_release()]);
        let get = |name: &&str| kubectl.json(&["get", "service", name, &in_release()]);
        let services = SERVICES.iter().map(get).map(made_anew).collect();
        // The chart lets the agents read the Services of its own registry alone.
        let read = ["--verb=get,list,watch", "--resource=services", "--resource-name=mirror", &in_release()];
        kubectl.ok(&[&["create", "role", "mirror"], &read[..]].concat());
        let agents = ["--role=mirror", "--serviceaccount=local-registry-nodes:local-registry-node", &in_release()];
        kubectl.ok(&[&["create", "rolebinding", "mirror"], &agents[..]].concat());
        kubectl.ok(&["create", "serviceaccount", "ci", "--namespace=team"]);
        let may_push = ["--clusterrole=local-registry-push", "--serviceaccount=team:ci", "--namespace=team"];
        kubectl.ok(&[&["create", "rolebinding", "ci"], &may_push[..]].concat());
        let info = json!({"containerRuntimeVersion": "containerd://2.1.4"});
        let node =
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": {"nodeInfo": info}});
        kubectl.ok_with(&["create", "-f", "-"], &node);
        kubectl.wait_for_admission_policies();

        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(certs(root.path())).unwrap();
        let config = "version = 3\n[plugins.\"io.containerd.cri.v1.images\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n";
        std::fs::write(root.path().join("etc/containerd/config.toml"), config).unwrap();
        let mut scene = Self {
            cluster,
            root,
            authority: Authority::named("the token server's"),
            certificate: String::new(),
            host: REGISTRY,
            push: vec![false; NAMESPACES],
            alias: vec![false; NAMESPACES],
            services,
            dice: Dice::new(seed),
        };
        scene.settle(0);
        scene
    }

    /// The folder of the node's files.
    pub(crate) fn certs(&self) -> PathBuf {
        certs(self.root.path())
    }

    /// The files of the token server's certificate, and of its key.
    pub(crate) fn certificate_files(&self) -> [PathBuf; 2] {
        ["token.crt", "token.key"].map(|name| self.cluster.control_plane.file(name))
    }

    /// Makes everything as it should be: a host that was not declared in the round before, and as many labels as before.
    pub(crate) fn settle(&mut self, round: u64) {
        self.declare(if round.is_multiple_of(2) { REGISTRY } else { MIRROR });
        let labelled = (0..NAMESPACES).map(|index| index < LABELLED);
        let [push, alias] = [(); 2].map(|()| self.dice.shuffled(labelled.clone().collect::<Vec<_>>()));
        for (label, wanted) in [("push", push), ("alias", alias)] {
            for (index, is_labelled) in wanted.into_iter().enumerate() {
                self.label(label, index, is_labelled);
            }
        }
        self.certify();
    }

    /// Changes this.
    pub(crate) fn change(&mut self, change: Change) {
        match change {
            Change::Host => {
                let host = *self.dice.one_of(&[REGISTRY, MIRROR, OUTSIDE]);
                self.declare(host);
            }
            Change::Withdrawn => {
                let name = ["configmap", "local-registry-hosting", "--namespace=kube-public"];
                self.kubectl(&[&["delete", "--ignore-not-found"], &name[..]].concat(), "");
            }
            Change::BrokenYaml => self.put(&config_map("hostFromClusterNetwork: \"unterminated\n")),
            Change::Megabyte => {
                // The API server writes each `<` as six characters.
                let mut large = config_map(&format!("hostFromClusterNetwork: \"{}\"\n", self.host));
                let key = *self.dice.one_of(&["other", KEY]);
                large["data"][key] = json!("<".repeat(MEGABYTE));
                self.put(&large);
            }
            Change::BinaryData => {
                let mut bytes = config_map("");
                bytes.as_object_mut().unwrap().remove("data");
                bytes["binaryData"] = json!({KEY: STANDARD.encode([0xff, 0x00, 0xfe])});
                self.put(&bytes);
            }
            Change::Services => self.renew_services(),
            Change::Certificate => self.certify(),
            Change::BrokenCertificate => {
                let half = &self.certificate[..self.certificate.len() / 2];
                std::fs::write(&self.certificate_files()[0], half).unwrap();
            }
            Change::PushLabel => self.toggle("push"),
            Change::AliasLabel => self.toggle("alias"),
            Change::PolicyHost => self.change_settings(&json!({"host": null})),
            Change::PolicySetting => {
                let insecure = self.dice.below(2) == 0;
                self.change_settings(&json!({"insecure": insecure}));
            }
            Change::Crds => {
                for kind in ["builds", "buildruns"] {
                    self.apply(&self.cluster.shipwright_crd(kind));
                }
            }
            Change::NodeFiles => {
                for entry in std::fs::read_dir(self.certs()).unwrap().map(Result::unwrap) {
                    // The agent may be about to write into it.
                    let _ = std::fs::remove_dir_all(entry.path());
                }
            }
        }
    }

    /// Starts the API server again, and waits until it serves what is changed.
    pub(crate) fn start_api_server(&mut self) {
        self.cluster.control_plane.start_api_server();
        let kinds = "clusteradmissionpolicies.policies.kubewarden.io,crds,services,namespaces";
        eventually("the API server to serve everything", || {
            (self.cluster.kubectl.run(&["get", kinds, "--all-namespaces", "--output=name"]).code == Some(0))
                .then_some(())
        });
    }

    fn declare(&mut self, host: &'static str) {
        self.host = host;
        self.put(&config_map(&format!("hostFromClusterNetwork: \"{host}\"\nhostFromContainerRuntime: \"{host}\"\n")));
    }

    /// Stores the ConfigMap, whether or not there is one.
    fn put(&self, config_map: &Value) {
        let file = self.cluster.control_plane.file("declaration.json");
        std::fs::write(&file, config_map.to_string()).unwrap();
        // Without `--raw`, kubectl would send a large one twice.
        let kubectl = |verb, path| self.cluster.kubectl.run(&[verb, "--raw", path, "-f", file.to_str().unwrap()]);
        eventually("the ConfigMap to be stored", || {
            let is_stored = |verb, path| kubectl(verb, path).code == Some(0);
            (is_stored("replace", CONFIG_MAP) || is_stored("create", CONFIG_MAPS)).then_some(())
        });
    }

    fn change_settings(&self, settings: &Value) {
        let patch = json!({"spec": {"settings": settings}}).to_string();
        let policy = ["patch", "clusteradmissionpolicy", "local-registry", "--type=merge", "--patch", &patch];
        self.kubectl(&policy, "");
    }

    fn renew_services(&self) {
        self.kubectl(&[&["delete", "service", "--ignore-not-found", &in_release()], &SERVICES[..]].concat(), "");
        self.apply(&json!({"apiVersion": "v1", "kind": "List", "items": self.services}));
    }

    fn apply(&self, object: &Value) {
        self.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", "-"], &object.to_string());
    }

    /// Runs kubectl until it succeeds: an API server that has just started may refuse what it takes a moment later.
    fn kubectl(&self, arguments: &[&str], stdin: &str) {
        let run = || (self.cluster.kubectl.run_with(arguments, stdin).code == Some(0)).then_some(());
        eventually(&arguments.join(" "), run);
    }

    fn certify(&mut self) {
        let Issued { certificate, key } = self.authority.issue(&[TOKEN_SERVER]);
        let files = self.certificate_files();
        std::fs::write(&files[0], &certificate).unwrap();
        std::fs::write(&files[1], key).unwrap();
        self.certificate = certificate;
    }

    fn toggle(&mut self, label: &str) {
        let index = usize::try_from(self.dice.below(NAMESPACES as u64)).unwrap();
        let is_labelled = self.labels(label)[index];
        self.label(label, index, !is_labelled);
    }

    fn label(&mut self, label: &str, index: usize, is_wanted: bool) {
        if self.labels(label)[index] == is_wanted {
            return;
        }
        let value = if is_wanted { "=true" } else { "-" };
        let label_value = format!("local-registry-hosting/{label}{value}");
        self.kubectl(&["label", "--overwrite", "namespace", &namespace(index), &label_value], "");
        self.labels(label)[index] = is_wanted;
    }

    fn labels(&mut self, label: &str) -> &mut Vec<bool> {
        if label == "push" { &mut self.push } else { &mut self.alias }
    }
}

/// The name of one of the namespaces.
pub(crate) fn namespace(index: usize) -> String {
    format!("soak-{index}")
}

/// The argument of kubectl that names the release's namespace.
pub(crate) fn in_release() -> String {
    format!("--namespace={NAMESPACE}")
}

fn certs(root: &Path) -> PathBuf {
    root.join("etc/containerd/certs.d")
}

/// A Service without what the API server has given to it.
fn made_anew(mut service: Value) -> Value {
    for field in ["clusterIP", "clusterIPs"] {
        service["spec"].as_object_mut().unwrap().remove(field);
    }
    for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
        service["metadata"].as_object_mut().unwrap().remove(field);
    }
    service
}
