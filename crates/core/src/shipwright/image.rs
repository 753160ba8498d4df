//! One image of an object: whether it is local, and what becomes of it.

use std::fmt;

use super::annotation::{Mark, Marks};
use super::defaults::Stated;
use super::fields::{ImageField, Role, Version};
use super::messages::BuildWarning;
use super::request::BuildRequest;
use crate::admission::{Fate, ImageProblem, Outcome, Repositories, Settings, fate_of_local_image, undo, value_at};
use crate::json::Node;
use crate::message::Fault;
use crate::registry::{
    Host, ImageReference, PORTABLE_HOST, RegistryHost, named_registry, names_portable_host, other_registry,
};

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
    /// What the object states beside the image.
    pub(super) stated: Stated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Locality {
    /// The image may name any registry.
    NotLocal,
    /// The image belongs to the cluster's registry, and why.
    Local(Marker),
    /// The image names the portable host, and its field `local` is false.
    Contradictory,
}

impl Locality {
    fn read(explicit: Option<bool>, mark: Option<Mark>, role: Role, text: &str) -> Self {
        match (explicit, mark) {
            (Some(true), _) => Self::Local(Marker::Field),
            (None, Some(Mark::Local)) => Self::Local(Marker::Annotation(role)),
            (None, Some(Mark::Recorded)) => Self::Local(Marker::Record(role)),
            (Some(false), _) if names_portable_host(text) => Self::Contradictory,
            (None, _) if names_portable_host(text) => Self::Local(Marker::Name),
            (Some(false), _) | (None, Some(Mark::NotLocal) | None) => Self::NotLocal,
        }
    }
}

/// What makes an image local.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    /// The field `local` beside the image.
    Field,
    /// The annotation for images of this role.
    Annotation(Role),
    /// The same annotation, as the record of a field `local: true` that is gone.
    Record(Role),
    /// The annotation of the BuildRun that inherits the image.
    Run,
    /// The portable host in the image itself.
    Name,
}

impl Marker {
    /// How users undo it.
    fn undo(self, image: &str) -> String {
        match self {
            Self::Name => undo(image, None),
            mark => undo(image, Some(&mark)),
        }
    }
}

/// Prints how users undo it, apart from the name in the image.
impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => Ok(()),
            Self::Field => f.write_str("set local: false"),
            Self::Annotation(role) => write!(f, "remove the annotation {}", role.annotation()),
            Self::Record(role) => {
                write!(f, "set local: false, or the annotation {} to \"false\"", role.annotation())
            }
            Self::Run => write!(f, "remove the annotation {} of the BuildRun", Role::Output.annotation()),
        }
    }
}

impl<'n> Image<'n> {
    /// Reads an image field; `None` if the object does not have it.
    pub(super) fn read(object: &'n Node<'n>, field: &'static ImageField, marks: Marks) -> Result<Option<Self>, Fault> {
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
        let mark = marks.mark(field.role);
        let value = fields.field("image");
        let locality = Locality::read(explicit, mark, field.role, value.and_then(Node::text).unwrap_or_default());
        Ok(Some(Self { field, value, locality, explicit, mark, stated: Stated::read(fields) }))
    }

    /// Whether only the record of an earlier `local: true` makes the image local.
    fn is_local_by_record(&self) -> bool {
        matches!(self.locality, Locality::Local(Marker::Record(_)))
    }

    /// The registry that its author named instead of `local`, so that the record does not count.
    ///
    /// Such an image is local only by its record, names a registry that is not the cluster's, and is new, or its record is.
    /// A client that lost the field without its author's intent writes the image and the record that were there before, or
    /// an image without a registry.
    pub(super) fn outgrew_record(&self, before: Option<&Image<'_>>, settings: &Settings) -> Option<&'n str> {
        let has_outgrown = self.is_local_by_record() && !self.was_local_by(Mark::Recorded, before);
        self.registry().filter(|registry| has_outgrown && Some(*registry) != settings.host_text())
    }

    /// The registry that the image names; `None` if it names none but the portable one, or is no reference.
    fn registry(&self) -> Option<&'n str> {
        ImageReference::parse(self.text()).ok()?;
        other_registry(self.text())
    }

    /// Whether an UPDATE writes a record over the annotation `"true"` of the same image. Only the policy writes records, and
    /// it writes none there.
    pub(super) fn has_record_over_mark(&self, before: Option<&Image<'_>>) -> bool {
        self.is_recorded() && self.was_local_by(Mark::Local, before)
    }

    /// Whether the image is as it was, and had this mark and was local.
    fn was_local_by(&self, mark: Mark, before: Option<&Image<'_>>) -> bool {
        before.is_some_and(|before| before.value == self.value && before.is_local() && before.mark == Some(mark))
    }

    /// Whether an UPDATE only drops the field `local: true` of an image that has no record. The object was stored while this
    /// policy was not asked, and a client that does not know the field may have written it back. An image that names
    /// another registry than the cluster's is left out, since a record would have it moved.
    pub(super) fn lost_field(&self, before: Option<&Image<'_>>, settings: &Settings) -> bool {
        (self.explicit, self.mark) == (None, None)
            && before.is_some_and(|before| before.value == self.value && before.explicit == Some(true))
            && named_registry(self.text()).is_none_or(|registry| Some(registry) == settings.host_text())
    }

    /// Gives the image another mark, which makes it local unless its field says something.
    pub(super) fn set_mark(&mut self, mark: Mark) {
        self.mark = Some(mark);
        self.locality = Locality::read(self.explicit, self.mark, self.field.role, self.text());
    }

    /// Whether the object has a record that the image is local, whatever its field says.
    pub(super) fn is_recorded(&self) -> bool {
        self.mark == Some(Mark::Recorded)
    }

    /// Makes the image, which is local by its record, not local.
    pub(super) fn release(&mut self) {
        self.mark = None;
        self.locality = Locality::NotLocal;
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
        if self.locality == Locality::NotLocal {
            self.locality = Locality::Local(Marker::Run);
        }
    }

    pub(super) fn is_local(&self) -> bool {
        matches!(self.locality, Locality::Local(_))
    }

    /// Whether something beside the image makes it local, as it is stored: v1alpha1 has no field `local` there. What is local by
    /// the portable host alone needs no guard, since that leads to nobody else's registry.
    pub(super) fn is_marked(&self, version: Version) -> bool {
        let explicit = self.explicit.filter(|_| version == Version::V1Beta1);
        explicit.unwrap_or_else(|| self.mark.is_some_and(Mark::is_local))
    }

    /// Whether the image names the portable host, and its field `local` is false.
    pub(super) fn is_contradictory(&self) -> bool {
        self.locality == Locality::Contradictory
    }

    /// Whether nothing but the portable host in the image makes it local.
    pub(super) fn is_local_by_name(&self) -> bool {
        self.locality == Locality::Local(Marker::Name)
    }

    /// Warns of an annotation that says that the image is not local, and is overruled by the portable host in it.
    #[inline(never)]
    pub(super) fn warn_of_overruled_mark(&self, outcome: &mut Outcome) {
        if self.is_local_by_name() && self.mark.is_some() {
            outcome.warn(&BuildWarning::OverruledAnnotation { field: self.field, text: self.text() });
        }
    }

    /// The reference as it was written; empty if there is none.
    pub(super) fn text(&self) -> &'n str {
        self.value.and_then(Node::text).unwrap_or_default()
    }

    /// Whether two versions of an object mean the same image, whatever makes it local.
    pub(super) fn is_same_as(&self, other: &Image<'_>) -> bool {
        self.value == other.value && self.is_local() == other.is_local()
    }

    /// Whether this is another local image with the cluster's registry in front.
    pub(super) fn resolves(&self, other: &Image<'_>, settings: &Settings) -> bool {
        let at = |host| ImageReference::parse(other.text()).is_ok_and(|reference| reference.at(host) == self.text());
        self.is_local() && other.is_local() && settings.host.as_ref().is_some_and(|host| at(host))
    }

    /// What becomes of the image.
    pub(super) fn fate(&self, request: &BuildRequest<'_>) -> Fate<'n> {
        let settings = request.settings;
        let host = settings.host.as_ref().map(|host| host as &dyn Host);
        match self.locality {
            Locality::Local(marker) => match fate_of_local_image(self.value, host, &|| marker.undo(self.text())) {
                Fate::Invalid(problem) => Fate::Invalid(problem),
                fate => self.outside_of_namespace(request).map_or(fate, Fate::Invalid),
            },
            // A cluster may declare the portable host, and have had such images before it meant anything else.
            Locality::Contradictory if settings.host_text() != Some(PORTABLE_HOST) => {
                Fate::Invalid(ImageProblem::Contradiction(self.text()))
            }
            Locality::NotLocal | Locality::Contradictory => Fate::NotLocal,
        }
    }

    /// What is wrong with a local output in another namespace's repository, if the settings keep each namespace to its own.
    fn outside_of_namespace(&self, request: &BuildRequest<'_>) -> Option<ImageProblem<'n>> {
        if self.field.role != Role::Output || request.settings.repositories == Repositories::Any {
            return None;
        }
        let reference = ImageReference::parse(self.text()).ok()?;
        let (rest, namespace) = (reference.remainder(), request.namespace);
        if reference.is_below(namespace) {
            return None;
        }
        let registry = self.text().strip_suffix(rest).unwrap_or_default();
        let mut right = format!("{registry}{namespace}/{rest}");
        // The namespace `localhost` would be taken for a registry.
        if registry.is_empty() && named_registry(&right).is_some() {
            right = format!("{PORTABLE_HOST}/{right}");
        }
        Some(ImageProblem::OutsideOfNamespace { text: self.text(), right })
    }

    /// The fault of an image that cannot be local as it is written.
    pub(super) fn invalid(&self, problem: &ImageProblem<'_>) -> Fault {
        problem.at(self.field.image)
    }

    /// The fault of an image whose fate is [`Fate::NoRegistry`] and cannot wait.
    pub(super) fn without_registry(&self, settings: &Settings) -> Fault {
        let marker = match self.locality {
            Locality::Local(marker) => marker,
            Locality::NotLocal | Locality::Contradictory => Marker::Field,
        };
        let (undo, help) = (marker.undo(self.text()), settings.help.as_deref());
        ImageProblem::NoRegistry { text: self.text(), whose: "", undo, help }.at(self.field.image)
    }

    /// Where an image is that an UPDATE leaves as it was `before`.
    pub(super) fn place(&self, before: &Image<'_>, settings: &Settings) -> Place {
        if !self.is_local() {
            return Place::Settled;
        }
        let host = settings.host.as_ref();
        let at = |host: &RegistryHost| ImageReference::parse(self.text()).ok().map(|reference| reference.at(host));
        match (other_registry(self.text()), host) {
            (_, Some(host)) if named_registry(self.text()) == Some(host.as_str()) => Place::Settled,
            (None, host) => host.and_then(at).map_or(Place::Settled, Place::Nowhere),
            // The policy never wrote a registry that is not a valid host.
            (Some(registry), host) if before.is_recorded() && RegistryHost::parse(registry).is_ok() => match host {
                Some(host) => at(host).map_or(Place::Foreign, Place::Earlier),
                None => Place::Settled,
            },
            (Some(_), _) => Place::Foreign,
        }
    }
}

/// Where an image is that an UPDATE does not change.
#[derive(Debug)]
pub(super) enum Place {
    /// Where it belongs, as far as this policy knows.
    Settled,
    /// It is local and names no registry but the portable one. At the cluster's registry, it is this.
    Nowhere(String),
    /// It is local, was recorded as that, and names another registry: an earlier one of the cluster's. At the current
    /// one, it is this.
    Earlier(String),
    /// It is local and names another registry, of which no record says that it was the cluster's. The object was stored
    /// while this policy was not asked.
    Foreign,
}

/// An object before an UPDATE, to see what the UPDATE changes.
pub(super) struct Before<'n> {
    pub(super) object: &'n Node<'n>,
    pub(super) marks: Marks,
}

impl<'n> Before<'n> {
    /// Reads the object. Its faults are ignored, since the request did not cause them.
    pub(super) fn read(object: &'n Node<'n>) -> Self {
        Self { object, marks: Marks::read(object).0 }
    }

    /// The image that the object had in a field.
    pub(super) fn image(&self, field: &'static ImageField) -> Option<Image<'n>> {
        Image::read(self.object, field, self.marks).ok().flatten()
    }
}
