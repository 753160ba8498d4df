//! Where Shipwright's objects keep what the policy reads: a table of image fields for each kind and API version.
//!
//! Images are never found by searching for keys named `image`: `volumes[].image`, the image names of triggers and
//! `paramValues` are other images, and `spec.source.local` of v1beta1 is an unrelated object.

use crate::json::Path;

/// The API group of Shipwright.
pub(super) const GROUP: &str = "shipwright.io";

/// A kind of Shipwright's that has images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `Build`: how to build an image.
    Build,
    /// `BuildRun`: one run of a Build, or of a specification embedded in it.
    BuildRun,
}

impl Kind {
    /// Reads the kind of an AdmissionRequest; `None` for any other kind.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "Build" => Some(Self::Build),
            "BuildRun" => Some(Self::BuildRun),
            _ => None,
        }
    }
}

/// An API version of Shipwright's. Objects of all versions are stored as v1beta1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `v1alpha1`
    V1Alpha1,
    /// `v1beta1`
    V1Beta1,
}

impl Version {
    /// Reads the version of an AdmissionRequest; `None` for any other version.
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
    pub(super) const ALL: [Self; 3] = [Self::Output, Self::Source, Self::Builder];

    /// The annotation that takes the place of the field `local` where the cluster's CRDs lack it.
    #[must_use]
    pub fn annotation(self) -> &'static str {
        match self {
            Self::Output => "local-registry-hosting/output",
            Self::Source => "local-registry-hosting/source",
            Self::Builder => "local-registry-hosting/builder",
        }
    }

    pub(super) fn annotation_path(self) -> Path {
        match self {
            Self::Output => &["metadata", "annotations", "local-registry-hosting/output"],
            Self::Source => &["metadata", "annotations", "local-registry-hosting/source"],
            Self::Builder => &["metadata", "annotations", "local-registry-hosting/builder"],
        }
    }

    /// The role as messages name it.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Output => "output image",
            Self::Source => "source image",
            Self::Builder => "builder image",
        }
    }
}

/// A place in an object with the fields `image`, `local` and `insecure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageField {
    /// What the image is to a build.
    pub role: Role,
    /// The path of the object that has the three fields.
    pub path: &'static [&'static str],
    pub(super) image: Path,
    pub(super) local: Path,
    pub(super) insecure: Path,
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

/// A BuildRun's own output, which it has or gets.
pub(super) const OUTPUT: ImageField = image_field!(Output, "spec", "output");

/// Where a BuildRun names its Build.
pub(super) fn build_name(version: Version) -> Path {
    match version {
        Version::V1Beta1 => &["spec", "build", "name"],
        Version::V1Alpha1 => &["spec", "buildRef", "name"],
    }
}

/// Where a BuildRun embeds the specification of a Build.
pub(super) fn embedded_spec(version: Version) -> Path {
    match version {
        Version::V1Beta1 => &["spec", "build", "spec"],
        Version::V1Alpha1 => &["spec", "buildSpec"],
    }
}

/// The source of a v1beta1 BuildRun, which it may stream from a developer's machine.
pub(super) const SOURCE: Path = &["spec", "source"];

/// The sources of a v1alpha1 BuildRun.
pub(super) const SOURCES: Path = &["spec", "sources"];

/// The parameters of a Build or BuildRun.
pub(super) const PARAMETERS: Path = &["spec", "paramValues"];

/// The parameter in which Shipwright stores the builder of a v1alpha1 Build.
pub(super) const BUILDER_PARAMETER: &str = "builder-image";

/// An object's annotations.
pub(super) const ANNOTATIONS: Path = &["metadata", "annotations"];

/// What an object says apart from its metadata.
pub(super) const SPEC: Path = &["spec"];

/// Set on an object that is being deleted.
pub(super) const DELETION: Path = &["metadata", "deletionTimestamp"];
