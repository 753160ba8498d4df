//! Whether the field `local` can be stored.

use local_registry_cluster::ClusterError;
use local_registry_cluster::crds::{Crd, crd_name};
use local_registry_core::shipwright::Kind;
use local_registry_core::text::with_causes;
use local_registry_sync::crds::{Addition, warnings};

use crate::link::Link;

/// Whether Shipwright's CRD has the field `local` beside each image, in every version that is in use; and whether the field is
/// known to be missing. A CRD without the field is a warning only, since the annotations work without it.
pub(super) fn crd(kind: Kind, found: Result<Option<Crd>, ClusterError>) -> (Link, bool) {
    let subject = format!("CRD {}", crd_name(kind));
    let annotations = "use the annotations local-registry-hosting/output, /source and /builder";
    let crd = match found {
        Err(error) => return (Link::warning(subject, with_causes(&error)), false),
        Ok(None) => return (Link::failed(subject, "not found").remedy("install Shipwright"), true),
        Ok(Some(crd)) => crd,
    };
    match Addition::to(kind, &crd) {
        Ok(Addition::Nothing) => {
            let has = "it has the field local beside every image";
            let unknown = warnings(&crd);
            let link = if unknown.is_empty() {
                Link::ok(subject, has)
            } else {
                Link::warning(subject, format!("{has} in the versions that are known; {}", unknown.join("; ")))
                    .remedy(format!("install a version of local-registry-sync that knows it, or {annotations}"))
            };
            (link, false)
        }
        Ok(Addition::Missing(change)) => {
            let link = Link::warning(subject, format!("it lacks the field local in {}", change.places().join(", ")))
                .remedy(format!("give the sync job --crds, which keeps the field there, or {annotations}"));
            (link, true)
        }
        Err(other) => {
            let seen = format!("it has another shape than is known: {other}");
            (Link::warning(subject, seen).remedy(annotations), true)
        }
    }
}
