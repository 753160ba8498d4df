//! Access to the fields of an object, where a value of another type is a fault.

use crate::json::{Node, Path};
use crate::message::Fault;

/// The value at a path; `None` if it, or an object on the way to it, is absent or null.
pub(crate) fn value_at<'n, 'a>(object: &'n Node<'a>, path: Path) -> Result<Option<&'n Node<'a>>, Fault> {
    object.at(path).map_err(|error| {
        let parent = path.get(..error.depth).unwrap_or(path);
        Fault::wrong_type(parent, error.found, "an object")
    })
}
