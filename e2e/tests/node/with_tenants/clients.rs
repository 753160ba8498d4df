//! Clients other than skopeo and buildah: each has its own way to ask for tokens.

use e2e::node::{Ended, Image, program};
use serde_json::{Value, json};

use super::found_team;
use crate::kit::{self, Kit, REGISTRY, WITHOUT_TLS, saying};

/// containerd's socket on the node.
const SOCKET: &str = "/run/containerd/containerd.sock";

/// Runs a script in a pod that has crane and containerd's client, and that may speak to the node's containerd.
fn script(kit: &Kit, text: &str) -> Ended {
    let image = clients();
    let pod = kit.node.create(json!({
        "containers": [{
            "name": "main",
            "image": image.name(),
            "imagePullPolicy": "Never",
            "command": ["/bin/sh", "-euc", text],
            "volumeMounts": [{"name": "socket", "mountPath": SOCKET}],
        }],
        "volumes": [{"name": "socket", "hostPath": {"path": SOCKET}}],
    }));
    kit.node.ended(&pod)
}

fn clients() -> Image {
    let image = Image::named("node.example/clients:v1").with_busybox();
    image.with_file(&e2e::rival("crane"), "/bin/crane").with_file(&program("ctr"), "/bin/ctr")
}

#[test]
fn crane_and_containerd_get_tokens_and_no_others() {
    let kit = kit::with(&["tenants"]);
    kit.node.containerd.import(&clients());
    for team in ["team", "other"] {
        found_team(&kit, team);
    }
    let [team, other] = ["team", "other"].map(|team| kit.password(team, "ci"));
    let source = format!("{REGISTRY}/team/source:v1");
    kit.node.push(&saying("source"), &source, &[WITHOUT_TLS, &kit.credentials("team", "ci")]).ok();

    // A copy asks for two scopes at once: to pull from one repository, and to push to the other.
    let crane = |password: &str| {
        let config: Value = json!({"auths": {REGISTRY: {"username": "x", "password": password}}});
        let copy = format!("crane --insecure copy {source} {REGISTRY}/team/crane:v1");
        script(&kit, &format!("echo '{config}' > /tmp/config.json; DOCKER_CONFIG=/tmp {copy}"))
    };
    crane(&other).failed_with("UNAUTHORIZED");
    crane(&team).ok();
    assert_eq!(kit.node.pull(&format!("{REGISTRY}/team/crane:v1")).ok(), "source\n");

    // containerd asks by POST if it has a password, and as anybody if it has none.
    let ctr = |command: &str| script(&kit, &format!("ctr --namespace clients images {command}"));
    ctr(&format!("pull --local --plain-http {source}")).ok();
    let push = |password: &str| {
        ctr(&format!("push --local --plain-http --user x:{password} {REGISTRY}/team/containerd:v1 {source}"))
    };
    push(&other).failed_with("push access denied");
    push(&team).ok();
    assert_eq!(kit.node.pull(&format!("{REGISTRY}/team/containerd:v1")).ok(), "source\n");
    ctr(&format!("remove {source}")).ok();
}
