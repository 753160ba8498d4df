//! Which fields of pods and Knative revisions are read. A test below holds the masks to `fields.rs`.

use super::fields::{CONTAINERS_ANNOTATION, MIRROR_ANNOTATION, REVISION_LABEL};
use crate::json::Mask::{Fields, Scalar};
use crate::json::{Field, Mask};

/// Which annotations are read.
pub(crate) const ANNOTATIONS: [Field; 2] = [(CONTAINERS_ANNOTATION, Scalar), (MIRROR_ANNOTATION, Scalar)];

/// What else is read of an object's metadata.
pub(crate) const METADATA: Field = ("labels", Fields(&[(REVISION_LABEL, Scalar)]));

const CONTAINER: Mask = Fields(&[("name", Scalar), ("image", Scalar)]);

/// What is read of an object's `spec`.
pub(crate) const SPEC: [Field; 3] =
    [("initContainers", CONTAINER), ("containers", CONTAINER), ("ephemeralContainers", CONTAINER)];

#[cfg(test)]
mod tests {
    use super::super::fields::{ALL, ANNOTATION, ANNOTATIONS as ANNOTATIONS_PATH, IMAGE, MIRROR, NAME, OF_REVISION};
    use super::*;
    use crate::json::Node;

    const OBJECT: Mask =
        Fields(&[("metadata", Fields(&[("annotations", Fields(&ANNOTATIONS)), METADATA])), ("spec", Fields(&SPEC))]);

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
            assert_eq!(path.split_last(), Some((&key, ANNOTATIONS_PATH)));
        }
    }
}
