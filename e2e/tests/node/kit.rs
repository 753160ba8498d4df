//! The node that the scenarios share, with the registry of the chart.

use std::net::TcpStream;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{LazyLock, Mutex, MutexGuard};

use e2e::node::{Bucket, Image, Node, ONE_FOLDER};
use e2e::{Answer, Authority, Chart, eventually, signal, values};
use local_registry_testkit::repository;
use serde_json::{Value, json};

use crate::admission;
use crate::builds::QUAY;

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

/// What lets skopeo push to the registry with `auth`.
pub(crate) const CREDENTIALS: &str = "--dest-creds=builder:secret";

/// The command lines of the registry and of the agent.
pub(crate) const SERVER: [&str; 2] = ["/bin/registry", "serve"];
pub(crate) const AGENT: [&str; 2] = ["/local-registry-sync", "node"];

/// The user `builder` with the password `secret`, as htpasswd writes it (bcrypt).
const HTPASSWD: &str = "builder:$2a$04$ntmYECloq4o9Yjzy/.tVmedvGZ3Xx/N/8uxGssKEUaB0Rjb4gqYjC";

/// The node, and which kit it has.
pub(crate) struct Kit {
    pub(crate) node: Node,
    chart: Chart,
    /// Whom the registry has its certificate from, if it has one.
    pub(crate) authority: Authority,
    /// Where the registry with the part `s3` keeps its images.
    bucket: Option<Bucket>,
    /// The parts that are installed beside the usual ones.
    parts: Option<Vec<&'static str>>,
    /// The registry's values with these parts.
    registry: Value,
    /// The values of the policies in the same release, if a scenario has installed them.
    policies: Mutex<Value>,
}

/// The shared node, and on it the registry with these parts: `s3`, `auth`, `tenants` and `tls`. A scenario has it for itself.
pub(crate) fn with(parts: &[&'static str]) -> Held {
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
    if failed || kit.parts.as_deref() != Some(parts) {
        kit.apply(parts);
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
                "logs --namespace=local-registry --selector=app.kubernetes.io/name=local-registry-sync --tail=20",
                "logs --namespace=local-registry --selector=app.kubernetes.io/name=registry-token --tail=20",
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
        let registry = Image::named(&registry_image())
            .with_file(&e2e::node::program("registry"), "/bin/registry")
            .running(&["/bin/registry"]);
        let agent = Image::named(&sync_image())
            .with_file(&e2e::node::static_sync(), "/local-registry-sync")
            // As `Dockerfile` does.
            .with_authorities()
            .running(&["/local-registry-sync"]);
        let node = Node::start(&[registry, agent]);
        let chart = Chart::of("4", &node.kubectl);
        let (authority, policies) = (Authority::named("registry"), Mutex::new(json!({})));
        let mut kit = Self { node, chart, authority, bucket: None, parts: None, registry: json!({}), policies };
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

    /// Installs the kit with these parts, and waits until it is ready.
    fn apply(&mut self, parts: &[&'static str]) {
        self.parts = None;
        let mut registry = json!({});
        for part in parts {
            self.prepare(part, &mut registry);
        }
        self.registry = registry;
        self.repair();
        if parts.contains(&"tls") {
            self.certify(parts);
        }
        self.ready();
        if parts.contains(&"tenants") {
            self.provide_account_of_builder();
        }
        self.parts = Some(parts.to_vec());
    }

    /// The values of the kit with its parts, and with the policies as they are.
    fn values(&self) -> Value {
        let with_parts = values::merged(usual(), json!({"registry": self.registry}));
        values::merged(with_parts, self.policies.lock().unwrap().clone())
    }

    /// The registry's values as they are.
    pub(crate) fn registry_values(&self) -> Value {
        self.values()["registry"].clone()
    }

    /// Installs the kit as it should be, whatever was done to its objects.
    pub(crate) fn repair(&self) {
        self.chart.force(&self.values());
    }

    /// Tries to upgrade the kit to one with the policies of these values.
    pub(crate) fn install_policies(&self, values: &Value) -> Answer {
        *self.policies.lock().unwrap() = values.clone();
        self.chart.try_install(&self.values(), &["--force-conflicts"])
    }

    /// Upgrades the kit to one without policies.
    pub(crate) fn remove_policies(&self) {
        self.install_policies(&json!({})).ok(&["upgrade"]);
    }

    /// Runs the release's own test, `check`.
    pub(crate) fn test(&self) -> Answer {
        self.chart.test()
    }

    /// Installs the kit with another value, which this JSON pointer leads to.
    pub(crate) fn install_with(&self, pointer: &str, value: Value) {
        let mut values = self.values();
        *values.pointer_mut(pointer).unwrap() = value;
        self.chart.force(&values);
    }

    /// Takes the kit away, and with it what its agent has written. The next scenario applies it anew.
    pub(crate) fn remove(&mut self) {
        self.parts = None;
        self.policies = Mutex::new(json!({}));
        self.chart.uninstall();
        // The images stay, until somebody deletes their claim.
        self.node.kubectl.ok(&["delete", "persistentvolumeclaim", "registry", "--namespace=local-registry"]);
        self.node.kubectl.ok(&["delete", "namespace", "local-registry"]);
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
        // With what an unlabelled namespace lacks, these would refuse the next scenario's builds.
        self.policies = Mutex::new(json!({}));
        admission::forget(self);
        let _ = self.node.kubectl.run(&["label", "namespace", "team", "other", "local-registry-hosting/push-"]);
        let _ = std::fs::remove_dir_all(QUAY);
    }

    /// Makes what a part needs before it is installed, and sets its values.
    fn prepare(&mut self, part: &str, registry: &mut Value) {
        match part {
            "s3" => registry["storage"] = json!({"type": "s3", "s3": self.provide_bucket()}),
            "auth" => {
                self.secret("registry-htpasswd", json!({"htpasswd": HTPASSWD}));
                registry["auth"] = json!({"enabled": true});
            }
            "tenants" => registry["tenants"] = json!({"enabled": true}),
            "tls" => {
                self.trust(&self.authority);
                // This cluster has no cert-manager.
                registry["tls"] = json!({"enabled": true, "certManager": false});
            }
            _ => panic!("{part}: no part of the kit"),
        }
    }

    /// A bucket, and the Secret with its credentials, made as `examples/registry/s3.env` says. Returns the values that name it.
    fn provide_bucket(&mut self) -> Value {
        let bucket = self.bucket.get_or_insert_with(Bucket::start);
        let value = |key: &str| match key {
            "REGISTRY_STORAGE_S3_ACCESSKEY" => Some(bucket.access_key),
            "REGISTRY_STORAGE_S3_SECRETKEY" => Some(bucket.secret_key),
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
        json!({"bucket": bucket.name, "endpoint": bucket.url})
    }

    /// Makes the registry's certificate, as cert-manager would do. The registry waits for it.
    fn certify(&self, parts: &[&str]) {
        let mut addresses = vec!["registry.local-registry.svc.cluster.local".to_owned(), self.address("registry")];
        if self.asks() {
            addresses.push(self.address("registry-read-only"));
        }
        if parts.contains(&"tenants") {
            addresses.push("registry-token.local-registry.svc.cluster.local".to_owned());
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

    /// Waits until the registry and the agent are ready.
    pub(crate) fn ready(&self) {
        self.registry_ready();
        self.rolled_out("daemonset/local-registry-node", "local-registry-nodes");
    }

    /// Waits until the registry runs as it was installed last, and its Service leads there: kube-proxy learns of a new pod a moment
    /// later than the Deployment.
    pub(crate) fn registry_ready(&self) {
        self.rolled_out("deployment/registry", "local-registry");
        if !self.registry["tenants"].is_null() {
            self.rolled_out("deployment/registry-token", "local-registry");
        }
        let address = format!("{}:5000", self.address("registry"));
        eventually("the Service to lead to the registry", || TcpStream::connect(&address).ok());
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

    /// Pushes an image from a pod, without TLS. The path is that below the registry's name.
    pub(crate) fn push(&self, image: &Image, path: &str) -> String {
        let name = format!("{REGISTRY}/{path}");
        let mut options = vec![WITHOUT_TLS];
        let builder = self.builder();
        options.extend(builder.as_deref());
        self.node.push(image, &name, &options).ok();
        name
    }

    /// An account that may push everything.
    fn provide_account_of_builder(&self) {
        let kubectl = &self.node.kubectl;
        let account = ["serviceaccount", "builder", "--namespace=default"];
        if kubectl.run(&[&["get"], &account[..]].concat()).code != Some(0) {
            kubectl.ok(&[&["create"], &account[..]].concat());
            let role = ["--clusterrole=local-registry-push", "--serviceaccount=default:builder"];
            kubectl.ok(&[&["create", "clusterrolebinding", "builder"], &role[..]].concat());
        }
    }

    /// What lets skopeo push whatever it wants to, if the registry asks who it is.
    pub(crate) fn builder(&self) -> Option<String> {
        if self.has("tenants") {
            return Some(self.credentials("default", "builder"));
        }
        self.has("auth").then(|| CREDENTIALS.to_owned())
    }

    /// What lets skopeo push as this ServiceAccount, to the registry with `tenants`.
    pub(crate) fn credentials(&self, namespace: &str, account: &str) -> String {
        format!("--dest-creds=builder:{}", self.password(namespace, account))
    }

    /// A token of this ServiceAccount for the registry with `tenants`.
    pub(crate) fn password(&self, namespace: &str, account: &str) -> String {
        self.node.kubectl.ok(&["create", "token", account, "--namespace", namespace, "--audience=local-registry"])
    }

    /// Where nodes pull without a password.
    pub(crate) fn address_for_pulls(&self) -> String {
        self.address(if self.asks() { "registry-read-only" } else { "registry" })
    }

    /// Whether the registry asks who pushes.
    fn asks(&self) -> bool {
        ["auth", "tenants"].iter().any(|part| !self.registry[part].is_null())
    }

    /// Whether it is installed with this part.
    pub(crate) fn has(&self, part: &str) -> bool {
        self.parts.iter().flatten().any(|known| *known == part)
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

/// The registry's image in the chart's values, without its digest.
pub(crate) fn registry_image() -> String {
    let image = &repository::read("charts/local-registry/values.yaml")["registry"]["image"];
    format!("{}:{}", image["repository"].as_str().unwrap(), image["tag"].as_str().unwrap())
}

/// The image of local-registry-sync in the chart.
fn sync_image() -> String {
    let repository = &repository::read("charts/local-registry/values.yaml")["image"]["repository"];
    let version = &repository::read("charts/local-registry/Chart.yaml")["appVersion"];
    format!("{}:v{}", repository.as_str().unwrap(), version.as_str().unwrap())
}

/// The values of the usual kit.
fn usual() -> Value {
    json!({
        // Not every scenario has Kubewarden.
        "policy": {"enabled": false},
        "registry": {
            "enabled": true,
            // The images of this node have no digest that a chart could know, as in a user's private mirror.
            "image": {"digest": ""},
            "delete": false,
            "garbageCollection": {"enabled": false},
        },
        // A minute between two looks would be most of what these scenarios take.
        "nodes": {"resync": 2, "cleanUp": false},
    })
}
