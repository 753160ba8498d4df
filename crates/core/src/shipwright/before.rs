//! An object before an UPDATE.

use super::annotation::Annotations;
use super::fields::ImageField;
use super::image::Image;
use crate::json::Node;

/// An object before an UPDATE, to see what the UPDATE changes.
pub(super) struct Before<'n> {
    pub(super) object: &'n Node<'n>,
    pub(super) annotations: Annotations,
}

impl<'n> Before<'n> {
    /// Reads the object. Its faults are ignored, since the request did not cause them.
    pub(super) fn of(object: &'n Node<'n>) -> Self {
        Self { object, annotations: Annotations::read(object, &mut Vec::new()) }
    }

    /// The image that the object had in a field.
    pub(super) fn image(&self, field: &'static ImageField) -> Option<Image<'n>> {
        Image::read(self.object, field, self.annotations).ok().flatten()
    }
}
