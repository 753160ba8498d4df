//! Pods that push and pull images, as builds and workloads do.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::{Image, Node};
use crate::process::eventually;
use crate::programs;

/// Where pods push from and to. The namespace has no rules about them.
const NAMESPACE: &str = "default";

/// The image of pods that push.
const PUSHER: &str = "node.example/pusher:v1";

/// How a pod ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Whether its container succeeded.
    pub succeeded: bool,
    /// What its container printed, or why it could not start.
    pub output: String,
}

impl Ended {
    /// What it printed. If it failed, the test fails.
    #[track_caller]
    pub fn ok(self) -> String {
        assert!(self.succeeded, "{}", self.output);
        self.output
    }

    /// Asserts that it failed, and that its output has this text.
    #[track_caller]
    pub fn failed_with(&self, text: &str) {
        assert!(!self.succeeded, "expected a failure, found: {}", self.output);
        assert!(self.output.contains(text), "expected: {text}\nfound: {}", self.output);
    }
}

impl Image {
    /// The image of pods that push: skopeo.
    pub(super) fn pusher() -> Self {
        let skopeo = programs::installed("skopeo");
        Self::named(PUSHER).with_busybox().with_program(&skopeo).running(&["/bin/skopeo"])
    }
}

impl Node {
    /// Pushes an image from a pod, as a build does. Pods trust what `ca.crt` in the folder `images` of [`Self::disk`]
    /// says, if it is there.
    pub fn push(&self, image: &Image, name: &str, arguments: &[&str]) -> Ended {
        let pod = self.start_push(image, name, arguments);
        self.ended(&pod)
    }

    /// Starts to push an image from a pod. Returns the pod's name.
    pub fn start_push(&self, image: &Image, name: &str, arguments: &[&str]) -> String {
        let images = Self::disk().join("images");
        std::fs::create_dir_all(&images).unwrap();
        let archive = format!("{}.tar", image.name().replace(['/', ':'], "_"));
        if !images.join(&archive).exists() {
            image.write(&images.join(&archive));
        }
        let source = format!("oci-archive:/images/{archive}");
        let target = format!("docker://{name}");
        let arguments = [&["copy", "--insecure-policy", &source, &target], arguments].concat();
        self.create(json!({
            "containers": [{
                "name": "main",
                "image": PUSHER,
                "args": arguments,
                "volumeMounts": [{"name": "images", "mountPath": "/images", "readOnly": true}],
            }],
            "volumes": [{"name": "images", "hostPath": {"path": images}}],
        }))
    }

    /// Pulls an image by this name: the kubelet runs it in a pod, which must end.
    pub fn pull(&self, name: &str) -> Ended {
        let pod = self.create(json!({"containers": [{"name": "main", "image": name, "imagePullPolicy": "Always"}]}));
        self.ended(&pod)
    }

    /// Runs a pod with this `spec`. Returns the pod's name.
    pub fn create(&self, mut spec: Value) -> String {
        static CREATED: AtomicU32 = AtomicU32::new(0);
        // The kubelet waits longer and longer before it pulls once more for the same pod, so each pod has its own name.
        let name = format!("pod-{}", CREATED.fetch_add(1, Ordering::Relaxed));
        spec["restartPolicy"] = json!("Never");
        spec["terminationGracePeriodSeconds"] = json!(0);
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": spec,
        });
        self.kubectl.ok_with(&["create", "-f", "-"], &pod);
        name
    }

    /// Waits until a pod with one container has ended, or cannot start, and deletes it.
    pub fn ended(&self, pod: &str) -> Ended {
        let ended = eventually(&format!("{pod} to end"), || {
            let pod = self.kubectl.json(&["get", "pod", pod, "--namespace", NAMESPACE]);
            let state = &pod["status"]["containerStatuses"][0]["state"];
            let reason = state["waiting"]["reason"].as_str().unwrap_or_default();
            match pod["status"]["phase"].as_str() {
                Some("Succeeded") => Some((true, None)),
                Some("Failed") => Some((false, None)),
                _ if reason.contains("ErrImage") || reason.contains("BackOff") || reason.contains("InvalidImage") => {
                    let message = state["waiting"]["message"].as_str().unwrap_or_default();
                    Some((false, Some(format!("{reason}: {message}"))))
                }
                _ => None,
            }
        });
        let (succeeded, reason) = ended;
        let output = reason.unwrap_or_else(|| self.kubectl.ok(&["logs", pod, "--namespace", NAMESPACE]));
        self.kubectl.ok(&["delete", "pod", pod, "--namespace", NAMESPACE, "--wait=false"]);
        Ended { succeeded, output }
    }
}
