//! The real Kubewarden, in place of the stand-in.

use std::io::Write;
use std::sync::Mutex;
use std::time::Instant;

use e2e::node::Release;
use e2e::{eventually, values};
use serde_json::json;

use super::dry_run;
use crate::admission::{self, Admission};
use crate::builds;
use crate::kit::{self, Held, Kit, REGISTRY};

/// Where the policy's module is pushed, and its tag.
const MODULE: &str = "local-registry-policy";
const TAG: &str = "v1";

/// A release, as what installs Kubewarden and serves the policies.
pub(super) struct Real {
    pub(super) release: Release,
}

impl Real {
    /// The newest release in the folder. Without it, the scenario is left out.
    pub(super) fn newest(scenario: &str) -> Option<Self> {
        Self::of(scenario, Release::all("kubewarden").pop())
    }

    /// The newest release, with the node on which it serves the policies.
    pub(super) fn newest_ready(scenario: &str) -> Option<(Self, Held)> {
        let real = Self::newest(scenario)?;
        let kit = kit::with(&[]);
        real.ready(&kit);
        Some((real, kit))
    }

    pub(super) fn of(scenario: &str, release: Option<Release>) -> Option<Self> {
        let lacks = release.as_ref().map_or_else(
            || vec!["a folder `kubewarden-VERSION` in PROGRAMS".to_owned()],
            |release| release.lacks(&["kubewarden-controller", "policy-server", "kwctl"]),
        );
        if lacks.is_empty() {
            return release.map(|release| Self { release });
        }
        leave_out(scenario, &lacks.join(", "));
        None
    }

    /// Installs this release with the policies, unless that is done, and waits until they are served.
    pub(super) fn ready(&self, kit: &Kit) {
        builds::install_projects(kit);
        self.install(kit);
        self.apply(kit);
        self.serve(kit, REGISTRY);
    }
}

impl Admission for Real {
    fn install(&self, kit: &Kit) {
        static INSTALLED: Mutex<Option<String>> = Mutex::new(None);
        let mut installed = INSTALLED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if installed.as_ref() != Some(&self.release.version) {
            let started = Instant::now();
            kit.node.install_kubewarden(&self.release, REGISTRY);
            let seconds = started.elapsed().as_secs_f64();
            println!("number: Kubewarden {} is installed after {seconds:.1} s", self.release.version);
            *installed = Some(self.release.version.clone());
        }
    }

    fn apply(&self, kit: &Kit) {
        self.push_module(kit);
        let module = json!({"policy": {"module": {"repository": format!("{REGISTRY}/{MODULE}"), "tag": TAG}}});
        let policies = values::merged(admission::policies(), module);
        // The controller's webhooks may not be reachable yet.
        eventually("the policies to be installed", || (kit.install_policies(&policies).code == Some(0)).then_some(()));
    }

    /// As docs/install.md waits.
    fn serve(&self, kit: &Kit, host: &str) {
        drop(admission::with_host(kit, host));
        let expected = format!("{host}/team/ready");
        eventually("the policy server to put the host in front", || {
            (dry_run(kit).as_ref() == Ok(&expected)).then_some(())
        });
        kit.node.policy_server_rolled();
        for name in ["local-registry", "local-registry-workloads"] {
            let wait = ["wait", "--for=condition=PolicyUniquelyReachable", "clusteradmissionpolicy", name];
            eventually(&format!("the policy {name} to be reachable"), || {
                (kit.node.kubectl.run(&[&wait[..], &["--timeout=10s"]].concat()).code == Some(0)).then_some(())
            });
        }
    }
}

impl Real {
    /// Pushes the annotated module into the kit's registry, by `kwctl` on the machine.
    fn push_module(&self, kit: &Kit) {
        let file = |name: &str| kit.node.control_plane.file(name);
        let (module, sources) = (file("annotated.wasm"), file("sources.yaml"));
        let registry = format!("{}:5000", kit.address("registry"));
        std::fs::write(&sources, json!({"insecure_sources": [registry]}).to_string()).unwrap();
        let built = std::env::var("POLICY_WASM").unwrap();
        let [module, sources] = [&module, &sources].map(|path| path.to_str().unwrap());
        let annotate = [
            "annotate",
            &built,
            "--metadata-path=policy-metadata/metadata.yml",
            "--usage-path=policy-metadata/usage.md",
            "--output-path",
            module,
        ];
        self.release.kwctl(&annotate).ok(&annotate);
        let target = format!("registry://{registry}/{MODULE}:{TAG}");
        let push = ["push", "--sources-path", sources, module, &target];
        self.release.kwctl(&push).ok(&push);
    }
}

/// Notes a scenario that cannot run, for the end.
pub(super) fn leave_out(scenario: &str, lacks: &str) {
    let path = std::env::var("LEFT_OUT").expect("LEFT_OUT: not set; `make e2e-real` sets it");
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    let line = format!("{scenario}: missing: {lacks}");
    println!("left out: {line}");
    writeln!(file, "{line}").unwrap();
}
