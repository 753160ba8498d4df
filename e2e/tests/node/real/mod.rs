//! The real Kubewarden: its controller, its policy server and its `kwctl`, from the folder that `PROGRAMS` names.
//!
//! `make e2e-real` runs these scenarios, and `make e2e-node` does not. A scenario that lacks a program is left out, and
//! says so at the end.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use e2e::eventually;
use e2e::node::Release;
use serde_json::{Value, json};

use crate::admission::{self, Admission};
use crate::builds;
use crate::chain;
use crate::kit::{self, Kit, REGISTRY};

/// The namespace of Kubewarden.
const NAMESPACE: &str = "kubewarden";
const CONTROLLER: &str = "deployment/kubewarden-controller";
const WEBHOOK: &str = "clusterwide-local-registry";

/// Where the policy's module is pushed.
const MODULE: &str = "local-registry-policy:v1";

struct Real {
    release: Release,
}

impl Real {
    /// The newest release in the folder. Without it, the scenario is left out.
    fn newest(scenario: &str) -> Option<Self> {
        Self::of(scenario, Release::all().pop())
    }

    fn of(scenario: &str, release: Option<Release>) -> Option<Self> {
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
    fn ready(&self, kit: &Kit) {
        self.install(kit);
        self.apply(kit, &json!({"insecure": true}));
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

    fn apply(&self, kit: &Kit, settings: &Value) {
        self.push_module(kit);
        let shipped = kit.node.kubectl.ok(&["kustomize", "deploy/workloads"]);
        let line = shipped.lines().find(|line| line.trim().starts_with("module: registry://")).unwrap();
        let manifests = shipped.replace(line.trim(), &format!("module: registry://{REGISTRY}/{MODULE}"));
        let apply = ["apply", "-f", "-"];
        // The controller's webhooks may not be reachable yet.
        eventually("the policies to be applied", || {
            (kit.node.kubectl.run_with(&apply, &manifests).code == Some(0)).then_some(())
        });
        admission::set(kit, settings);
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
        let target = format!("registry://{registry}/{MODULE}");
        let push = ["push", "--sources-path", sources, module, &target];
        self.release.kwctl(&push).ok(&push);
    }
}

/// The image of `examples/ready.yaml` as it would be stored, or why it is refused.
fn dry_run(kit: &Kit) -> Result<String, String> {
    let output = "--output=jsonpath={.spec.build.spec.output.image}";
    let answer = kit.node.kubectl.run(&["create", "--dry-run=server", "--filename", "examples/ready.yaml", output]);
    if answer.code == Some(0) { Ok(answer.stdout) } else { Err(answer.stderr) }
}

/// Notes a scenario that cannot run, for the end.
fn leave_out(scenario: &str, lacks: &str) {
    let path = std::env::var("LEFT_OUT").expect("LEFT_OUT: not set; `make e2e-real` sets it");
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    writeln!(file, "{scenario}: missing: {lacks}").unwrap();
}

#[test]
fn an_upgrade_of_kubewarden_lets_no_image_through() {
    let scenario = "an_upgrade_of_kubewarden_lets_no_image_through";
    let mut releases = Release::all();
    if releases.len() < 2 {
        return leave_out(scenario, "a second folder `kubewarden-VERSION` in PROGRAMS");
    }
    let newest = releases.pop();
    let (Some(old), Some(new)) = (Real::of(scenario, Some(releases.remove(0))), Real::of(scenario, newest)) else {
        return;
    };
    let kit = kit::with(&[]);
    builds::install_projects(&kit);
    old.ready(&kit);
    let before = kit.node.kubectl.json(&["get", "clusteradmissionpolicy", "local-registry"]);
    let ends = AtomicBool::new(false);
    let (resolved, refused) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (mut resolved, mut refused) = (0, 0);
            while !ends.load(Ordering::Relaxed) {
                match dry_run(&kit) {
                    Ok(image) => {
                        assert_eq!(image, format!("{REGISTRY}/team/ready"));
                        resolved += 1;
                    }
                    Err(reason) => {
                        assert!(reason.contains("failed calling webhook"), "{reason}");
                        refused += 1;
                    }
                }
            }
            (resolved, refused)
        });
        new.install(&kit);
        kit.node.policy_server_rolled();
        new.serve(&kit, REGISTRY);
        ends.store(true, Ordering::Relaxed);
        asking.join().unwrap()
    });
    assert!(resolved > 0);
    let (from, to) = (&old.release.version, &new.release.version);
    println!(
        "number: of {} requests during the upgrade from {from} to {to}, {refused} were refused",
        resolved + refused
    );
    let after = kit.node.kubectl.json(&["get", "clusteradmissionpolicy", "local-registry"]);
    assert_eq!(after["spec"]["settings"], before["spec"]["settings"]);
}

#[test]
fn builds_wait_for_a_policy_server_that_cannot_pull_its_module() {
    let Some(real) = Real::newest("builds_wait_for_a_policy_server_that_cannot_pull_its_module") else { return };
    let kit = kit::with(&[]);
    builds::install_projects(&kit);
    real.ready(&kit);
    let kubectl = &kit.node.kubectl;
    let scale = |replicas: &str| {
        let replicas = format!("--replicas={replicas}");
        kubectl.ok(&["scale", "deployment/registry", "--namespace=local-registry", &replicas]);
    };
    let restart = || {
        let selector = "--selector=kubewarden/policy-server=default";
        kubectl.ok(&["delete", "pods", "--namespace", NAMESPACE, selector, "--grace-period=1"]);
    };
    let refused = || {
        eventually("a Build to be refused", || {
            dry_run(&kit).err().filter(|reason| reason.contains("failed calling webhook"))
        });
        // What is not ours goes on.
        let pod = ["run", "other", "--image=elsewhere.example/other", "--dry-run=server"];
        kubectl.ok(&pod);
    };
    scale("0");
    let pods = ["pods", "--selector=app.kubernetes.io/name=registry", "--namespace=local-registry"];
    kubectl.ok(&[&["wait", "--for=delete", "--timeout=120s"], &pods[..]].concat());
    restart();
    refused();
    scale("1");
    kit.ready();
    real.serve(&kit, REGISTRY);

    // It asks for a password that the policy server does not have.
    drop(kit);
    let kit = kit::with(&["auth"]);
    let kubectl = &kit.node.kubectl;
    let selector = "--selector=kubewarden/policy-server=default";
    kubectl.ok(&["delete", "pods", "--namespace", NAMESPACE, selector, "--grace-period=1"]);
    eventually("a Build to be refused", || {
        dry_run(&kit).err().filter(|reason| reason.contains("failed calling webhook"))
    });
    let (server, user, password) =
        (format!("--docker-server={REGISTRY}"), "--docker-username=builder", "--docker-password=secret");
    kubectl.ok(&["create", "secret", "docker-registry", "modules", "--namespace", NAMESPACE, &server, user, password]);
    let patch = |secret: Value| {
        let patch = json!({"spec": {"imagePullSecret": secret}}).to_string();
        kubectl.ok(&["patch", "policyserver", "default", "--type=merge", "--patch", &patch]);
    };
    patch(json!("modules"));
    real.serve(&kit, REGISTRY);
    patch(json!(null));
    kubectl.ok(&["delete", "secret", "modules", "--namespace", NAMESPACE]);
}

#[test]
fn the_policies_come_back_after_their_policy_server_was_deleted() {
    let Some(real) = Real::newest("the_policies_come_back_after_their_policy_server_was_deleted") else { return };
    let kit = kit::with(&[]);
    builds::install_projects(&kit);
    real.ready(&kit);
    let kubectl = &kit.node.kubectl;
    let started = Instant::now();
    kubectl.ok(&["delete", "policyserver", "default", "--wait=false"]);
    eventually("the webhook to be gone", || {
        let webhook = kubectl.run(&["get", "mutatingwebhookconfiguration", WEBHOOK]);
        webhook.stderr.contains("NotFound").then_some(())
    });
    println!("number: the webhook is gone {:.1} s after its PolicyServer", started.elapsed().as_secs_f64());
    let policy =
        kubectl.run(&["get", "clusteradmissionpolicy", "local-registry", "--output=jsonpath={.status.policyStatus}"]);
    println!("number: the policy then is {:?} {}", policy.stdout, policy.stderr);
    assert!(policy.stderr.contains("NotFound") || policy.stdout == "scheduled", "{policy:?}");
    let check = kit.check(&[]);
    assert!(check.stdout.contains("✗ policy local-registry"), "{check:?}");
    // As docs/install.md says: the PolicyServer first, then the policies.
    kit.node.install_kubewarden(&real.release, REGISTRY);
    real.ready(&kit);
}

#[test]
fn the_webhook_that_was_deleted_comes_back_with_the_controller() {
    let Some(real) = Real::newest("the_webhook_that_was_deleted_comes_back_with_the_controller") else { return };
    let kit = kit::with(&[]);
    builds::install_projects(&kit);
    real.ready(&kit);
    let kubectl = &kit.node.kubectl;
    let back = || {
        eventually("the webhook to resolve again", || {
            (dry_run(&kit) == Ok(format!("{REGISTRY}/team/ready"))).then_some(())
        });
    };
    let delete = || kubectl.ok(&["delete", "mutatingwebhookconfiguration", WEBHOOK]);
    let started = Instant::now();
    delete();
    back();
    println!("number: the webhook resolves again {:.1} s after it was deleted", started.elapsed().as_secs_f64());
    let scale = |replicas: &str| {
        kubectl.ok(&["scale", CONTROLLER, "--namespace", NAMESPACE, &format!("--replicas={replicas}")]);
    };
    scale("0");
    let selector = "--selector=app.kubernetes.io/name=kubewarden-controller";
    kubectl.ok(&["wait", "--for=delete", "pods", selector, "--namespace", NAMESPACE, "--timeout=60s"]);
    delete();
    eventually("images to get no registry", || (dry_run(&kit) == Ok("team/ready".to_owned())).then_some(()));
    scale("1");
    back();
}

#[test]
fn what_was_built_runs_under_the_real_kubewarden() {
    let Some(real) = Real::newest("what_was_built_runs_under_the_real_kubewarden") else { return };
    chain::builds_and_runs(&real);
}
