//! The kubelet.

use std::process::Command;

use serde_json::json;

use super::containerd::ENDPOINT;
use super::{ADDRESS, NODE_TOKEN, of_machine, spawn, write};
use crate::control_plane::ControlPlane;
use crate::process::Process;
use crate::programs;

/// Starts the kubelet of the node `node`. Manifests in the folder `static-pods` run without an API server.
pub(super) fn start(control_plane: &ControlPlane) -> Process {
    let static_pods = control_plane.file("static-pods");
    std::fs::create_dir(&static_pods).unwrap();
    let no_names = control_plane.file("resolv.conf");
    std::fs::write(&no_names, "").unwrap();
    let configuration = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": false},
            "x509": {"clientCAFile": control_plane.certificates().authority},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": of_machine("E2E_NODE_CGROUP"),
        "failCgroupV1": false,
        "failSwapOn": false,
        "clusterDNS": [ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": no_names,
        "containerRuntimeEndpoint": ENDPOINT,
        "configMapAndSecretChangeDetectionStrategy": "Watch",
        "crashLoopBackOff": {"maxContainerRestartPeriod": "2s"},
        // A full machine is no reason to stop the pods of a test.
        "evictionHard": {"memory.available": "1Mi", "nodefs.available": "1Mi", "imagefs.available": "1Mi"},
        "imageGCHighThresholdPercent": 100,
        "staticPodPath": static_pods,
        "volumePluginDir": control_plane.file("volume-plugins"),
    });
    let mut command = Command::new(programs::kubernetes("kubelet"));
    command.arg("--config").arg(write(control_plane.file("kubelet.json"), &configuration));
    command.arg("--kubeconfig").arg(control_plane.write_kubeconfig("node", NODE_TOKEN));
    command.args(["--hostname-override", "node", "--node-ip", ADDRESS]);
    spawn("kubelet", command, control_plane)
}
