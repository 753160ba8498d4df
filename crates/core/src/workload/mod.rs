//! Pods and Knative revisions: which of their images are local, and what becomes of each.
//!
//! An image is local if it names the portable host, or if an annotation names its container or its image volume. Deployments,
//! Jobs and the like are not looked at: their pods are, as they are created.

mod fields;
mod image;
mod kind;
mod local_images;
mod messages;
mod names;

pub(crate) use self::fields::{ANNOTATION_MASKS, LABEL_MASKS, SPEC_MASKS};
pub use self::fields::{CONTAINERS_ANNOTATION, IMAGE_VOLUMES_ANNOTATION};
pub(crate) use self::kind::WorkloadKind;

use self::fields::{CONTAINERS, IMAGE_VOLUMES};
use self::local_images::{LocalImages, Relevance};
use self::messages::WorkloadWarning;
use crate::admission::{Outcome, Request, Settings, SettingsError};
use crate::json::Node;

/// Decides about a request that writes a pod or revision, which is `object`.
pub(crate) fn decide(
    kind: WorkloadKind,
    object: &Node<'_>,
    request: &Request<'_>,
    outcome: &mut Outcome,
) -> Result<(), SettingsError> {
    for holders in [&CONTAINERS, &IMAGE_VOLUMES] {
        match LocalImages::read(kind, holders, object, request.old_object()) {
            Ok(Relevance::Relevant(images)) => {
                let (settings, _) = Settings::read(request.settings())?;
                images.decide(&settings, outcome);
            }
            Ok(Relevance::StaticPod) => outcome.warn(&WorkloadWarning::StaticPod { annotation: holders.annotation }),
            Ok(Relevance::Irrelevant) => {}
            Err(fault) => outcome.fault(fault),
        }
    }
    Ok(())
}
