//! Pods and Knative revisions: which of their containers run local images, and what becomes of each image.
//!
//! An annotation names the containers. Deployments, Jobs and the like are not looked at: their pods are, as they are
//! created.

mod fields;
mod image;
mod kind;
mod local_images;
mod messages;
mod names;

pub use self::fields::CONTAINERS_ANNOTATION;
pub(crate) use self::fields::{ANNOTATION_MASKS, LABEL_MASKS, SPEC_MASKS};
pub(crate) use self::kind::WorkloadKind;

use self::local_images::{AnnotatedWorkload, Relevance};
use self::messages::ContainersWarning;
use crate::admission::{Outcome, Request, Settings, SettingsError};
use crate::json::Node;

/// Decides about a request that writes a pod or revision, which is `object`.
pub(crate) fn decide(
    kind: WorkloadKind,
    object: &Node<'_>,
    request: &Request<'_>,
    outcome: &mut Outcome,
) -> Result<(), SettingsError> {
    match AnnotatedWorkload::read(kind, object, request.old_object()) {
        Ok(Relevance::Annotated(workload)) => {
            let (settings, _) = Settings::read(request.settings())?;
            workload.decide(&settings, outcome);
        }
        Ok(Relevance::StaticPod) => outcome.warn(&ContainersWarning::StaticPod),
        Ok(Relevance::Irrelevant) => {}
        Err(fault) => outcome.fault(fault),
    }
    Ok(())
}
