//! The containers of an object.

use super::fields::{IMAGE, NAME};
use crate::admission::value_at;
use crate::json::{Node, Path};
use crate::message::{Fault, FieldPath};

/// A container, and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Container<'n> {
    pub(super) name: &'n str,
    pub(super) image: Option<&'n Node<'n>>,
    list: Path,
    index: usize,
}

impl<'n> Container<'n> {
    /// The containers in these lists of an object. One without a name is left out: no annotation can name it.
    pub(super) fn list(object: &'n Node<'n>, lists: &[Path]) -> Result<Vec<Self>, Fault> {
        let mut found = Vec::new();
        for list in lists {
            let containers = match value_at(object, list)? {
                None => continue,
                Some(Node::Array(containers)) => containers,
                Some(other) => return Err(Fault::wrong_type(list, other.type_name(), "a list of containers")),
            };
            found.extend(containers.iter().enumerate().filter_map(|(index, container)| {
                let name = container.field(NAME)?.text()?;
                Some(Self { name, image: container.field(IMAGE), list, index })
            }));
        }
        Ok(found)
    }

    /// Whether another version of the object has no container of this name with this image in the same list. Kubernetes
    /// lets nobody move the containers of a pod, but ephemeral ones come in any order.
    pub(super) fn differs_in(&self, object: &Node<'_>) -> bool {
        let Ok(Some(Node::Array(containers))) = object.at(self.list) else { return true };
        let has_name = |other: &&Node<'_>| other.field(NAME).and_then(Node::text) == Some(self.name);
        let in_place = containers.get(self.index).filter(has_name);
        let other = in_place.or_else(|| containers.iter().find(has_name));
        other.is_none_or(|other| other.field(IMAGE) != self.image)
    }

    /// The image's place: a list, the position in it, and a field.
    pub(super) fn place(&self) -> (Path, usize, &'static str) {
        (self.list, self.index, IMAGE)
    }

    /// The path of its image, as messages name it.
    pub(super) fn image_path(&self) -> FieldPath {
        let (list, index, field) = self.place();
        FieldPath::in_element(list, index, field)
    }
}
