//! Where pods and Knative revisions keep what the policy reads, and the masks of it. A test below holds the masks to the
//! paths.
//!
//! Only containers are looked at. `volumes[].image` is an image that the kubelet mounts, and has no name of a container.

use crate::json::Mask::{Fields, Scalar};
use crate::json::{Field, Mask, Path};

/// The annotation that names the containers whose images are local, separated by commas. Pods have no field for that, and
/// none can be added.
///
/// ```
/// assert_eq!(local_registry_core::workload::CONTAINERS_ANNOTATION, "local-registry-hosting/containers");
/// ```
pub const CONTAINERS_ANNOTATION: &str = "local-registry-hosting/containers";

/// Where that annotation is.
pub(super) const ANNOTATION: Path = &["metadata", "annotations", CONTAINERS_ANNOTATION];

/// Set by the kubelet on the object that shows a static pod to the API server.
pub(super) const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";

/// Where that annotation is.
pub(super) const MIRROR: Path = &["metadata", "annotations", MIRROR_ANNOTATION];

/// Set by Knative on the pods of a revision, with the revision's name.
pub(super) const REVISION_LABEL: &str = "serving.knative.dev/revision";

/// Where that label is.
pub(super) const OF_REVISION: Path = &["metadata", "labels", REVISION_LABEL];

/// The field of a container that has its image.
pub(super) const IMAGE: &str = "image";

/// The field of a container that has its name.
pub(super) const NAME: &str = "name";

/// The containers that a pod starts with.
pub(super) const REGULAR: [Path; 2] = [&["spec", "initContainers"], &["spec", "containers"]];

/// The containers that are added to a pod that runs.
pub(super) const EPHEMERAL: [Path; 1] = [&["spec", "ephemeralContainers"]];

/// All lists of containers.
pub(super) const ALL: [Path; 3] = [REGULAR[0], REGULAR[1], EPHEMERAL[0]];

/// Which annotations are read.
pub(crate) const ANNOTATION_MASKS: [Field; 2] = [(CONTAINERS_ANNOTATION, Scalar), (MIRROR_ANNOTATION, Scalar)];

/// Which labels are read.
pub(crate) const LABEL_MASKS: [Field; 1] = [(REVISION_LABEL, Scalar)];

const CONTAINER_MASK: Mask = Fields(&[("name", Scalar), ("image", Scalar)]);

/// What is read of an object's `spec`.
pub(crate) const SPEC_MASKS: [Field; 3] =
    [("initContainers", CONTAINER_MASK), ("containers", CONTAINER_MASK), ("ephemeralContainers", CONTAINER_MASK)];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::ANNOTATIONS;
    use crate::json::Node;

    const OBJECT: Mask = Fields(&[
        ("metadata", Fields(&[("annotations", Fields(&ANNOTATION_MASKS)), ("labels", Fields(&LABEL_MASKS))])),
        ("spec", Fields(&SPEC_MASKS)),
    ]);

    #[test]
    fn every_container_is_read() {
        for list in ALL {
            let [spec, name] = list else { panic!("{list:?}") };
            let text = format!(r#"{{"{spec}":{{"{name}":[{{"{NAME}":"a","{IMAGE}":"b","other":1}}]}}}}"#);
            let object = Node::parse(&text, OBJECT).unwrap();
            let Some(Node::Array(containers)) = object.at(list).unwrap() else { panic!("{text}") };
            let [container] = containers.as_slice() else { panic!("{text}") };
            assert_eq!([NAME, IMAGE].map(|field| container.field(field).and_then(Node::text)), [Some("a"), Some("b")]);
        }
    }

    #[test]
    fn the_label_is_read() {
        let text = format!(r#"{{"metadata":{{"labels":{{"{REVISION_LABEL}":"a"}}}}}}"#);
        let object = Node::parse(&text, OBJECT).unwrap();
        assert_eq!(object.at(OF_REVISION).unwrap().and_then(Node::text), Some("a"));
    }

    #[test]
    fn every_annotation_is_read() {
        for (key, path) in [(CONTAINERS_ANNOTATION, ANNOTATION), (MIRROR_ANNOTATION, MIRROR)] {
            let text = format!(r#"{{"metadata":{{"annotations":{{"{key}":"a"}}}}}}"#);
            let object = Node::parse(&text, OBJECT).unwrap();
            assert_eq!(object.at(path).unwrap().and_then(Node::text), Some("a"));
            assert_eq!(path.split_last(), Some((&key, ANNOTATIONS)));
        }
    }
}
