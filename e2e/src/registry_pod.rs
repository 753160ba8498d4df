//! The registry's pod as the chart renders it, on this machine: each of its containers is a process on loopback. Of all that Kubernetes
//! does for a pod, there is what the registry sees: its arguments, its variables and its files.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::chart::Chart;
use crate::process::{Process, eventually, free_port};
use crate::programs;

/// Secrets by their names, each with its keys. An operator makes them, or another program: the chart only names them.
pub type Secrets = BTreeMap<String, BTreeMap<String, String>>;

/// The pod. Its volumes are removed with it.
pub struct RegistryPod {
    objects: Vec<Value>,
    secrets: Secrets,
    /// A folder for each volume.
    volumes: TempDir,
}

/// A container of the pod. It ends with the test.
pub struct RegistryContainer {
    /// Host and port of the registry.
    pub host: String,
    _process: Process,
}

impl RegistryPod {
    /// The pod that the chart renders with these values. Its volumes are filled, and nothing runs yet.
    #[must_use]
    pub fn rendered(values: &Value, secrets: Secrets) -> Self {
        let objects = Chart::alone("4").objects(values);
        let pod = Self { objects, secrets, volumes: tempfile::tempdir().unwrap() };
        for volume in list(&pod.spec()["volumes"]) {
            pod.fill(volume);
        }
        pod
    }

    /// Starts this container, and waits until it listens.
    #[must_use]
    pub fn start(&self, name: &str) -> RegistryContainer {
        let containers = list(&self.spec()["containers"]);
        let container = containers.iter().find(|container| container["name"] == name);
        let container = container.unwrap_or_else(|| panic!("the chart renders no container `{name}`"));
        let [program, arguments @ ..] = list(&container["command"]) else { panic!("{name}: no command") };
        assert_eq!(program, "/bin/registry", "{name}: another program");
        let mut command = Command::new(programs::node("registry"));
        // No variable of this machine may configure it.
        command.env_clear().envs(self.variables(container));
        command.args(arguments.iter().map(|argument| self.on_this_machine(container, text(argument))));
        let [host, metrics] = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
        command.env("REGISTRY_HTTP_ADDR", &host).env("REGISTRY_HTTP_DEBUG_ADDR", metrics);
        let mut process = Process::spawn(&mut command, &self.volumes.path().join(format!("{name}.log")));
        eventually("the registry to listen", || {
            assert!(process.runs(), "the registry has ended:\n{}", process.log());
            TcpStream::connect(&host).ok()
        });
        RegistryContainer { host, _process: process }
    }

    fn spec(&self) -> &Value {
        &self.object("Deployment", "registry")["spec"]["template"]["spec"]
    }

    fn object(&self, kind: &str, name: &str) -> &Value {
        let found = self.objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
        found.unwrap_or_else(|| panic!("the chart renders no {kind} `{name}`"))
    }

    fn secret(&self, name: &str) -> &BTreeMap<String, String> {
        self.secrets
            .get(name)
            .unwrap_or_else(|| panic!("the chart names the Secret `{name}`, which the test does not give"))
    }

    fn volume(&self, name: &str) -> PathBuf {
        self.volumes.path().join(name)
    }

    /// Makes the folder of a volume, with the files of its ConfigMap or Secret.
    fn fill(&self, volume: &Value) {
        let folder = self.volume(text(&volume["name"]));
        std::fs::create_dir_all(&folder).unwrap();
        let (source, files) = if let Some(name) = volume["configMap"]["name"].as_str() {
            let data = self.object("ConfigMap", name)["data"].as_object().unwrap();
            let files = data.iter().map(|(key, value)| (key.clone(), text(value).to_owned())).collect();
            (&volume["configMap"], files)
        } else if let Some(name) = volume["secret"]["secretName"].as_str() {
            (&volume["secret"], self.secret(name).clone())
        } else {
            return;
        };
        let keys: BTreeMap<&str, &str> = match source["items"].as_array() {
            Some(items) => items.iter().map(|item| (text(&item["key"]), text(&item["path"]))).collect(),
            None => files.keys().map(|key| (key.as_str(), key.as_str())).collect(),
        };
        for (key, path) in keys {
            std::fs::write(folder.join(path), &files[key]).unwrap();
        }
    }

    /// The variables of a container: those of whole Secrets first, since the others count before them.
    fn variables(&self, container: &Value) -> BTreeMap<String, String> {
        let whole = list(&container["envFrom"]).iter().map(|from| self.secret(text(&from["secretRef"]["name"])));
        let mut variables: BTreeMap<String, String> = whole.flat_map(BTreeMap::clone).collect();
        for variable in list(&container["env"]) {
            let value = match &variable["valueFrom"]["secretKeyRef"] {
                Value::Null => self.on_this_machine(container, text(&variable["value"])),
                key => self.secret(text(&key["name"]))[text(&key["key"])].clone(),
            };
            variables.insert(text(&variable["name"]).to_owned(), value);
        }
        variables
    }

    /// A value as it is here: a path in a volume is that of the volume's folder.
    fn on_this_machine(&self, container: &Value, value: &str) -> String {
        let mounted = list(&container["volumeMounts"]).iter().find_map(|mount| {
            let rest = value.strip_prefix(text(&mount["mountPath"]))?;
            let folder = self.volume(text(&mount["name"]));
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{}{rest}", folder.display()))
        });
        mounted.unwrap_or_else(|| value.to_owned())
    }
}

/// The elements of a list, of which there are none if it is not there.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}: not a text"))
}
