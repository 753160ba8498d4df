//! Knative Serving, without an ingress: a Service gets its Revision, with the digest of its image and its pods.

use super::{Node, Release, text};

const NAMESPACE: &str = "knative-serving";

impl Node {
    /// Installs Knative Serving, and waits until it answers.
    pub fn install_knative(&self) {
        let knative = Release::newest("knative");
        let core = knative.manifests("serving/config/core");
        let networking = knative.manifests("networking/config");
        let network = "config-network.yaml";
        let crds = [core.join("300-resources"), knative.manifests("caching/config"), networking.clone()];
        self.apply_manifests(&knative, &text(&crds, &[network]));
        self.kubectl.wait_for_crds();
        // The scaling of its own programs is for others. Its webhooks come last, since they refuse what nobody answers for.
        let left_out = ["activator-hpa.yaml", "webhook-hpa.yaml"];
        let folders = ["", "200-roles", "configmaps", "deployments", "webhooks"].map(|folder| core.join(folder));
        self.apply_manifests(&knative, &text(&folders, &left_out));
        self.apply_manifests(&knative, &std::fs::read_to_string(networking.join(network)).unwrap());
        for name in ["activator", "autoscaler", "controller", "webhook"] {
            self.roll_out(name, NAMESPACE);
        }
    }
}
