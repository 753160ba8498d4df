//! Pods and Knative revisions: which of their images are local, and what becomes of each.
//!
//! An image is local if it names the portable host, or if an annotation names its container or its image volume; by the setting
//! `imagesWithoutRegistry: local`, also if it names no registry. Deployments, Jobs and the like are not looked at: their pods are,
//! as they are created.

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
use crate::admission::{ImagesWithoutRegistry, Outcome, Request, Settings, SettingsError};
use crate::json::Node;

/// Decides about a request that writes a pod or revision, which is `object`.
pub(crate) fn decide(
    kind: WorkloadKind,
    object: &Node<'_>,
    request: &Request<'_>,
    outcome: &mut Outcome,
) -> Result<(), SettingsError> {
    let settings = Settings::read(request.settings()).map(|(settings, _)| settings);
    // What is invalid is reported only where something is local.
    let without_registry =
        settings.as_ref().map_or(ImagesWithoutRegistry::AsWritten, |settings| settings.images_without_registry);
    for holders in [&CONTAINERS, &IMAGE_VOLUMES] {
        match LocalImages::read(kind, holders, object, request.old_object(), without_registry) {
            Ok(Relevance::Relevant(images)) => images.decide(settings.as_ref().map_err(Clone::clone)?, outcome),
            Ok(Relevance::StaticPod) => outcome.warn(&WorkloadWarning::StaticPod { annotation: holders.annotation }),
            Ok(Relevance::Irrelevant) => {}
            Err(fault) => outcome.fault(fault),
        }
    }
    Ok(())
}
