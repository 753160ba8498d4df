//! CRI-O's drop-in as skopeo reads it: both use the same library for it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use e2e::node::{Image, program};
use e2e::{Process, eventually, free_port};
use local_registry_core::registry::{RegistryUrl, Scheme};
use local_registry_node::runtime::{Name, Runtime, Target, contents};

const NAME: &str = "registry.local-registry.svc.cluster.local:5000";

/// A registry on this machine that speaks plain HTTP, with the image `team/app:v1`.
struct Registry {
    _process: Process,
    address: String,
    folder: tempfile::TempDir,
}

impl Registry {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let config = folder.path().join("config.yml");
        let storage = folder.path().join("storage");
        fs::write(
            &config,
            format!(
                "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{address}\"}}\n",
                storage.display()
            ),
        )
        .unwrap();
        let mut command = Command::new(program("registry"));
        command.arg("serve").arg(&config).env("OTEL_TRACES_EXPORTER", "none");
        let process = Process::spawn(&mut command, &folder.path().join("log"));
        let archive = folder.path().join("image.tar");
        Image::named("team/app:v1").with_file(&config, "/config.yml").running(&["/x"]).write(&archive);
        let registry = Self { _process: process, address, folder };
        fs::create_dir_all(registry.drop_ins()).unwrap();
        let source = format!("oci-archive:{}", archive.display());
        let target = format!("docker://{}/team/app:v1", registry.address);
        eventually("the registry to take an image", || {
            registry.skopeo(&["copy", "--dest-tls-verify=false", &source, &target]).status.success().then_some(())
        });
        registry
    }

    fn drop_ins(&self) -> PathBuf {
        self.folder.path().join(".config/containers/registries.conf.d")
    }

    /// Writes the agent's drop-in, which leads the name to the registry.
    fn write(&self, scheme: Scheme) {
        let url = RegistryUrl { scheme, host: self.address.parse().unwrap() };
        self.write_target(Target::Registry { url: &url, has_ca: false });
    }

    fn write_target(&self, target: Target<'_>) {
        self.write_about(&NAME.parse().unwrap(), target);
    }

    fn write_about(&self, name: &Name, target: Target<'_>) {
        let text = contents(Runtime::CriO, name, target);
        fs::write(self.drop_ins().join("local-registry.conf"), text).unwrap();
    }

    /// Runs skopeo as a user whose drop-ins these are. It reads them as it reads those of the system.
    fn skopeo(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("skopeo");
        command.env("HOME", self.folder.path()).env_remove("XDG_CONFIG_HOME");
        command.arg("--insecure-policy").args(arguments);
        command.output().expect("skopeo: install it with your system's packages")
    }

    /// What skopeo says of the image, by the declared name.
    fn inspect(&self) -> Result<serde_json::Value, String> {
        self.inspect_by(NAME)
    }

    fn inspect_by(&self, name: &str) -> Result<serde_json::Value, String> {
        let output = self.skopeo(&["inspect", "--raw", &format!("docker://{name}/team/app:v1")]);
        if output.status.success() {
            Ok(serde_json::from_slice(&output.stdout).unwrap())
        } else {
            Err(String::from_utf8(output.stderr).unwrap())
        }
    }
}

#[test]
fn skopeo_pulls_from_where_the_drop_in_leads() {
    let registry = Registry::start();
    let without = registry.inspect().unwrap_err();
    assert!(without.contains("registry.local-registry.svc.cluster.local"), "{without}");

    registry.write(Scheme::Http);
    assert_eq!(registry.inspect().unwrap()["schemaVersion"], 2);

    registry.write(Scheme::Https);
    let verified = registry.inspect().unwrap_err();
    assert!(verified.contains("server gave HTTP response to HTTPS client"), "{verified}");
}

#[test]
fn skopeo_pulls_by_the_portable_name() {
    let registry = Registry::start();
    let url = RegistryUrl { scheme: Scheme::Http, host: registry.address.parse().unwrap() };
    let name = Name::portable(NAME.parse().unwrap());
    registry.write_about(&name, Target::Registry { url: &url, has_ca: false });
    assert_eq!(registry.inspect_by("local-registry:5000").unwrap()["schemaVersion"], 2);
    // The name that it stands for has a file of its own.
    registry.inspect().unwrap_err();
    registry.write_about(&name, Target::Nowhere);
    let blocked = registry.inspect_by("local-registry:5000").unwrap_err();
    assert!(blocked.contains("is blocked in"), "{blocked}");
}

#[test]
fn the_drop_in_of_others_counts_as_the_agent_reads_it() {
    let registry = Registry::start();
    registry.write(Scheme::Http);
    // Of two entries for a prefix, the file that is read later wins. The agent writes none beside one of others.
    let other = format!("[[registry]]\nprefix = \"{NAME}\"\nlocation = \"127.0.0.1:1\"\n");
    fs::write(registry.drop_ins().join("zz.conf"), other).unwrap();
    assert!(registry.inspect().is_err());
}

#[test]
fn what_leads_to_nowhere_is_blocked() {
    let registry = Registry::start();
    registry.write_target(Target::Nowhere);
    let blocked = registry.inspect().unwrap_err();
    assert!(blocked.contains("is blocked in"), "{blocked}");
}

#[test]
fn an_ipv6_address_cannot_be_read() {
    let registry = Registry::start();
    let url = RegistryUrl { scheme: Scheme::Http, host: "[fd00::5]:5000".parse().unwrap() };
    registry.write_target(Target::Registry { url: &url, has_ca: false });
    let error = registry.inspect().unwrap_err();
    assert!(error.contains("invalid reference format") || error.contains("error rewriting"), "{error}");
}
