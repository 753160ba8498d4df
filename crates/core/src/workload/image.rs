//! The images of an object: those of its containers and of its image volumes.

use super::fields::{ImageHolders, NAME};
use crate::admission::value_at;
use crate::json::{Node, Path};
use crate::message::{Fault, FieldPath};
use crate::registry::names_portable_host;

/// The image of a container or image volume, and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Image<'n> {
    /// The name of the container or volume.
    pub(super) name: &'n str,
    pub(super) value: Option<&'n Node<'n>>,
    list: Path,
    index: usize,
    field: Path,
}

impl<'n> Image<'n> {
    /// The images in these lists of an object. A volume without an image is left out. A container may have no name yet, which is
    /// empty then, and which no annotation can have.
    pub(super) fn list(object: &'n Node<'n>, holders: &ImageHolders, lists: &[Path]) -> Result<Vec<Self>, Fault> {
        let mut found = Vec::new();
        for list in lists {
            let elements = match value_at(object, list)? {
                None => continue,
                Some(Node::Array(elements)) => elements,
                Some(other) => {
                    let expected = if holders.is_volumes() { "a list of volumes" } else { "a list of containers" };
                    return Err(Fault::wrong_type(list, other.type_name(), expected));
                }
            };
            found.extend(elements.iter().enumerate().filter_map(|(index, element)| {
                if holders.is_volumes() {
                    element.field("image")?;
                }
                let value = value_in(element, holders.image);
                Some(Self { name: name_of(element), value, list, index, field: holders.image })
            }));
        }
        Ok(found)
    }

    /// Whether any image in these lists names the portable host. What is malformed does not.
    pub(super) fn any_names_portable_host(object: &Node<'_>, holders: &ImageHolders, lists: &[Path]) -> bool {
        lists.iter().any(|list| match object.at(list) {
            Ok(Some(Node::Array(elements))) => elements
                .iter()
                .any(|element| value_in(element, holders.image).and_then(Node::text).is_some_and(names_portable_host)),
            _ => false,
        })
    }

    /// The image as it was written; empty if there is none.
    pub(super) fn text(&self) -> &'n str {
        self.value.and_then(Node::text).unwrap_or_default()
    }

    /// Whether another version of the object has none of this name with this image in the same list. Kubernetes
    /// lets nobody move the containers of a pod, but ephemeral ones come in any order.
    pub(super) fn differs_in(&self, object: &Node<'_>) -> bool {
        let Ok(Some(Node::Array(elements))) = object.at(self.list) else { return true };
        let has_name = |other: &&Node<'_>| name_of(other) == self.name;
        let in_place = elements.get(self.index).filter(has_name);
        let other = in_place.or_else(|| elements.iter().find(has_name));
        other.is_none_or(|other| value_in(other, self.field) != self.value)
    }

    /// Its place: a list, the position in it, and the path of a field.
    pub(super) fn place(&self) -> (Path, usize, Path) {
        (self.list, self.index, self.field)
    }

    /// Its path, as messages name it.
    pub(super) fn path(&self) -> FieldPath {
        let (list, index, field) = self.place();
        FieldPath::in_element(list, index, field)
    }
}

fn name_of<'n>(element: &'n Node<'_>) -> &'n str {
    element.field(NAME).and_then(Node::text).unwrap_or_default()
}

fn value_in<'n, 'a>(element: &'n Node<'a>, field: Path) -> Option<&'n Node<'a>> {
    element.at(field).ok().flatten()
}
