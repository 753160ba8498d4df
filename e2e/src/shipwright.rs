//! Shipwright's CRDs. The rest of Shipwright is not there, since the tests build no image.

use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::conversion::Conversion;
use crate::kubectl::Kubectl;
use crate::objects::{build, build_run};
use crate::process::eventually;
use crate::programs::{self, yaml};

/// The CRDs, and their conversion webhook, which ends with the test.
pub struct Shipwright {
    kubectl: Kubectl,
    conversion: Conversion,
}

impl Shipwright {
    /// Installs the CRDs as Shipwright ships them.
    #[must_use]
    pub fn install(control_plane: &ControlPlane) -> Self {
        let shipwright = Self { kubectl: control_plane.kubectl(), conversion: Conversion::start(control_plane) };
        shipwright.apply_released_crds();
        shipwright.kubectl.wait_for_crds();
        shipwright
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

    /// Patches the CRDs as `docs/install.md` says, and waits until the API server knows the field `local`. The
    /// namespace `team` must be there.
    pub fn patch_crds(&self) {
        for kind in ["builds", "buildruns"] {
            let patch = format!("--patch-file=deploy/crd-patches/{kind}.yaml");
            self.kubectl.ok(&["patch", "crd", &format!("{kind}.shipwright.io"), "--type=json", &patch]);
        }
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
