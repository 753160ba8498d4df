//! Where Shipwright's objects keep what the policy reads: a table of image fields for each kind and API version, and the
//! masks of what is read. A test below holds the masks, and the fields that a lookup asks for, to the tables.
//!
//! Images are never found by searching for keys named `image`: `volumes[].image` and the image names of triggers are other
//! images, and `spec.source.local` of v1beta1 is an unrelated object.

use crate::json::Mask::{Fields, Raw, Scalar};
use crate::json::{Field, Mask, Path};

/// The API group of Shipwright.
pub(crate) const GROUP: &str = "shipwright.io";

/// A kind of Shipwright's that has images.
///
/// ```
/// use local_registry_core::shipwright::Kind;
///
/// assert_eq!(Kind::parse("BuildRun"), Some(Kind::BuildRun));
/// assert_eq!(Kind::parse("BuildStrategy"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `Build`: how to build an image.
    Build,
    /// `BuildRun`: one run of a Build, or of a specification embedded in it.
    BuildRun,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Build, Self::BuildRun];

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
///
/// ```
/// use local_registry_core::shipwright::Version;
///
/// assert_eq!(Version::parse("v1beta1"), Some(Version::V1Beta1));
/// assert_eq!(Version::parse("v1"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `v1alpha1`
    V1Alpha1,
    /// `v1beta1`
    V1Beta1,
}

impl Version {
    /// Every version.
    pub const ALL: [Self; 2] = [Self::V1Alpha1, Self::V1Beta1];

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
///
/// ```
/// use local_registry_core::shipwright::Role;
///
/// assert_eq!(Role::Output.annotation(), "local-registry-hosting/output");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The image that is built and pushed.
    Output,
    /// An image that holds the source code.
    Source,
    /// The image that the build runs in (v1alpha1 only).
    Builder,
}

/// What a role is called.
struct Names {
    annotation: &'static str,
    annotation_path: Path,
    noun: &'static str,
}

macro_rules! names {
    ($annotation:literal, $noun:literal) => {
        Names { annotation: $annotation, annotation_path: &["metadata", "annotations", $annotation], noun: $noun }
    };
}

impl Role {
    /// All roles, in the order of their numbers.
    pub(super) const ALL: [Self; 3] = [Self::Output, Self::Source, Self::Builder];

    const fn names(self) -> Names {
        match self {
            Self::Output => names!("local-registry-hosting/output", "output image"),
            Self::Source => names!("local-registry-hosting/source", "source image"),
            Self::Builder => names!("local-registry-hosting/builder", "builder image"),
        }
    }

    /// The annotation that takes the place of the field `local` where the cluster's CRDs lack it.
    #[must_use]
    pub const fn annotation(self) -> &'static str {
        self.names().annotation
    }

    pub(super) const fn annotation_path(self) -> Path {
        self.names().annotation_path
    }

    /// The role as messages name it.
    pub(super) const fn noun(self) -> &'static str {
        self.names().noun
    }
}

/// A place in an object with the fields `image` and `local`, and, of an output, `insecure` and the push secret;
/// [`image_fields`] lists them.
///
/// ```
/// use local_registry_core::shipwright::{Kind, Role, Version, image_fields};
///
/// let [output, _, _] = image_fields(Kind::BuildRun, Version::V1Beta1) else { panic!("not three fields") };
/// assert_eq!((output.role, output.path), (Role::Output, &["spec", "output"][..]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageField {
    /// What the image is to a build.
    pub role: Role,
    /// The path of the object that has these fields.
    pub path: &'static [&'static str],
    pub(super) image: Path,
    pub(super) local: Path,
    pub(super) insecure: Path,
    /// The name of the push secret in v1beta1.
    push_secret: Path,
    /// The same in v1alpha1.
    credentials: Path,
}

impl ImageField {
    /// Where an output names its push secret.
    pub(super) fn push_secret(&self, version: Version) -> Path {
        match version {
            Version::V1Beta1 => self.push_secret,
            Version::V1Alpha1 => self.credentials,
        }
    }
}

macro_rules! image_field {
    ($role:ident, $($part:literal),+) => {
        ImageField {
            role: Role::$role,
            path: &[$($part),+],
            image: &[$($part,)+ "image"],
            local: &[$($part,)+ "local"],
            insecure: &[$($part,)+ "insecure"],
            push_secret: &[$($part,)+ "pushSecret"],
            credentials: &[$($part,)+ "credentials", "name"],
        }
    };
}

/// The image fields of a kind in a version.
///
/// ```
/// use local_registry_core::shipwright::{Kind, Version, image_fields};
///
/// let paths: Vec<String> =
///     image_fields(Kind::Build, Version::V1Beta1).iter().map(|field| field.path.join(".")).collect();
/// assert_eq!(paths, ["spec.output", "spec.source.ociArtifact"]);
/// ```
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

/// Where an object has parameters that are resolved in place: a run's own, and those that it embeds.
pub(super) fn parameters_of_run(version: Version) -> [Path; 2] {
    match version {
        Version::V1Beta1 => [PARAMETERS, &["spec", "build", "spec", "paramValues"]],
        Version::V1Alpha1 => [PARAMETERS, &["spec", "buildSpec", "paramValues"]],
    }
}

/// The parameter in which Shipwright stores the builder of a v1alpha1 Build.
pub(super) const BUILDER_PARAMETER: &str = "builder-image";

/// Set on an object that is being deleted.
pub(super) const DELETION: Path = &["metadata", "deletionTimestamp"];

/// Which annotations of an object are read.
pub(crate) const ANNOTATION_MASKS: [Field; Role::ALL.len()] =
    [(Role::Output.annotation(), Scalar), (Role::Source.annotation(), Scalar), (Role::Builder.annotation(), Scalar)];

/// What else is read of an object's metadata.
pub(crate) const METADATA_MASK: Field = ("deletionTimestamp", Scalar);

/// The label of a Build whose output is local. The guard in the API server finds the Builds that matter by it.
pub const OUTPUT_LABEL: &str = "local-registry-hosting/output";

/// Its value.
pub const OUTPUT_LABEL_LOCAL: &str = "local";

/// Where that label is.
pub(super) const LABEL: Path = &["metadata", "labels", OUTPUT_LABEL];

/// Which labels of an object are read.
pub(crate) const LABEL_MASKS: [Field; 1] = [(OUTPUT_LABEL, Scalar)];

const IMAGE_MASK: Mask = Fields(&[
    ("image", Scalar),
    ("local", Scalar),
    ("insecure", Scalar),
    ("pushSecret", Scalar),
    ("credentials", Fields(&[("name", Scalar)])),
]);

/// What is read of an embedded specification, in either version.
const EMBEDDED_SPEC_MASK: Mask = Fields(&[
    ("output", IMAGE_MASK),
    ("source", Fields(&[("ociArtifact", IMAGE_MASK), ("bundleContainer", IMAGE_MASK)])),
    ("builder", IMAGE_MASK),
    ("paramValues", Raw),
]);

/// What is read of an object's `spec`: the fields of both kinds and versions together, since the object may come before its
/// kind in the request.
pub(crate) const SPEC_MASKS: [Field; 8] = [
    ("output", IMAGE_MASK),
    (
        "source",
        Fields(&[("ociArtifact", IMAGE_MASK), ("bundleContainer", IMAGE_MASK), ("type", Scalar), ("local", Scalar)]),
    ),
    ("builder", IMAGE_MASK),
    ("build", Fields(&[("name", Scalar), ("spec", EMBEDDED_SPEC_MASK)])),
    ("buildRef", Fields(&[("name", Scalar)])),
    ("buildSpec", EMBEDDED_SPEC_MASK),
    ("sources", Fields(&[("type", Scalar)])),
    // A long list, which is parsed only by who looks for the builder or the portable host in it.
    ("paramValues", Raw),
];

/// What is read of a Build that was looked up, in the stored version.
pub(super) const STORED_BUILD_MASK: Mask = Fields(&[
    ("metadata", Fields(&[("annotations", Fields(&ANNOTATION_MASKS)), METADATA_MASK])),
    (
        "spec",
        Fields(&[("output", IMAGE_MASK), ("source", Fields(&[("ociArtifact", IMAGE_MASK)])), ("paramValues", Raw)]),
    ),
]);

/// What is read of the parameters of a Build or BuildRun to find the builder.
pub(super) const BUILDER_PARAMETERS_MASK: Mask = Fields(&[("name", Scalar), ("value", Scalar)]);

/// What is read of one parameter to find the portable host.
pub(super) const PARAMETER_MASK: Mask =
    Fields(&[("name", Scalar), ("value", Scalar), ("values", Fields(&[("value", Scalar)]))]);

/// The fields that are read of a looked-up Build besides its metadata, as dot paths.
///
/// ```
/// assert!(local_registry_core::shipwright::BUILD_FIELDS.contains(&"spec.output.image"));
/// ```
pub const BUILD_FIELDS: [&str; 7] = [
    "spec.output.image",
    "spec.output.insecure",
    "spec.output.local",
    "spec.output.pushSecret",
    "spec.paramValues",
    "spec.source.ociArtifact.image",
    "spec.source.ociArtifact.local",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::ANNOTATIONS;
    use crate::json::Node;

    const OBJECT: Mask = Fields(&[
        (
            "metadata",
            Fields(&[("annotations", Fields(&ANNOTATION_MASKS)), ("labels", Fields(&LABEL_MASKS)), METADATA_MASK]),
        ),
        ("spec", Fields(&SPEC_MASKS)),
    ]);

    /// Asserts that a mask keeps the value at a path of an object that has nothing else.
    #[track_caller]
    fn check(mask: Mask, path: Path, value: &str) {
        let text = path.iter().rfold(value.to_owned(), |inner, part| format!("{{\"{part}\":{inner}}}"));
        let object = Node::parse(&text, mask).unwrap();
        let expected = Node::parse(value, mask).unwrap();
        assert_eq!(object.at(path), Ok(Some(&expected)), "{text}");
    }

    #[test]
    fn every_image_field_is_read() {
        for (kind, version) in Kind::ALL.into_iter().flat_map(|kind| Version::ALL.map(|version| (kind, version))) {
            for field in image_fields(kind, version) {
                check(OBJECT, field.image, "\"team/app\"");
                check(OBJECT, field.local, "true");
                check(OBJECT, field.insecure, "false");
                check(OBJECT, field.push_secret, "\"push\"");
                check(OBJECT, field.credentials, "\"push\"");
            }
        }
        for field in image_fields(Kind::Build, Version::V1Beta1) {
            check(STORED_BUILD_MASK, field.image, "\"team/app\"");
            check(STORED_BUILD_MASK, field.local, "true");
            check(STORED_BUILD_MASK, field.insecure, "false");
            check(STORED_BUILD_MASK, field.push_secret, "\"push\"");
        }
    }

    #[test]
    fn every_image_field_of_a_stored_build_is_asked_for() {
        let asked = |path: Path| BUILD_FIELDS.contains(&path.join(".").as_str());
        for field in image_fields(Kind::Build, Version::V1Beta1) {
            assert!(asked(field.image) && asked(field.local), "{:?}", field.path);
        }
        assert!(asked(OUTPUT.insecure) && asked(OUTPUT.push_secret));
        assert!(asked(PARAMETERS));
    }

    #[test]
    fn every_annotation_is_read() {
        for (index, role) in Role::ALL.into_iter().enumerate() {
            assert_eq!(role as usize, index);
            check(OBJECT, role.annotation_path(), "\"true\"");
            check(STORED_BUILD_MASK, role.annotation_path(), "\"true\"");
            assert_eq!(role.annotation_path().split_last(), Some((&role.annotation(), ANNOTATIONS)));
        }
    }

    #[test]
    fn every_other_field_that_the_decision_needs_is_read() {
        check(OBJECT, DELETION, "\"2026-11-21T00:00:00Z\"");
        check(OBJECT, LABEL, "\"local\"");
        for version in Version::ALL {
            check(OBJECT, build_name(version), "\"app\"");
            check(OBJECT, embedded_spec(version), "{}");
        }
        let read = |text: &str, mask, path| format!("{:?}", Node::parse(text, mask).unwrap().at(path).unwrap());
        let source = read(r#"{"spec":{"source":{"type":"Local","local":{}}}}"#, OBJECT, SOURCE);
        assert!(source.contains(r#"String("Local")"#) && source.contains("\"local\", value: Object"), "{source}");
        let sources = read(r#"{"spec":{"sources":[{"type":"LocalCopy"}]}}"#, OBJECT, SOURCES);
        assert!(sources.contains(r#"String("LocalCopy")"#), "{sources}");
        let parameters = r#"[{"name":"builder-image","value":"x/y"}]"#;
        let text = format!(r#"{{"spec":{{"paramValues":{parameters}}}}}"#);
        assert_eq!(Node::parse(&text, OBJECT).unwrap().at(PARAMETERS), Ok(Some(&Node::Raw(parameters))));
        assert_eq!(Node::parse(&text, STORED_BUILD_MASK).unwrap().at(PARAMETERS), Ok(Some(&Node::Raw(parameters))));
        for version in Version::ALL {
            for path in parameters_of_run(version) {
                let text = path.iter().rfold(parameters.to_owned(), |inner, part| format!("{{\"{part}\":{inner}}}"));
                assert_eq!(Node::parse(&text, OBJECT).unwrap().at(path), Ok(Some(&Node::Raw(parameters))), "{text}");
            }
        }
    }
}
