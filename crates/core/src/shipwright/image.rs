//! One image of an object: whether it is local, and what becomes of it.

use super::annotation::{Annotations, Mark};
use super::fields::ImageField;
use super::marker::Marker;
use crate::admission::{ImageProblem, Settings, resolve_image, value_at};
use crate::json::Node;
use crate::message::Fault;
use crate::registry::{Host, ImageReference, RegistryHost, Resolution, named_registry};

/// An image of an object, as it was written.
#[derive(Debug, Clone)]
pub(super) struct Image<'n> {
    pub(super) field: &'static ImageField,
    value: Option<&'n Node<'n>>,
    locality: Locality,
    /// What the field `local` says, whatever the annotation says.
    pub(super) explicit: Option<bool>,
    /// What the annotation says, whatever the field says.
    pub(super) mark: Option<Mark>,
    /// Whether the object has the field `insecure`.
    pub(super) states_insecure: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Locality {
    /// The image may name any registry.
    NotLocal,
    /// The image belongs to the cluster's registry, and why.
    Local(Marker),
}

impl<'n> Image<'n> {
    /// Reads an image field; `None` if the object does not have it.
    pub(super) fn read(
        object: &'n Node<'n>,
        field: &'static ImageField,
        annotations: Annotations,
    ) -> Result<Option<Self>, Fault> {
        let Some(fields) = value_at(object, field.path)? else { return Ok(None) };
        let Node::Object(entries) = fields else {
            return Err(Fault::wrong_type(field.path, fields.type_name(), "an object"));
        };
        // Unlike elsewhere, null is not the same as absent: it is neither true nor false.
        let explicit = match entries.entry("local").map(|entry| &entry.value) {
            Some(Node::Bool(local)) => Some(*local),
            Some(other) => return Err(Fault::wrong_type(field.local, other.type_name(), "true or false")),
            None => None,
        };
        let mark = annotations.mark(field.role);
        let locality = match (explicit, mark) {
            (Some(true), _) => Locality::Local(Marker::Field),
            (None, Some(Mark::Local)) => Locality::Local(Marker::Annotation(field.role)),
            (None, Some(Mark::Recorded)) => Locality::Local(Marker::Record(field.role)),
            (Some(false), _) | (None, Some(Mark::NotLocal) | None) => Locality::NotLocal,
        };
        let states_insecure = fields.field("insecure").is_some();
        Ok(Some(Self { field, value: fields.field("image"), locality, explicit, mark, states_insecure }))
    }

    /// Whether only the record of an earlier `local: true` makes the image local.
    fn is_local_by_record(&self) -> bool {
        matches!(self.locality, Locality::Local(Marker::Record(_)))
    }

    /// Makes an image not local whose author removed `local` and named another registry. Returns whether it did.
    ///
    /// Such an image is local only by its record, names a registry that is not the cluster's, and is new. A client that
    /// lost the field without its author's intent writes the image that was there before, or one without a registry.
    pub(super) fn release(&mut self, before: Option<&Image<'_>>, settings: &Settings) -> bool {
        let was_there = before.is_some_and(|before| before.value == self.value && before.is_local());
        if !self.is_local_by_record() || was_there {
            return false;
        }
        let ours = settings.host.as_ref().map(RegistryHost::as_str);
        let names_another = named_registry(self.text()).is_some_and(|registry| Some(registry) != ours);
        if names_another {
            self.locality = Locality::NotLocal;
        }
        names_another
    }

    /// Whether this request makes the image local by its record alone: the field is gone or the image has changed, and
    /// the image names no registry. The author may have meant that or not, so it is worth a warning.
    pub(super) fn falls_back_on_record(&self, before: Option<&Image<'_>>) -> bool {
        let is_unchanged = |before: &Image<'_>| {
            before.value == self.value && before.explicit == self.explicit && before.mark == self.mark
        };
        self.is_local_by_record() && !before.is_some_and(is_unchanged) && named_registry(self.text()).is_none()
    }

    /// Makes the image local because of the annotation of the BuildRun that inherits it.
    pub(super) fn claim_for_run(&mut self) {
        if !self.is_local() {
            self.locality = Locality::Local(Marker::Run);
        }
    }

    pub(super) fn is_local(&self) -> bool {
        self.locality != Locality::NotLocal
    }

    /// The reference as it was written; empty if there is none.
    pub(super) fn text(&self) -> &'n str {
        self.value.and_then(Node::text).unwrap_or_default()
    }

    /// Whether two versions of an object mean the same image, whatever makes it local.
    pub(super) fn is_same_as(&self, other: &Image<'_>) -> bool {
        self.value == other.value && self.is_local() == other.is_local()
    }

    /// What becomes of the image; `None` if it is not local.
    pub(super) fn resolve(&self, settings: &Settings) -> Option<Result<Resolution, Fault>> {
        let Locality::Local(marker) = self.locality else { return None };
        let host = settings.host.as_ref().map(|host| host as &dyn Host);
        let resolution = resolve_image(self.value, host, || marker.undo().to_string());
        Some(resolution.map_err(|problem| problem.at(self.field.image)))
    }

    /// The fault of an image whose resolution is [`Resolution::NoRegistry`] and cannot wait.
    pub(super) fn without_registry(&self, settings: &Settings) -> Fault {
        let marker = match self.locality {
            Locality::Local(marker) => marker,
            Locality::NotLocal => Marker::Field,
        };
        let (undo, help) = (marker.undo().to_string(), settings.help.as_deref());
        ImageProblem::NoRegistry { text: self.text(), whose: "", undo, help }.at(self.field.image)
    }

    /// The image at the cluster's registry, for a local image that names an earlier registry or none. `None` if it is
    /// there already, or cannot be moved.
    pub(super) fn moved(&self, settings: &Settings) -> Option<String> {
        let host = settings.host.as_ref().filter(|_| self.is_local())?;
        let reference = ImageReference::parse(self.text()).ok()?;
        match reference.registry() {
            Some(registry) if registry == host.as_str() => None,
            // The policy never wrote a registry that is not a valid host.
            Some(registry) if RegistryHost::parse(registry).is_err() => None,
            _ => Some(reference.at(host)),
        }
    }
}
