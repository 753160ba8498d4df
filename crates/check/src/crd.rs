//! Whether the field `local` can be stored.

use local_registry_cluster::ClusterError;
use local_registry_cluster::crds::{Crd, crd_name};
use local_registry_core::shipwright::Kind;
use local_registry_core::text::with_causes;
use local_registry_sync::crds::Addition;

use crate::link::Link;

/// Whether Shipwright's CRD has the field `local` beside each image, in every version that is in use.
pub(super) fn crd(kind: Kind, found: Result<Option<Crd>, ClusterError>) -> Link {
    let subject = format!("CRD {}", crd_name(kind));
    let annotations = "use the annotations local-registry-hosting/output, /source and /builder";
    match found.map(|found| found.map(|crd| Addition::to(kind, &crd))) {
        Err(error) => Link::warning(subject, with_causes(&error)),
        Ok(None) => Link::failed(subject, "not found").remedy("install Shipwright"),
        Ok(Some(Ok(Addition::Nothing))) => Link::ok(subject, "it has the field local beside every image"),
        Ok(Some(Ok(Addition::Missing(change)))) => {
            Link::warning(subject, format!("it lacks the field local in {}", change.places().join(", ")))
                .remedy(format!("give the sync job --crds, which keeps the field there, or {annotations}"))
        }
        Ok(Some(Err(other))) => {
            Link::warning(subject, format!("it has another shape than is known: {other}")).remedy(annotations)
        }
    }
}
