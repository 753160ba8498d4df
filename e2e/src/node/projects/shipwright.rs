//! Shipwright Build, with its conversion webhook and its own sample strategies.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Image, Node, Release, files, text};
use crate::certificates::{Authority, Issued};
use crate::programs;

const NAMESPACE: &str = "shipwright-build";

/// The folder of the sample strategies.
const SAMPLES: &str = "build/samples/v1beta1/buildstrategy";

impl Node {
    /// Installs Shipwright with its conversion webhook, and waits until it answers. Returns the authority of that webhook's
    /// certificate.
    pub fn install_shipwright(&self) -> Authority {
        let authority = Authority::named("shipwright");
        self.apply_shipwright(&Release::newest("shipwright"), &authority);
        authority
    }

    /// Installs a release of Shipwright, or upgrades to it, with a new certificate of its webhook, and waits until it answers.
    pub fn apply_shipwright(&self, release: &Release, authority: &Authority) {
        // The project's own script asks the cluster's signer for this certificate.
        let Issued { certificate, key } = authority.issue(&[&format!("shp-build-webhook.{NAMESPACE}.svc")]);
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        self.kubectl.ok_with(&["apply", "-f", "-"], &namespace);
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": "shipwright-build-webhook-cert", "namespace": NAMESPACE},
            "stringData": {"tls.crt": certificate, "tls.key": key},
        });
        self.kubectl.ok_with(&["apply", "-f", "-"], &secret);
        self.apply_manifests(release, &text(&[release.manifests("build/deploy")], &[]));
        self.apply_crds_of_shipwright(release, authority);
        for name in ["shipwright-build-controller", "shipwright-build-webhook"] {
            self.roll_out(name, NAMESPACE);
        }
        self.apply_by_force(&text(&[release.manifests(SAMPLES).join("buildah")], &[]));
    }

    /// Applies all of Shipwright's sample strategies. Those that are not of the whole cluster go to this namespace.
    pub fn apply_samples(&self, namespace: &str) {
        let folder = Release::newest("shipwright").manifests(SAMPLES);
        let apply = ["apply", "--server-side", "--recursive", "--namespace", namespace, "--filename"];
        self.kubectl.ok(&[&apply[..], &[folder.to_str().expect("a path")]].concat());
    }

    /// Installs Shipwright's CRDs as an upgrade of it does. They do not have the field `local`.
    pub fn apply_shipwright_crds(&self, authority: &Authority) {
        self.apply_crds_of_shipwright(&Release::newest("shipwright"), authority);
    }

    fn apply_crds_of_shipwright(&self, release: &Release, authority: &Authority) {
        for file in files(&release.manifests("build/deploy/crds")) {
            let mut crd: Value = programs::yaml(&file);
            crd["spec"]["conversion"]["webhook"]["clientConfig"]["caBundle"] = json!(STANDARD.encode(authority.pem()));
            self.kubectl.ok_with(&["apply", "--server-side", "--force-conflicts", "-f", "-"], &crd);
        }
        self.kubectl.wait_for_crds();
    }
}

impl Image {
    /// Git, with what its commands are made of.
    #[must_use]
    pub fn with_git(self) -> Self {
        let core = Path::new("/usr/lib/git-core");
        let scripts = ["git-submodule", "git-sh-setup", "git-sh-i18n", "git-sh-i18n--envsubst", "git-daemon"];
        let image = self.with_program(&programs::installed("git"));
        scripts.into_iter().fold(image, |image, name| {
            let path = core.join(name);
            image.with_file(&path, path.to_str().expect("a path"))
        })
    }
}
