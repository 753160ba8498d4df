//! Where pods and Knative revisions keep what the policy reads, and the masks of it. A test below holds the masks to the
//! paths.
//!
//! An image is that of a container, or of an image volume, `volumes[].image`, which the kubelet mounts. The two have names
//! of their own.

use crate::json::Mask::{Fields, Scalar};
use crate::json::{Field, Mask, Path};

/// The annotation that names the containers whose images are local, separated by commas. Pods have no field for that, and
/// none can be added.
///
/// ```
/// assert_eq!(local_registry_core::workload::CONTAINERS_ANNOTATION, "local-registry-hosting/containers");
/// ```
pub const CONTAINERS_ANNOTATION: &str = "local-registry-hosting/containers";

/// The annotation that names the image volumes whose images are local.
///
/// ```
/// assert_eq!(local_registry_core::workload::IMAGE_VOLUMES_ANNOTATION, "local-registry-hosting/image-volumes");
/// ```
pub const IMAGE_VOLUMES_ANNOTATION: &str = "local-registry-hosting/image-volumes";

/// Set by the kubelet on the object that shows a static pod to the API server.
pub(super) const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";

/// Where that annotation is.
pub(super) const MIRROR: Path = &["metadata", "annotations", MIRROR_ANNOTATION];

/// Set by Knative on the pods of a revision, with the revision's name.
pub(super) const REVISION_LABEL: &str = "serving.knative.dev/revision";

/// Where that label is.
pub(super) const OF_REVISION: Path = &["metadata", "labels", REVISION_LABEL];

/// The field of a container or volume that has its name.
pub(super) const NAME: &str = "name";

/// What has an image and a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ImageHolders {
    /// The annotation that names those whose images are local.
    pub(super) annotation: &'static str,
    pub(super) annotation_path: Path,
    /// The lists of them that a pod starts with.
    pub(super) regular: &'static [Path],
    /// Those that are added to a pod that runs.
    pub(super) ephemeral: &'static [Path],
    /// All of them.
    pub(super) all: &'static [Path],
    /// Where each has its image.
    pub(super) image: Path,
    /// One of them, as messages say it.
    pub(super) noun: &'static str,
}

impl ImageHolders {
    /// Whether they are volumes, of which only image volumes count.
    pub(super) fn is_volumes(&self) -> bool {
        self.annotation == IMAGE_VOLUMES_ANNOTATION
    }
}

/// The containers of an object.
pub(super) const CONTAINERS: ImageHolders = ImageHolders {
    annotation: CONTAINERS_ANNOTATION,
    annotation_path: &["metadata", "annotations", CONTAINERS_ANNOTATION],
    regular: &[&["spec", "initContainers"], &["spec", "containers"]],
    ephemeral: &[&["spec", "ephemeralContainers"]],
    all: &[&["spec", "initContainers"], &["spec", "containers"], &["spec", "ephemeralContainers"]],
    image: &["image"],
    noun: "container",
};

/// The volumes of an object. Those that are no image volumes have no image, and are left out.
pub(super) const IMAGE_VOLUMES: ImageHolders = ImageHolders {
    annotation: IMAGE_VOLUMES_ANNOTATION,
    annotation_path: &["metadata", "annotations", IMAGE_VOLUMES_ANNOTATION],
    regular: &[&["spec", "volumes"]],
    ephemeral: &[],
    all: &[&["spec", "volumes"]],
    image: &["image", "reference"],
    noun: "image volume",
};

/// Which annotations are read.
pub(crate) const ANNOTATION_MASKS: [Field; 3] =
    [(CONTAINERS_ANNOTATION, Scalar), (IMAGE_VOLUMES_ANNOTATION, Scalar), (MIRROR_ANNOTATION, Scalar)];

/// Which labels are read.
pub(crate) const LABEL_MASKS: [Field; 1] = [(REVISION_LABEL, Scalar)];

const CONTAINER_MASK: Mask = Fields(&[("name", Scalar), ("image", Scalar)]);

/// What is read of an object's `spec`.
pub(crate) const SPEC_MASKS: [Field; 4] = [
    ("initContainers", CONTAINER_MASK),
    ("containers", CONTAINER_MASK),
    ("ephemeralContainers", CONTAINER_MASK),
    ("volumes", Fields(&[("name", Scalar), ("image", Fields(&[("reference", Scalar)]))])),
];

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
    fn every_image_is_read() {
        for holders in [CONTAINERS, IMAGE_VOLUMES] {
            for list in holders.all {
                let [spec, name] = list else { panic!("{list:?}") };
                let image =
                    holders.image.iter().rfold("\"b\"".to_owned(), |inner, part| format!("{{\"{part}\":{inner}}}"));
                let image = image.trim_start_matches('{').strip_suffix('}').unwrap();
                let text = format!(r#"{{"{spec}":{{"{name}":[{{"{NAME}":"a",{image},"other":1}}]}}}}"#);
                let object = Node::parse(&text, OBJECT).unwrap();
                let Some(Node::Array(elements)) = object.at(list).unwrap() else { panic!("{text}") };
                let [element] = elements.as_slice() else { panic!("{text}") };
                assert_eq!(element.field(NAME).and_then(Node::text), Some("a"));
                assert_eq!(element.at(holders.image).unwrap().and_then(Node::text), Some("b"), "{text}");
            }
            assert_eq!([holders.regular, holders.ephemeral].concat(), holders.all);
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
        let of = |holders: ImageHolders| (holders.annotation, holders.annotation_path);
        for (key, path) in [of(CONTAINERS), of(IMAGE_VOLUMES), (MIRROR_ANNOTATION, MIRROR)] {
            let text = format!(r#"{{"metadata":{{"annotations":{{"{key}":"a"}}}}}}"#);
            let object = Node::parse(&text, OBJECT).unwrap();
            assert_eq!(object.at(path).unwrap().and_then(Node::text), Some("a"));
            assert_eq!(path.split_last(), Some((&key, ANNOTATIONS)));
        }
    }
}
