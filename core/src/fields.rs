//! Where Shipwright's objects keep their images: one table per kind and API version.
//!
//! Nothing is found by walking for keys named `image`: `volumes[].image`, trigger image names and
//! `paramValues` are not ours, and v1beta1 `spec.source.local` is an unrelated object.

use crate::json::Mask;
use crate::json::Mask::{Fields, Raw, Scalar};

/// The API group of Shipwright.
pub(crate) const GROUP: &str = "shipwright.io";

/// A path of field names from the root of an object.
pub(crate) type Path = &'static [&'static str];

/// A kind of Shipwright's that holds images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `Build`: how to build an image; run as often as one likes.
    Build,
    /// `BuildRun`: one run of a Build, or of a specification embedded in it.
    BuildRun,
}

impl Kind {
    /// Reads the kind of an AdmissionRequest.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "Build" => Some(Self::Build),
            "BuildRun" => Some(Self::BuildRun),
            _ => None,
        }
    }
}

/// An API version of Shipwright's. Objects are stored as v1beta1, whatever version they came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `v1alpha1`
    V1Alpha1,
    /// `v1beta1`
    V1Beta1,
}

impl Version {
    /// Reads the version of an AdmissionRequest.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "v1alpha1" => Some(Self::V1Alpha1),
            "v1beta1" => Some(Self::V1Beta1),
            _ => None,
        }
    }
}

/// What an image is to a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The image that is built and pushed.
    Output,
    /// An image that holds the source code.
    Source,
    /// The image that the build runs in (v1alpha1 only).
    Builder,
}

impl Role {
    pub(crate) const ALL: [Self; 3] = [Self::Output, Self::Source, Self::Builder];

    /// The annotation that stands for `local` on clusters whose CRDs lack the field.
    #[must_use]
    pub fn annotation(self) -> &'static str {
        match self {
            Self::Output => "local-registry-hosting/output",
            Self::Source => "local-registry-hosting/source",
            Self::Builder => "local-registry-hosting/builder",
        }
    }

    pub(crate) fn annotation_path(self) -> Path {
        match self {
            Self::Output => &["metadata", "annotations", "local-registry-hosting/output"],
            Self::Source => &["metadata", "annotations", "local-registry-hosting/source"],
            Self::Builder => &["metadata", "annotations", "local-registry-hosting/builder"],
        }
    }

    /// The role as messages name it.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Output => "output image",
            Self::Source => "source image",
            Self::Builder => "builder image",
        }
    }
}

/// An object of Shipwright's that has the fields `image` and `local`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageField {
    /// What the image is to a build.
    pub role: Role,
    /// Where the object stands.
    pub path: &'static [&'static str],
    pub(crate) image: Path,
    pub(crate) local: Path,
    pub(crate) insecure: Path,
}

macro_rules! image_field {
    ($role:ident, $($part:literal),+) => {
        ImageField {
            role: Role::$role,
            path: &[$($part),+],
            image: &[$($part,)+ "image"],
            local: &[$($part,)+ "local"],
            insecure: &[$($part,)+ "insecure"],
        }
    };
}

/// The image fields of a kind in a version.
#[must_use]
pub fn image_fields(kind: Kind, version: Version) -> &'static [ImageField] {
    match (kind, version) {
        (Kind::Build, Version::V1Beta1) => {
            const { &[image_field!(Output, "spec", "output"), image_field!(Source, "spec", "source", "ociArtifact")] }
        }
        (Kind::Build, Version::V1Alpha1) => {
            const {
                &[
                    image_field!(Output, "spec", "output"),
                    image_field!(Source, "spec", "source", "bundleContainer"),
                    image_field!(Builder, "spec", "builder"),
                ]
            }
        }
        (Kind::BuildRun, Version::V1Beta1) => {
            const {
                &[
                    OUTPUT,
                    image_field!(Output, "spec", "build", "spec", "output"),
                    image_field!(Source, "spec", "build", "spec", "source", "ociArtifact"),
                ]
            }
        }
        (Kind::BuildRun, Version::V1Alpha1) => {
            const {
                &[
                    OUTPUT,
                    image_field!(Output, "spec", "buildSpec", "output"),
                    image_field!(Source, "spec", "buildSpec", "source", "bundleContainer"),
                    image_field!(Builder, "spec", "buildSpec", "builder"),
                ]
            }
        }
    }
}

/// The output that a BuildRun has, or is given, of its own.
pub(crate) const OUTPUT: ImageField = image_field!(Output, "spec", "output");

/// Where a BuildRun names its Build.
pub(crate) fn build_name(version: Version) -> Path {
    match version {
        Version::V1Beta1 => &["spec", "build", "name"],
        Version::V1Alpha1 => &["spec", "buildRef", "name"],
    }
}

/// Where a BuildRun embeds the specification of a Build.
pub(crate) fn embedded_spec(version: Version) -> Path {
    match version {
        Version::V1Beta1 => &["spec", "build", "spec"],
        Version::V1Alpha1 => &["spec", "buildSpec"],
    }
}

/// Where a v1beta1 BuildRun streams its source, and where a v1alpha1 one.
pub(crate) const SOURCE: Path = &["spec", "source"];
pub(crate) const SOURCES: Path = &["spec", "sources"];

/// Where an object keeps its annotations.
pub(crate) const ANNOTATIONS_PATH: Path = &["metadata", "annotations"];

/// Where an object says that it is being deleted.
pub(crate) const DELETION_PATH: Path = &["metadata", "deletionTimestamp"];

/// What of the metadata is read.
const METADATA: Mask = Fields(&[
    (
        "annotations",
        Fields(&[
            ("local-registry-hosting/output", Scalar),
            ("local-registry-hosting/source", Scalar),
            ("local-registry-hosting/builder", Scalar),
        ]),
    ),
    ("deletionTimestamp", Scalar),
]);

const IMAGE: Mask = Fields(&[("image", Scalar), ("local", Scalar), ("insecure", Scalar)]);

/// What of an embedded specification is read, in either version.
const SPEC: Mask = Fields(&[
    ("output", IMAGE),
    ("source", Fields(&[("ociArtifact", IMAGE), ("bundleContainer", IMAGE)])),
    ("builder", IMAGE),
]);

/// What is read of an object under admission: the fields of both kinds and versions together, since
/// the object may stand before its kind in the request.
pub(crate) const OBJECT: Mask = Fields(&[
    ("metadata", METADATA),
    (
        "spec",
        Fields(&[
            ("output", IMAGE),
            (
                "source",
                Fields(&[("ociArtifact", IMAGE), ("bundleContainer", IMAGE), ("type", Scalar), ("local", Scalar)]),
            ),
            ("builder", IMAGE),
            ("build", Fields(&[("name", Scalar), ("spec", SPEC)])),
            ("buildRef", Fields(&[("name", Scalar)])),
            ("buildSpec", SPEC),
            ("sources", Fields(&[("type", Scalar)])),
            // Long lists, which matter to the rare run whose Build has a stale builder.
            ("paramValues", Raw),
        ]),
    ),
]);

/// What is read of a Build that was looked up, which is one as it is stored.
pub(crate) const STORED_BUILD: Mask = Fields(&[
    ("metadata", METADATA),
    (
        "spec",
        Fields(&[
            ("output", IMAGE),
            ("source", Fields(&[("ociArtifact", IMAGE)])),
            ("paramValues", Fields(&[("name", Scalar), ("value", Scalar)])),
        ]),
    ),
]);

/// The parameters of a Build or BuildRun.
pub(crate) const PARAMETERS: Path = &["spec", "paramValues"];

/// What is read of the parameters of a BuildRun.
pub(crate) const PARAMETER_NAMES: Mask = Fields(&[("name", Scalar)]);

/// The parameter in which Shipwright stores the builder of a v1alpha1 Build.
pub(crate) const BUILDER_PARAMETER: &str = "builder-image";
