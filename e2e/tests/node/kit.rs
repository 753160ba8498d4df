//! The node that the scenarios share, with the registry kit of `deploy/registry`.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, MutexGuard};

use e2e::node::{Bucket, Image, Node, ONE_FOLDER};
use e2e::{Answer, Authority, eventually, signal};
use local_registry_testkit::repository::{self, root};
use serde_json::{Value, json};

/// The name of the local registry in every cluster.
pub(crate) const PORTABLE_HOST: &str = "local-registry:5000";

/// The registry's name, for pods and for the node.
pub(crate) const REGISTRY: &str = "registry.local-registry.svc.cluster.local:5000";

/// The folder of all registries on the node.
pub(crate) const FOLDERS: &str = "/etc/containerd/certs.d";

/// The node's folder for the registry's name.
pub(crate) const FOLDER: &str = "/etc/containerd/certs.d/registry.local-registry.svc.cluster.local_5000_";

/// What lets skopeo push without TLS.
pub(crate) const WITHOUT_TLS: &str = "--dest-tls-verify=false";

/// The command lines of the registry and of the agent.
pub(crate) const SERVER: [&str; 2] = ["/bin/registry", "serve"];
pub(crate) const AGENT: [&str; 2] = ["/local-registry-sync", "node"];

/// The user `builder` with the password `secret`, as htpasswd writes it (bcrypt).
const HTPASSWD: &str = "builder:$2a$04$ntmYECloq4o9Yjzy/.tVmedvGZ3Xx/N/8uxGssKEUaB0Rjb4gqYjC";

/// The node, and which kit it has.
pub(crate) struct Kit {
    pub(crate) node: Node,
    /// Whom the registry has its certificate from, if it has one.
    pub(crate) authority: Authority,
    /// Where the registry with the component `s3` keeps its images.
    bucket: Option<Bucket>,
    components: Option<Vec<&'static str>>,
}

/// The shared node, with these components of the kit. A scenario has it for itself.
pub(crate) fn with(components: &[&'static str]) -> Held {
    static KIT: LazyLock<Mutex<Kit>> = LazyLock::new(|| Mutex::new(Kit::start()));
    // A scenario that failed poisons the lock. The next one applies the kit again.
    let (mut kit, failed) = match KIT.lock() {
        Ok(kit) => (kit, false),
        Err(poisoned) => (poisoned.into_inner(), true),
    };
    KIT.clear_poison();
    if failed {
        kit.recover();
    }
    if failed || kit.components.as_deref() != Some(components) {
        kit.apply(components);
    }
    Held(kit)
}

/// The shared node, while a scenario has it. If the scenario fails, it shows what happened there.
pub(crate) struct Held(MutexGuard<'static, Kit>);

impl Deref for Held {
    type Target = Kit;

    fn deref(&self) -> &Kit {
        &self.0
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Kit {
        &mut self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for arguments in [
                "get pods --all-namespaces --output=wide",
                "get events --all-namespaces --sort-by=.lastTimestamp",
                "logs --namespace=local-registry --selector=app.kubernetes.io/name=registry --all-containers --tail=20",
                "logs --namespace=local-registry-nodes --selector=app.kubernetes.io/name=local-registry-node --tail=30",
            ] {
                let arguments: Vec<&str> = arguments.split(' ').collect();
                let answer = self.node.kubectl.run(&arguments);
                eprintln!("--- kubectl {}\n{}{}", arguments.join(" "), answer.stdout, answer.stderr);
            }
        }
    }
}

impl Kit {
    fn start() -> Self {
        let registry = Image::named(&image_of("registry"))
            .with_file(&e2e::node::program("registry"), "/bin/registry")
            .running(&["/bin/registry"]);
        let agent = Image::named(&image_of("local-registry-sync"))
            .with_file(&e2e::node::static_sync(), "/local-registry-sync")
            // As `Dockerfile` does.
            .with_authorities()
            .running(&["/local-registry-sync"]);
        let node = Node::start(&[registry, agent]);
        let mut kit = Self { node, authority: Authority::named("registry"), bucket: None, components: None };
        kit.provide_volume();
        kit.apply(&[]);
        kit
    }

    /// The volume of the registry's claim, as a cluster's administrator provides one by hand.
    fn provide_volume(&self) {
        let folder = storage();
        std::fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::chown(&folder, Some(65532), Some(65532)).unwrap();
        let volume = json!({
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": "registry"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "capacity": {"storage": "100Gi"},
                "hostPath": {"path": folder},
                "persistentVolumeReclaimPolicy": "Retain",
            },
        });
        self.node.kubectl.ok_with(&["apply", "-f", "-"], &volume);
    }

    /// Applies the kit with these components, and waits until it is ready.
    fn apply(&mut self, components: &[&'static str]) {
        self.components = None;
        for component in components {
            self.prepare(component);
        }
        let folders: Vec<String> = components.iter().map(|name| format!("deploy/registry/{name}")).collect();
        self.kustomize("apply", "deploy/registry", &folders);
        if components.contains(&"tls") {
            self.certify(components);
        }
        self.ready();
        self.components = Some(components.to_vec());
    }

    /// Takes the kit away, and what its agent has written. The next scenario applies it anew.
    pub(crate) fn remove(&mut self) {
        self.components = None;
        self.kustomize("delete", "deploy/registry", &[]);
        // The clean-up of deploy/nodes-clean-up has a scenario of its own.
        std::fs::remove_dir_all(FOLDERS).unwrap();
        // A volume that had a claim is for no other one.
        self.node.kubectl.ok(&["delete", "persistentvolume", "registry"]);
        self.provide_volume();
    }

    /// Ends what a scenario that failed has left undone.
    fn recover(&mut self) {
        self.node.containerd.restart(ONE_FOLDER);
        for agent in Node::processes(&AGENT) {
            signal(agent, "CONT");
        }
        if self.node.kubectl.run(&["get", "--raw=/readyz"]).code != Some(0) {
            self.node.control_plane.start_api_server();
        }
    }

    /// Makes what a component needs before it is applied.
    fn prepare(&mut self, component: &str) {
        match component {
            "s3" => self.provide_bucket(),
            "auth" => self.secret("registry-htpasswd", json!({"htpasswd": HTPASSWD})),
            "tls" => self.trust(&self.authority),
            _ => {}
        }
    }

    /// A bucket, and the Secret with its credentials, made as `examples/registry/s3.env` says.
    fn provide_bucket(&mut self) {
        let bucket = self.bucket.get_or_insert_with(Bucket::start);
        let value = |key: &str| match key {
            "REGISTRY_STORAGE_S3_BUCKET" => Some(bucket.name),
            "REGISTRY_STORAGE_S3_ACCESSKEY" => Some(bucket.access_key),
            "REGISTRY_STORAGE_S3_SECRETKEY" => Some(bucket.secret_key),
            "REGISTRY_STORAGE_S3_REGIONENDPOINT" => Some(bucket.url.as_str()),
            "REGISTRY_HTTP_SECRET" => Some("one-for-both-replicas"),
            _ => None,
        };
        let line = |line: &str| match line.split_once('=') {
            Some((key, _)) if value(key).is_some() => format!("{key}={}\n", value(key).unwrap()),
            _ => format!("{line}\n"),
        };
        let filled_in: String = repository::text("examples/registry/s3.env").lines().map(line).collect();
        let file = self.node.control_plane.file("s3.env");
        std::fs::write(&file, filled_in).unwrap();
        let secret = ["secret", "generic", "registry-s3", "--namespace=local-registry"];
        self.node.kubectl.ok(&["delete", "secret", "registry-s3", "--namespace=local-registry", "--ignore-not-found"]);
        let file = format!("--from-env-file={}", file.display());
        self.node.kubectl.ok(&[&["create"], &secret[..], &[&file]].concat());
    }

    /// Makes the registry's certificate, as cert-manager would do. The registry waits for it.
    fn certify(&self, components: &[&str]) {
        let mut addresses = vec!["registry.local-registry.svc.cluster.local".to_owned(), self.address("registry")];
        if components.contains(&"auth") {
            addresses.push(self.address("registry-read-only"));
        }
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let issued = self.authority.issue(&addresses);
        let data = json!({"tls.crt": issued.certificate, "tls.key": issued.key, "ca.crt": self.authority.pem()});
        self.secret("registry-tls", data);
    }

    /// A Secret of the registry.
    fn secret(&self, name: &str, data: Value) {
        let metadata = json!({"name": name, "namespace": "local-registry"});
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data});
        self.node.kubectl.ok_with(&["apply", "-f", "-"], &secret);
    }

    /// Gives the agents the certificate of this authority.
    pub(crate) fn trust(&self, authority: &Authority) {
        let metadata = json!({"name": "registry-ca", "namespace": "local-registry-nodes"});
        let data = json!({"ca.crt": authority.pem()});
        let config_map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
        self.node.kubectl.ok_with(&["apply", "-f", "-"], &config_map);
    }

    /// Applies or deletes a folder of `deploy/` with these components, as a user's own overlay.
    pub(crate) fn kustomize(&self, verb: &str, folder: &str, components: &[String]) {
        let overlay = self.node.control_plane.file("overlay");
        std::fs::create_dir_all(&overlay).unwrap();
        let path = |folder: &str| relative(&overlay, &root().join(folder));
        let registry = image_of("registry");
        let (name, tag) = registry.rsplit_once(':').unwrap();
        let arguments = "/spec/template/spec/containers/0/args/-";
        // The images of this node have no digest that a manifest could know, as in a user's private mirror.
        let kustomization = json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [path(folder)],
            "components": components.iter().map(|folder| path(folder)).collect::<Vec<String>>(),
            "images": [{"name": name, "newTag": tag}],
            // This cluster has no cert-manager.
            "patches": [
                {
                    "target": {"group": "cert-manager.io"},
                    "patch": "$patch: delete\napiVersion: v1\nkind: Any\nmetadata: {name: any}\n",
                },
                // A minute between two looks would be most of what these scenarios take.
                {
                    "target": {"kind": "DaemonSet", "name": "local-registry-node"},
                    "patch": json!([{"op": "add", "path": arguments, "value": "--resync=2"}]).to_string(),
                },
            ],
        });
        std::fs::write(overlay.join("kustomization.yaml"), kustomization.to_string()).unwrap();
        self.node.kubectl.ok(&[verb, "-k", overlay.to_str().unwrap()]);
    }

    /// Waits until the registry and the agent are ready.
    pub(crate) fn ready(&self) {
        self.rolled_out("deployment/registry", "local-registry");
        self.rolled_out("daemonset/local-registry-node", "local-registry-nodes");
    }

    /// Waits until this object's pods are those of its newest version.
    pub(crate) fn rolled_out(&self, object: &str, namespace: &str) {
        let wait = ["rollout", "status", object, "--namespace", namespace, "--timeout=120s"];
        let answer = self.node.kubectl.run(&wait);
        if answer.code != Some(0) {
            let pods = self.node.kubectl.run(&["describe", "pods", "--namespace", namespace]);
            panic!("{object}: {}\n{}", answer.stderr, pods.stdout);
        }
    }

    /// Pushes an image from a pod, without a password and without TLS. The path is that below the registry's name.
    pub(crate) fn push(&self, image: &Image, path: &str) -> String {
        let name = format!("{REGISTRY}/{path}");
        self.node.push(image, &name, &[WITHOUT_TLS]).ok();
        name
    }

    /// Runs `local-registry-sync check` as the cluster's administrator.
    pub(crate) fn check(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new(e2e::node::static_sync());
        command.arg("check").args(arguments).env("KUBECONFIG", self.node.kubectl.kubeconfig());
        Answer::run(&mut command, "")
    }

    /// The address of a Service of the registry.
    pub(crate) fn address(&self, service: &str) -> String {
        let get = ["get", "service", service, "--namespace=local-registry", "--output=jsonpath={.spec.clusterIP}"];
        self.node.kubectl.ok(&get)
    }

    /// The agent's pod.
    pub(crate) fn agent(&self) -> String {
        let pods = [
            "get",
            "pods",
            "--namespace=local-registry-nodes",
            "--selector=app.kubernetes.io/name=local-registry-node",
            "--field-selector=status.phase=Running",
        ];
        let pods = self.node.kubectl.json(&pods);
        pods["items"][0]["metadata"]["name"].as_str().unwrap().to_owned()
    }

    /// The agent's last report.
    pub(crate) fn report(&self) -> Value {
        let namespace = "/api/v1/namespaces/local-registry-nodes";
        let path = format!("{namespace}/pods/{}:8080/proxy/report", self.agent());
        eventually("the agent's report", || {
            let answer = self.node.kubectl.run(&["get", "--raw", &path]);
            serde_json::from_str(&answer.stdout).ok()
        })
    }

    /// Waits until the agent reports something.
    pub(crate) fn reports(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("the agent to report {what}"), || Some(self.report()).filter(|report| holds(report)))
    }

    /// The notes of the Events about the node with this reason.
    pub(crate) fn events(&self, reason: &str) -> Vec<String> {
        let events = self.node.kubectl.json(&["get", "events.events.k8s.io", "--namespace=default"]);
        let about = events["items"].as_array().unwrap().iter().filter(|event| {
            event["regarding"]["kind"] == "Node" && event["regarding"]["name"] == "node" && event["reason"] == reason
        });
        about.map(|event| event["note"].as_str().unwrap().to_owned()).collect()
    }
}

/// An image that says hello.
pub(crate) fn hello() -> Image {
    saying("hello")
}

/// An image that says this word. Images that say different words share their layer, and nothing else.
pub(crate) fn saying(word: &str) -> Image {
    Image::named(&format!("node.example/saying:{word}")).with_busybox().running(&["/bin/echo", word])
}

/// An image of the node's own, to be imported. No registry has it: a kubelet that has pulled the same image by a registry's name
/// does not take another name's word for it, and tries to pull that, too.
pub(crate) fn imported() -> Image {
    Image::named("node.example/imported:v1").with_busybox().running(&["/bin/true"])
}

/// The folder of the registry's volume.
pub(crate) fn storage() -> PathBuf {
    Node::disk().join("registry")
}

/// An image's name and tag in `deploy/images`, without its digest.
pub(crate) fn image_of(name: &str) -> String {
    let images = repository::read("deploy/images/kustomization.yaml");
    let image = images["images"].as_array().unwrap().iter().find(|image| image["name"] == name).unwrap();
    format!("{}:{}", image["newName"].as_str().unwrap(), image["newTag"].as_str().unwrap())
}

/// The way from one absolute path to another. Kustomize takes no absolute path.
fn relative(from: &Path, to: &Path) -> String {
    let up = "../".repeat(from.components().count() - 1);
    format!("{up}{}", to.strip_prefix("/").unwrap().display())
}
