//! Tekton Pipelines.

use super::{Image, Node, Release, text};

const NAMESPACE: &str = "tekton-pipelines";

/// A shell for the steps of Tekton that are scripts. Its manifests name one of a registry elsewhere.
const SHELL: &str = "node.example/shell:v1";

impl Node {
    /// Installs Tekton, and waits until it answers.
    pub fn install_tekton(&self) {
        self.containerd.import(&Image::named(SHELL).with_busybox().running(&["/bin/sh"]));
        let tekton = Release::newest("tekton");
        let config = tekton.manifests("pipeline/config");
        // Its events, its resolvers and the scaling of its webhook are for others.
        let left_out = ["events.yaml", "webhook-hpa.yaml"];
        let folders = [config.join("100-namespace"), config.clone(), config.join("300-crds")];
        let text = text(&folders, &left_out);
        let shell =
            text.split('"').find(|word| word.starts_with("cgr.dev/chainguard/busybox@")).expect("a shell image");
        self.apply_manifests(&tekton, &text.replace(shell, SHELL));
        for name in ["tekton-pipelines-controller", "tekton-pipelines-webhook"] {
            self.roll_out(name, NAMESPACE);
        }
    }
}
