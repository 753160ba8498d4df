//! Access to the fields that every object has, where a value of another type is a fault.

use crate::json::{Node, Path};
use crate::message::Fault;

/// An object's annotations.
pub(crate) const ANNOTATIONS: Path = &["metadata", "annotations"];

/// What an object says apart from its metadata.
pub(crate) const SPEC: Path = &["spec"];

/// The value at a path; `None` if it, or an object on the way to it, is absent or null.
pub(crate) fn value_at<'n, 'a>(object: &'n Node<'a>, path: Path) -> Result<Option<&'n Node<'a>>, Fault> {
    object.at(path).map_err(|error| {
        let parent = path.get(..error.depth).unwrap_or(path);
        Fault::wrong_type(parent, error.found, "an object")
    })
}

/// The annotations of an object; `None` if it has none.
pub(crate) fn annotations<'n, 'a>(object: &'n Node<'a>) -> Result<Option<&'n Node<'a>>, Fault> {
    match value_at(object, ANNOTATIONS)? {
        Some(other) if !matches!(other, Node::Object(_)) => {
            Err(Fault::wrong_type(ANNOTATIONS, other.type_name(), "an object"))
        }
        annotations => Ok(annotations),
    }
}
