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
pub(crate) struct Annotations([Option<bool>; 3]);

impl Annotations {
    /// Reads the annotations; one that is neither "true" nor "false" counts as absent and is a fault.
    pub(crate) fn read(object: &Node<'_>, faults: &mut Vec<Fault>) -> Self {
        let Some(annotations) = tell(annotations_of(object), faults) else { return Self([None; 3]) };
        Self(Role::ALL.map(|role| tell(marked(annotations, role), faults)))
    }

    /// Annotations that say something of one role alone.
    pub(crate) fn of(role: Role, marked: Option<bool>) -> Self {
        Self(Role::ALL.map(|each| marked.filter(|_| each == role)))
    }

    /// What the annotation for a role says.
    pub(crate) fn says(&self, role: Role) -> Option<bool> {
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

    /// Whether the object had the same image in the same place.
    pub(crate) fn had(&self, image: &Image<'_>) -> bool {
        matches!(Image::read(self.object, image.field, &self.annotations), Ok(Some(before)) if image.is_same_as(&before))
    }
}

/// Whether an object marks images of a role as local by annotation.
pub(crate) fn annotation(object: &Node<'_>, role: Role) -> Result<Option<bool>, Fault> {
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
fn marked(annotations: &Node<'_>, role: Role) -> Result<Option<bool>, Fault> {
    match annotations.field(role.annotation()) {
        None => Ok(None),
        Some(Node::String(text)) if text == "true" => Ok(Some(true)),
        Some(Node::String(text)) if text == "false" => Ok(Some(false)),
        Some(Node::String(text)) => {
            Err(Fault::new(role.annotation_path(), Problem::AnnotationValue { found: text.to_string() }))
        }
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
        let locality = match explicit {
            Some(true) => Locality::Local(Marker::Field),
            Some(false) => Locality::Foreign,
            None if annotations.says(field.role) == Some(true) => Locality::Local(Marker::Annotation(field.role)),
            None => Locality::Foreign,
        };
        let states_insecure = fields.field("insecure").is_some();
        Ok(Some(Self { field, image: fields.field("image"), locality, explicit, states_insecure }))
    }

    pub(crate) fn is_local(&self) -> bool {
        self.locality != Locality::Foreign
    }

    /// The reference as it was written; empty where there is none.
    pub(crate) fn text(&self) -> &'n str {
        self.image.and_then(Node::text).unwrap_or_default()
    }

    /// Whether two versions of an object mean the same image here, whatever says that it is local.
    fn is_same_as(&self, other: &Image<'_>) -> bool {
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
