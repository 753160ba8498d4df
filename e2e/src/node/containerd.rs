//! containerd, as a node's container runtime, and the network of its pods.

use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use super::PODS;
use super::image::Image;
use crate::process::{Process, eventually};
use crate::programs;

/// Where the kubelet reaches it.
pub(super) const ENDPOINT: &str = "unix:///run/containerd/containerd.sock";
const SOCKET: &str = "/run/containerd/containerd.sock";
const CONFIGURATION: &str = "/etc/containerd/config.toml";

/// The setting that makes it read a `hosts.toml` for each registry.
pub const ONE_FOLDER: &str = "registry.config_path = '/etc/containerd/certs.d'";

/// A containerd that ends with the test.
pub struct Containerd {
    process: Option<Process>,
    folder: TempDir,
}

impl Containerd {
    /// Starts it with the configuration `/etc/containerd/config.toml`, which it writes, and waits until it answers.
    #[must_use]
    pub(super) fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let network = folder.path().join("network");
        std::fs::create_dir(&network).unwrap();
        std::fs::write(network.join("pods.conflist"), pod_network()).unwrap();
        let mut containerd = Self { process: None, folder };
        containerd.restart(settings);
        containerd
    }

    /// Ends it, and starts it with these lines in its configuration of images. Containers keep running.
    pub fn restart(&mut self, settings: &str) {
        std::fs::create_dir_all("/etc/containerd").unwrap();
        std::fs::write(CONFIGURATION, self.configuration(settings)).unwrap();
        self.process = None;
        let shim = programs::node("containerd-shim-runc-v2");
        let path = format!("{}:{}", shim.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(programs::node("containerd"));
        command.env("PATH", path).args(["--config", CONFIGURATION]);
        let mut process = Process::spawn(&mut command, &self.folder.path().join("containerd.log"));
        eventually("containerd to answer", || {
            assert!(process.runs(), "containerd has ended:\n{}", process.log());
            self.ctr(&["version"]).output().unwrap().status.success().then_some(())
        });
        self.process = Some(process);
    }

    fn configuration(&self, settings: &str) -> String {
        // Raising a container's chance to be killed takes a capability that root in a container may lack. A profile of
        // AppArmor would be loaded for the whole machine.
        format!(
            "version = 3
root = '{root}'
state = '/run/containerd'
[plugins.'io.containerd.cri.v1.images']
snapshotter = 'overlayfs'
pinned_images.sandbox = '{sandbox}'
{settings}
[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
disable_apparmor = true
cni.bin_dirs = ['{plugins}']
cni.conf_dir = '{network}'
",
            root = self.folder.path().join("root").display(),
            sandbox = super::image::SANDBOX,
            plugins = programs::node("bridge").parent().unwrap().display(),
            network = self.folder.path().join("network").display(),
        )
    }

    /// Stores an image, as a node has it that was built with the image.
    pub fn import(&self, image: &Image) {
        // Several may be imported at once. Removing the archive at the end keeps memory free.
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        let archive = folder.path().join("image.tar");
        image.write(&archive);
        let output = self.ctr(&["images", "import", "--local"]).arg(&archive).output().unwrap();
        assert!(output.status.success(), "{}: {}", image.name(), String::from_utf8_lossy(&output.stderr));
    }

    /// Its client, for the images and containers of Kubernetes.
    #[must_use]
    pub fn ctr(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(programs::node("ctr"));
        command.args(["--address", SOCKET, "--namespace", "k8s.io"]).args(arguments);
        command.stdin(Stdio::null());
        command
    }
}

/// What containerd's CNI reads: pods on a bridge, and their host ports.
fn pod_network() -> String {
    json!({
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "pods0",
                "isGateway": true,
                "ipMasq": true,
                "hairpinMode": true,
                "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]},
            },
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    })
    .to_string()
}
