//! What every scenario begins with, which is made once.

use std::sync::{Arc, LazyLock};

use crate::cluster::Crds;
use crate::control_plane::ControlPlane;
use crate::conversion::Conversion;
use crate::kubewarden::Kubewarden;
use crate::process::eventually;
use crate::shipwright::Shipwright;
use crate::snapshot::Snapshot;

/// What a control plane had stored: what Kubewarden's charts install, Shipwright's CRDs, and the namespace `team`.
pub(crate) struct Template {
    snapshot: Snapshot,
    /// The CRDs name it, so it goes on.
    conversion: Arc<Conversion>,
}

/// To create CRDs, and to wait until they are served, takes longer than the rest of a short scenario. If this fails, the first scenario
/// shows why, and all others say only that it is poisoned.
static PLAIN: LazyLock<Template> = LazyLock::new(|| {
    let control_plane = ControlPlane::start();
    drop(Kubewarden::install(&control_plane));
    control_plane.kubectl().ok(&["create", "namespace", "team"]);
    let conversion = Arc::new(Conversion::start(&control_plane));
    drop(Shipwright::install(&control_plane, Arc::clone(&conversion)));
    Template { snapshot: control_plane.into_snapshot(), conversion }
});

static PATCHED: LazyLock<Template> = LazyLock::new(|| {
    let (control_plane, shipwright) = PLAIN.start();
    shipwright.patch_crds();
    Template { snapshot: control_plane.into_snapshot(), conversion: Arc::clone(&PLAIN.conversion) }
});

impl Template {
    /// The template with these CRDs.
    pub(crate) fn of(crds: Crds) -> &'static Self {
        match crds {
            Crds::Plain => &PLAIN,
            Crds::Patched => &PATCHED,
        }
    }

    /// Starts a control plane that has all of it, and waits until it serves the CRDs.
    pub(crate) fn start(&self) -> (ControlPlane, Shipwright) {
        let control_plane = ControlPlane::start_from(&self.snapshot);
        let served = [
            "get",
            "policyservers.policies.kubewarden.io,builds.shipwright.io,buildruns.shipwright.io",
            "--all-namespaces",
        ];
        eventually("the API server to serve the CRDs", || {
            (control_plane.kubectl().run(&served).code == Some(0)).then_some(())
        });
        let shipwright = Shipwright::installed(&control_plane, Arc::clone(&self.conversion));
        (control_plane, shipwright)
    }
}
