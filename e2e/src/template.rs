//! What every scenario begins with, which is made once.

use std::sync::LazyLock;

use crate::cluster::Crds;
use crate::control_plane::ControlPlane;
use crate::kubewarden::Kubewarden;
use crate::process::eventually;
use crate::shipwright::Shipwright;
use crate::snapshot::Snapshot;

/// A control plane that has ended. It had what Kubewarden's charts install, Shipwright's CRDs, and the namespace `team`.
pub(crate) struct Template {
    snapshot: Snapshot,
    shipwright: Shipwright,
}

/// CRDs and their names take an API server and `kubectl` longer than everything else that a short scenario does.
static PLAIN: LazyLock<Template> = LazyLock::new(|| {
    let control_plane = ControlPlane::start();
    drop(Kubewarden::install(&control_plane));
    control_plane.kubectl().ok(&["create", "namespace", "team"]);
    let shipwright = Shipwright::install(&control_plane);
    Template { snapshot: control_plane.into_snapshot(), shipwright }
});

static PATCHED: LazyLock<Template> = LazyLock::new(|| {
    let (control_plane, shipwright) = PLAIN.start();
    shipwright.patch_crds();
    Template { snapshot: control_plane.into_snapshot(), shipwright }
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
        let shipwright = self.shipwright.in_another(&control_plane);
        (control_plane, shipwright)
    }
}
