//! Where the field `local` belongs in a CRD, and what is there.

use std::fmt;

use local_registry_cluster::crds::{Crd, CrdVersion, Schema};
use local_registry_core::Quoted;
use local_registry_core::shipwright::{ImageField, Kind, Version, image_fields};

/// The description of the field, by which it is recognised as ours.
pub(super) const DESCRIPTION: &str =
    "The image names no registry: the cluster's own is put in front of it at admission.";

/// A place for the field `local` beside an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The index of the version in the CRD.
    pub(super) index: usize,
    pub(super) version: &'a CrdVersion,
    field: &'static ImageField,
}

/// What is at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// Whatever users write there is kept.
    Anything,
    /// An image with the field, which has this description.
    Field(Option<&'a str>),
    /// An image without the field.
    NoField,
}

/// A CRD whose images are not where they are known to be, or that has another field of that name.
///
/// Prints where it differs, what was found there, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: found {found}; expected {expected}")]
pub struct OtherShape {
    path: String,
    found: String,
    expected: &'static str,
}

/// The places in the versions that are known.
pub(super) fn places(kind: Kind, crd: &Crd) -> impl Iterator<Item = Place<'_>> {
    crd.versions.iter().enumerate().flat_map(move |(index, version)| {
        let known = Version::parse(&version.name);
        let fields = known.into_iter().flat_map(move |known| image_fields(kind, known));
        fields.map(move |field| Place { index, version, field })
    })
}

impl<'a> Place<'a> {
    /// Whether anything is written there: the version is served or stored.
    pub(super) fn is_used(&self) -> bool {
        self.version.served || self.version.storage
    }

    /// The place as users write it: `v1beta1 spec.output`.
    fn text(&self, path: &[&str]) -> String {
        format!("{} {}", self.version.name, path.join("."))
    }

    /// The JSON pointer of the schema of a property beside the image.
    pub(super) fn pointer(&self, property: &str) -> String {
        let parts = self.field.path.iter().copied().chain([property]);
        let schema = format!("/spec/versions/{}/schema/openAPIV3Schema", self.index);
        parts.fold(schema, |pointer, part| format!("{pointer}/properties/{part}"))
    }

    /// What is there.
    ///
    /// # Errors
    /// An [`OtherShape`] if it is not an image, or one with another field `local`.
    pub(super) fn find(&self) -> Result<Found<'a>, OtherShape> {
        let Some(mut schema) = self.version.schema.as_ref() else {
            return Err(self.other(&["schema"], Instead::Nothing, "a schema"));
        };
        for (depth, part) in (1..).zip(self.field.path) {
            schema = match schema.properties.get(*part) {
                Some(next) => next,
                None if schema.preserves_unknown_fields => return Ok(Found::Anything),
                None => {
                    let path: Vec<&str> = self.field.path.iter().take(depth).copied().collect();
                    return Err(self.other(&path, Instead::Nothing, "an object"));
                }
            };
        }
        let expect = |property, expected: Type| {
            let found: Option<&'a Schema> = schema.properties.get(property);
            match found.map(|found| found.type_.as_deref()) {
                Some(Some(name)) if name == expected.name => Ok(found),
                Some(name) => {
                    let path: Vec<&str> = self.field.path.iter().copied().chain([property]).collect();
                    Err(self.other(&path, name.map_or(Instead::AnyType, Instead::Type), expected.noun))
                }
                None => Ok(None),
            }
        };
        let image = expect("image", Type { name: "string", noun: "a string" })?;
        let local = expect("local", Type { name: "boolean", noun: "a boolean" })?;
        if let Some(keyword) = local.and_then(keyword) {
            let path: Vec<&str> = self.field.path.iter().copied().chain(["local"]).collect();
            return Err(self.other(&path, Instead::Keyword(keyword), "a boolean without default, nullable and enum"));
        }
        match (image, local) {
            (_, Some(local)) => Ok(Found::Field(local.description.as_deref())),
            (_, None) if schema.preserves_unknown_fields => Ok(Found::Anything),
            (Some(_), None) => Ok(Found::NoField),
            (None, None) => {
                let path: Vec<&str> = self.field.path.iter().copied().chain(["image"]).collect();
                Err(self.other(&path, Instead::Nothing, "a string"))
            }
        }
    }

    /// Whether a field `local` that this program has added is there, whatever else is.
    pub(super) fn has_ours(&self) -> bool {
        let path = self.field.path.iter().copied().chain(["local"]);
        let local = path.fold(self.version.schema.as_ref(), |schema, part| schema?.properties.get(part));
        local.is_some_and(|local| local.description.as_deref() == Some(DESCRIPTION))
    }

    fn other(&self, path: &[&str], found: Instead<'_>, expected: &'static str) -> OtherShape {
        let found = match found {
            Instead::Nothing => "nothing".to_owned(),
            Instead::AnyType => "a value of any type".to_owned(),
            Instead::Type(name) => format!("the type {}", Quoted(name)),
            Instead::Keyword(name) => format!("a boolean with {name}"),
        };
        OtherShape { path: self.text(path), found, expected }
    }
}

/// What a CRD has in place of what is expected.
#[derive(Clone, Copy)]
enum Instead<'a> {
    Nothing,
    AnyType,
    Type(&'a str),
    /// A boolean whose schema has this keyword.
    Keyword(&'static str),
}

/// What of the schema of a field `local` makes more of it than users write: a default would make every image local.
fn keyword(local: &Schema) -> Option<&'static str> {
    let keywords =
        [("default", local.default.is_some()), ("nullable", local.nullable), ("enum", !local.choices.is_empty())];
    keywords.into_iter().find_map(|(name, is_there)| is_there.then_some(name))
}

/// A type of values, as schemas and as messages name it.
struct Type {
    name: &'static str,
    noun: &'static str,
}

impl OtherShape {
    /// That objects are stored in a version that is not known, which lose the field there.
    pub(super) fn stored_as(version: &CrdVersion) -> Self {
        let found = format!("the storage version {}", Quoted(&version.name));
        Self { path: "spec.versions".to_owned(), found, expected: "v1alpha1 or v1beta1" }
    }

    /// That a CRD has none of the versions that are known.
    pub(super) fn without_versions(crd: &Crd) -> Self {
        let names: Vec<String> = crd.versions.iter().map(|version| Quoted(&version.name).to_string()).collect();
        let found = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        Self { path: "spec.versions".to_owned(), found, expected: "v1alpha1 or v1beta1" }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(self.field.path))
    }
}

/// The version in which objects are stored, if it is not known.
pub(super) fn unknown_storage(crd: &Crd) -> Option<&CrdVersion> {
    crd.versions.iter().find(|version| version.storage && Version::parse(&version.name).is_none())
}

/// A warning about each version that is served and is not known: an image that is written in it gets no field. The one in which
/// objects are stored is an error, not a warning.
#[must_use]
pub fn warnings(crd: &Crd) -> Vec<String> {
    let served = crd.versions.iter().filter(|version| version.served && !version.storage);
    let unknown = served.filter(|version| Version::parse(&version.name).is_none());
    unknown
        .map(|version| {
            let name = Quoted(&version.name);
            format!("{name}: this version of local-registry-sync does not know it, and adds no field there")
        })
        .collect()
}
