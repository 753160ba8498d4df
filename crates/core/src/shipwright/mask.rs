//! Which fields of Shipwright's objects are read. A test below holds the masks to the tables in `fields.rs`.

use crate::json::Mask::{Fields, Raw, Scalar};
use crate::json::{Field, Mask};

/// Which annotations of an object are read.
pub(crate) const ANNOTATIONS: [Field; 3] = [
    ("local-registry-hosting/output", Scalar),
    ("local-registry-hosting/source", Scalar),
    ("local-registry-hosting/builder", Scalar),
];

/// What else is read of an object's metadata.
pub(crate) const METADATA: Field = ("deletionTimestamp", Scalar);

const IMAGE: Mask = Fields(&[("image", Scalar), ("local", Scalar), ("insecure", Scalar)]);

/// What is read of an embedded specification, in either version.
const SPEC: Mask = Fields(&[
    ("output", IMAGE),
    ("source", Fields(&[("ociArtifact", IMAGE), ("bundleContainer", IMAGE)])),
    ("builder", IMAGE),
]);

/// What is read of an object's `spec`: the fields of both kinds and versions together, since the object may come before its
/// kind in the request.
pub(crate) const SPEC_OF_OBJECT: [Field; 8] = [
    ("output", IMAGE),
    ("source", Fields(&[("ociArtifact", IMAGE), ("bundleContainer", IMAGE), ("type", Scalar), ("local", Scalar)])),
    ("builder", IMAGE),
    ("build", Fields(&[("name", Scalar), ("spec", SPEC)])),
    ("buildRef", Fields(&[("name", Scalar)])),
    ("buildSpec", SPEC),
    ("sources", Fields(&[("type", Scalar)])),
    // A long list, which matters only to a run whose Build has an outdated builder.
    ("paramValues", Raw),
];

/// What is read of a Build that was looked up, in the stored version.
pub(super) const STORED_BUILD: Mask = Fields(&[
    ("metadata", Fields(&[("annotations", Fields(&ANNOTATIONS)), METADATA])),
    (
        "spec",
        Fields(&[
            ("output", IMAGE),
            ("source", Fields(&[("ociArtifact", IMAGE)])),
            ("paramValues", Fields(&[("name", Scalar), ("value", Scalar)])),
        ]),
    ),
]);

/// What is read of the parameters of a BuildRun, once they matter.
pub(super) const PARAMETER_NAMES: Mask = Fields(&[("name", Scalar)]);

#[cfg(test)]
mod tests {
    use super::super::BUILD_FIELDS;
    use super::super::fields::{self, Kind, Role, Version, image_fields};
    use super::*;
    use crate::json::{Node, Path};

    const OBJECT: Mask = Fields(&[
        ("metadata", Fields(&[("annotations", Fields(&ANNOTATIONS)), METADATA])),
        ("spec", Fields(&SPEC_OF_OBJECT)),
    ]);

    const KINDS: [Kind; 2] = [Kind::Build, Kind::BuildRun];
    const VERSIONS: [Version; 2] = [Version::V1Alpha1, Version::V1Beta1];

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
        for (kind, version) in KINDS.into_iter().flat_map(|kind| VERSIONS.map(|version| (kind, version))) {
            for field in image_fields(kind, version) {
                check(OBJECT, field.image, "\"team/app\"");
                check(OBJECT, field.local, "true");
                check(OBJECT, field.insecure, "false");
            }
        }
        for field in image_fields(Kind::Build, Version::V1Beta1) {
            check(STORED_BUILD, field.image, "\"team/app\"");
            check(STORED_BUILD, field.local, "true");
            check(STORED_BUILD, field.insecure, "false");
        }
    }

    #[test]
    fn every_image_field_of_a_stored_build_is_asked_for() {
        let asked = |path: Path| BUILD_FIELDS.contains(&path.join(".").as_str());
        for field in image_fields(Kind::Build, Version::V1Beta1) {
            assert!(asked(field.image) && asked(field.local), "{:?}", field.path);
        }
        assert!(asked(fields::OUTPUT.insecure));
        for field in ["name", "value"] {
            assert!(BUILD_FIELDS.contains(&format!("{}.{field}", fields::PARAMETERS.join(".")).as_str()), "{field}");
        }
    }

    #[test]
    fn every_annotation_is_read() {
        for role in Role::ALL {
            check(OBJECT, role.annotation_path(), "\"true\"");
            check(STORED_BUILD, role.annotation_path(), "\"true\"");
            assert_eq!(role.annotation_path().split_last(), Some((&role.annotation(), fields::ANNOTATIONS)));
        }
    }

    #[test]
    fn every_other_field_that_the_decision_needs_is_read() {
        check(OBJECT, fields::DELETION, "\"2026-11-21T00:00:00Z\"");
        for version in VERSIONS {
            check(OBJECT, fields::build_name(version), "\"app\"");
            check(OBJECT, fields::embedded_spec(version), "{}");
        }
        let read = |text: &str, mask, path| format!("{:?}", Node::parse(text, mask).unwrap().at(path).unwrap());
        let source = read(r#"{"spec":{"source":{"type":"Local","local":{}}}}"#, OBJECT, fields::SOURCE);
        assert!(source.contains(r#"String("Local")"#) && source.contains("\"local\", value: Object"), "{source}");
        let sources = read(r#"{"spec":{"sources":[{"type":"LocalCopy"}]}}"#, OBJECT, fields::SOURCES);
        assert!(sources.contains(r#"String("LocalCopy")"#), "{sources}");
        let parameters = r#"[{"name":"builder-image","value":"x/y"}]"#;
        let text = format!(r#"{{"spec":{{"paramValues":{parameters}}}}}"#);
        assert_eq!(Node::parse(&text, OBJECT).unwrap().at(fields::PARAMETERS), Ok(Some(&Node::Raw(parameters))));
        let stored = read(&text, STORED_BUILD, fields::PARAMETERS);
        assert!(stored.contains(r#"String("x/y")"#), "{stored}");
        let names = format!("{:?}", Node::parse(parameters, PARAMETER_NAMES).unwrap());
        assert!(names.contains(r#"String("builder-image")"#), "{names}");
    }
}
