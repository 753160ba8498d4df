//! The images of an object: which are local, and what becomes of one that is.

use crate::fault::{Fault, Help, Marker, Problem};
use crate::fields::{self, ImageField, Path, Role};
use crate::host::RegistryHost;
use crate::image::{ImageReference, named_registry};
use crate::json::Node;
use crate::settings::Settings;

/// An image field of an object, as it stands there.
#[derive(Debug, Clone)]
pub(crate) struct Image<'n> {
    pub(crate) field: &'static ImageField,
    image: Option<&'n Node<'n>>,
    locality: Locality,
    /// What the field `local` says, whatever the annotation does.
    pub(crate) explicit: Option<bool>,
    /// What the annotation says, whatever the field does.
    pub(crate) mark: Option<Mark>,
    /// Whether the object says anything about `insecure`.
    pub(crate) states_insecure: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Locality {
    /// Names whatever registry it likes.
    Foreign,
    /// Wants the cluster's registry, and what says so.
    Local(Marker),
}

/// What an annotation ([`Role::annotation`]) says of the images of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// `"true"`: they are local.
    Local,
    /// `"false"`: they are not.
    NotLocal,
    /// `"recorded"`: the field `local` said so once, and may have been lost since. Whatever reads a Build and
    /// writes it back without knowing the field drops it; annotations survive.
    Recorded,
}

impl Mark {
    pub(crate) const RECORDED: &str = "recorded";
    pub(crate) const NOT_LOCAL: &str = "false";

    /// Reads the value of an annotation.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "true" => Some(Self::Local),
            Self::NOT_LOCAL => Some(Self::NotLocal),
            Self::RECORDED => Some(Self::Recorded),
            _ => None,
        }
    }

    /// Whether the images are local where the field `local` says nothing.
    #[must_use]
    pub fn is_local(self) -> bool {
        self != Self::NotLocal
    }
}

/// What becomes of a local image.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// It gets the cluster's registry in front.
    Inject(String),
    /// It names the cluster's registry already.
    Keep,
    /// It names no registry, as it should, and the cluster has none.
    Wanting,
}

/// The annotations of an object that mark images as local.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Annotations([Option<Mark>; 3]);

impl Annotations {
    /// Reads the annotations; one with another value than those of [`Mark`] counts as absent and is a fault.
    pub(crate) fn read(object: &Node<'_>, faults: &mut Vec<Fault>) -> Self {
        let Some(annotations) = tell(annotations_of(object), faults) else { return Self([None; 3]) };
        Self(Role::ALL.map(|role| tell(marked(annotations, role), faults)))
    }

    /// Annotations that say something of one role alone.
    pub(crate) fn of(role: Role, mark: Option<Mark>) -> Self {
        Self(Role::ALL.map(|each| mark.filter(|_| each == role)))
    }

    /// Whether the annotation for a role says that its images are local.
    pub(crate) fn mark_local(&self, role: Role) -> bool {
        self.says(role).is_some_and(Mark::is_local)
    }

    /// What the annotation for a role says.
    pub(crate) fn says(&self, role: Role) -> Option<Mark> {
        let [output, source, builder] = self.0;
        match role {
            Role::Output => output,
            Role::Source => source,
            Role::Builder => builder,
        }
    }
}

/// An object before an UPDATE, to tell what has changed since.
pub(crate) struct Before<'n> {
    object: &'n Node<'n>,
    pub(crate) annotations: Annotations,
}

impl<'n> Before<'n> {
    /// Reads the object; its faults are not those of the request.
    pub(crate) fn of(object: &'n Node<'n>) -> Self {
        Self { object, annotations: Annotations::read(object, &mut Vec::new()) }
    }

    /// The image that the object had in the same place, if any.
    pub(crate) fn image(&self, field: &'static ImageField) -> Option<Image<'n>> {
        Image::read(self.object, field, &self.annotations).ok().flatten()
    }
}

/// What the annotation of an object says of images of a role.
pub(crate) fn annotation(object: &Node<'_>, role: Role) -> Result<Option<Mark>, Fault> {
    annotations_of(object)?.map_or(Ok(None), |annotations| marked(annotations, role))
}

/// The annotations of an object, where it has any.
fn annotations_of<'n, 'a>(object: &'n Node<'a>) -> Result<Option<&'n Node<'a>>, Fault> {
    match value_at(object, fields::ANNOTATIONS_PATH)? {
        Some(other) if !matches!(other, Node::Object(_)) => {
            Err(wrong_type(fields::ANNOTATIONS_PATH, other.kind(), "an object"))
        }
        annotations => Ok(annotations),
    }
}

/// What annotations say of a role.
fn marked(annotations: &Node<'_>, role: Role) -> Result<Option<Mark>, Fault> {
    match annotations.field(role.annotation()) {
        None => Ok(None),
        Some(Node::String(text)) => match Mark::parse(text) {
            None => Err(Fault::new(role.annotation_path(), Problem::AnnotationValue { found: text.to_string() })),
            mark => Ok(mark),
        },
        Some(other) => Err(wrong_type(role.annotation_path(), other.kind(), "\"true\" or \"false\"")),
    }
}

/// What was read; a fault goes to the others.
fn tell<T>(read: Result<Option<T>, Fault>, faults: &mut Vec<Fault>) -> Option<T> {
    read.unwrap_or_else(|fault| {
        faults.push(fault);
        None
    })
}

/// The value at a path, or the fault of whatever on the way is no object.
pub(crate) fn value_at<'n, 'a>(object: &'n Node<'a>, path: Path) -> Result<Option<&'n Node<'a>>, Fault> {
    object.at(path).map_err(|error| {
        let parent = path.get(..error.depth).unwrap_or(path);
        wrong_type(parent, error.found, "an object")
    })
}

pub(crate) fn wrong_type(path: Path, found: &'static str, expected: &'static str) -> Fault {
    Fault::new(path, Problem::Type { found, expected })
}

impl<'n> Image<'n> {
    /// Reads an image field; `None` where the object has none.
    pub(crate) fn read(
        object: &'n Node<'n>,
        field: &'static ImageField,
        annotations: &Annotations,
    ) -> Result<Option<Self>, Fault> {
        let Some(fields) = value_at(object, field.path)? else { return Ok(None) };
        if !matches!(fields, Node::Object(_)) {
            return Err(wrong_type(field.path, fields.kind(), "an object"));
        }
        let explicit = match local_field(fields) {
            Some(Node::Bool(local)) => Some(*local),
            Some(other) => return Err(wrong_type(field.local, other.kind(), "true or false")),
            None => None,
        };
        let mark = annotations.says(field.role);
        let locality = match (explicit, mark) {
            (Some(true), _) => Locality::Local(Marker::Field),
            (None, Some(Mark::Local)) => Locality::Local(Marker::Annotation(field.role)),
            (None, Some(Mark::Recorded)) => Locality::Local(Marker::Record(field.role)),
            (Some(false), _) | (None, Some(Mark::NotLocal) | None) => Locality::Foreign,
        };
        let states_insecure = fields.field("insecure").is_some();
        Ok(Some(Self { field, image: fields.field("image"), locality, explicit, mark, states_insecure }))
    }

    /// Whether nothing but the record of an earlier `local: true` makes the image local.
    fn is_by_record(&self) -> bool {
        matches!(self.locality, Locality::Local(Marker::Record(_)))
    }

    /// Lets go of an image whose author has dropped `local` and written another registry than ours: one that is
    /// local by its record alone, and new. Says whether it did. A record that is all that a write left of the
    /// field comes with the image that was there before, or with one that names no registry.
    pub(crate) fn release(&mut self, before: Option<&Image<'_>>, settings: &Settings) -> bool {
        let was_there = before.is_some_and(|before| before.image == self.image && before.is_local());
        if !self.is_by_record() || was_there {
            return false;
        }
        let ours = settings.host.as_ref().map(RegistryHost::as_str);
        let released = named_registry(self.text()).is_some_and(|registry| Some(registry) != ours);
        if released {
            self.locality = Locality::Foreign;
        }
        released
    }

    /// Whether the request leaves the image to its record: the field is gone, or the image is another one, and
    /// it names no registry. It may be what the author wants, so it is worth a word.
    pub(crate) fn falls_back_on_record(&self, before: Option<&Image<'_>>) -> bool {
        let is_settled = |before: &Image<'_>| {
            before.image == self.image && before.explicit == self.explicit && before.mark == self.mark
        };
        self.is_by_record() && !before.is_some_and(is_settled) && named_registry(self.text()).is_none()
    }

    /// Marks an image as local that another object's annotation speaks of: an inherited output.
    pub(crate) fn claim(&mut self) {
        if !self.is_local() {
            self.locality = Locality::Local(Marker::Run);
        }
    }

    pub(crate) fn is_local(&self) -> bool {
        self.locality != Locality::Foreign
    }

    /// The reference as it was written; empty where there is none.
    pub(crate) fn text(&self) -> &'n str {
        self.image.and_then(Node::text).unwrap_or_default()
    }

    /// Whether two versions of an object mean the same image here, whatever says that it is local.
    pub(crate) fn is_same_as(&self, other: &Image<'_>) -> bool {
        self.image == other.image && self.is_local() == other.is_local()
    }

    /// What becomes of the image; `None` where it is not local.
    pub(crate) fn resolve(&self, settings: &Settings) -> Option<Result<Resolution, Fault>> {
        let Locality::Local(marker) = self.locality else { return None };
        let outcome = match self.image {
            Some(Node::String(text)) => resolve(text, marker, settings),
            Some(other) => Err(Problem::NoImage { found: other.kind(), marker }),
            None => Err(Problem::NoImage { found: "nothing", marker }),
        };
        Some(outcome.map_err(|problem| Fault::new(self.field.image, problem)))
    }

    /// The fault of an image that is [`Resolution::Wanting`] where it cannot wait.
    pub(crate) fn without_registry(&self, settings: &Settings) -> Fault {
        let marker = match self.locality {
            Locality::Local(marker) => marker,
            Locality::Foreign => Marker::Field,
        };
        let problem = Problem::NoRegistry { text: self.text().to_owned(), marker, help: Help(settings.help.clone()) };
        Fault::new(self.field.image, problem)
    }

    /// Where an image that was local before now belongs: at the cluster's registry, if it names an
    /// earlier one or none at all. `None` where there is nothing to move, or no way to.
    pub(crate) fn moved(&self, settings: &Settings) -> Option<String> {
        let host = settings.host.as_ref().filter(|_| self.is_local())?;
        let reference = ImageReference::parse(self.text()).ok()?;
        match reference.registry() {
            Some(registry) if registry == host.as_str() => None,
            // What could never have been our host was not put there by us.
            Some(registry) if RegistryHost::parse(registry).is_err() => None,
            _ => Some(reference.at(host)),
        }
    }
}

/// The field `local` of an image; null is a value here, and no boolean.
fn local_field<'n, 'a>(fields: &'n Node<'a>) -> Option<&'n Node<'a>> {
    match fields {
        Node::Object(object) => object.entry("local").map(|entry| &entry.value),
        _ => None,
    }
}

fn resolve(text: &str, marker: Marker, settings: &Settings) -> Result<Resolution, Problem> {
    let reference = match ImageReference::parse(text) {
        Ok(reference) => reference,
        Err(error) => return Err(Problem::Reference { text: text.to_owned(), error, marker }),
    };
    match (reference.registry(), &settings.host) {
        (None, Some(host)) => Ok(Resolution::Inject(reference.at(host))),
        (Some(registry), Some(host)) if registry == host.as_str() => Ok(Resolution::Keep),
        (Some(registry), _) => Err(Problem::ForeignRegistry {
            text: text.to_owned(),
            registry: registry.to_owned(),
            remainder: reference.remainder().to_owned(),
            marker,
        }),
        (None, None) => Ok(Resolution::Wanting),
    }
}

/// Whether a reference names the cluster's registry.
pub(crate) fn is_at(text: &str, host: &RegistryHost) -> bool {
    named_registry(text) == Some(host.as_str())
}
