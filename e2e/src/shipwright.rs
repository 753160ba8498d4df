//! Shipwright's CRDs. The rest of Shipwright is not there, since the tests build no image.

use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::conversion::Conversion;
use crate::kubectl::{Answer, Kubectl};
use crate::objects::{build, build_run};
use crate::process::eventually;
use crate::programs::{self, yaml};

/// The CRDs, and their conversion webhook.
pub(crate) struct Shipwright {
    kubectl: Kubectl,
    conversion: Arc<Conversion>,
}

impl Shipwright {
    /// Installs the CRDs as Shipwright ships them.
    pub(crate) fn install(control_plane: &ControlPlane, conversion: Arc<Conversion>) -> Self {
        let shipwright = Self::installed(control_plane, conversion);
        shipwright.apply_released_crds();
        shipwright.kubectl.wait_for_crds();
        shipwright
    }

    /// Shipwright in a control plane that has the CRDs, with this conversion webhook.
    pub(crate) fn installed(control_plane: &ControlPlane, conversion: Arc<Conversion>) -> Self {
        Self { kubectl: control_plane.kubectl(), conversion }
    }

    /// The CRD of `builds` or `buildruns`, with this conversion webhook.
    pub(crate) fn crd(&self, kind: &str) -> Value {
        self.conversion.convert(yaml(&programs::upstream(&format!("shipwright/crds/shipwright.io_{kind}.yaml"))))
    }

    /// Installs the CRDs as an upgrade of Shipwright does. They do not have the field `local`.
    pub(crate) fn apply_released_crds(&self) {
        let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        for kind in ["builds", "buildruns"] {
            self.kubectl.ok_with(&apply, &self.crd(kind));
        }
    }

    /// Adds the field `local` to the CRDs, and waits until the API server knows it. The namespace `team` must be there.
    pub(crate) fn patch_crds(&self) {
        add_the_field(&self.kubectl);
        let objects = [
            build("probe", json!({"image": "probe", "local": true})),
            build_run(
                "probe",
                json!({"build": {"spec": build("probe", json!({"image": "probe", "local": true}))["spec"]}}),
            ),
        ];
        for object in objects {
            eventually("the API server to know the field local", || {
                let create = ["create", "--dry-run=server", "--validate=strict", "-f", "-"];
                (self.kubectl.run_with(&create, &object.to_string()).code == Some(0)).then_some(())
            });
        }
    }
}

/// Adds the field `local` to Shipwright's CRDs, once.
pub fn add_the_field(kubectl: &Kubectl) {
    let answer = as_administrator(kubectl, &["crds"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
}

/// Runs `local-registry-sync` as the cluster's administrator.
#[must_use]
pub fn as_administrator(kubectl: &Kubectl, arguments: &[&str]) -> Answer {
    let mut command = Command::new(programs::sync());
    Answer::run(command.env("KUBECONFIG", kubectl.kubeconfig()).args(arguments), "")
}
