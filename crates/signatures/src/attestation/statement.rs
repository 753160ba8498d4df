//! An in-toto statement about an image.

use std::collections::BTreeMap;

use local_registry_core::{Digest, Quoted};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::provenance::Provenance;
use crate::encoding::{JsonError, read_json};

/// The predicate type by which cosign says that an image is signed.
const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

/// What somebody states about an image (in-toto, versions 0.1 and 1).
///
/// Only [`Signers`](crate::Signers) makes one: its signature was valid, and the image is among its subjects.
///
/// ```
/// use local_registry_signatures::{Provenance, Statement};
///
/// /// Whether the image was built from a repository by a builder.
/// fn is_built_from(statement: &Statement, source: &str, builder: &str) -> bool {
///     let provenance = statement.provenance();
///     provenance.is_some_and(|it| it.builder == builder && it.source.as_deref() == Some(source))
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    predicate_type: String,
    predicate: Value,
}

impl Statement {
    /// Reads a statement, one of whose subjects has to be this image. Its signature is verified before.
    pub(crate) fn parse(json: &[u8], image: &Digest) -> Result<Self, StatementFault> {
        let fields: Fields = read_json(json)?;
        if !matches!(fields.kind.as_str(), "https://in-toto.io/Statement/v0.1" | "https://in-toto.io/Statement/v1") {
            return Err(StatementFault::Kind(fields.kind));
        }
        let is_image = |subject: &Subject| subject.digest.get("sha256").is_some_and(|hex| hex == image.hex());
        if !fields.subject.iter().any(is_image) {
            return Err(StatementFault::OtherImage(image.clone()));
        }
        Ok(Self { predicate_type: fields.predicate_type, predicate: fields.predicate })
    }

    /// What kind of statement it is, as a URI.
    #[must_use]
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }

    /// Whether it says no more than that the image is signed, as `cosign sign` does since version 3.
    #[must_use]
    pub fn signs_image(&self) -> bool {
        self.predicate_type == SIGN
    }

    /// How the image was built, if the statement says so in one of SLSA's forms.
    #[must_use]
    pub fn provenance(&self) -> Option<Provenance> {
        Provenance::parse(&self.predicate_type, &self.predicate)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    #[serde(default)]
    predicate: Value,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

/// What is wrong with a statement, as a sentence that begins with it.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum StatementFault {
    #[error("is not readable: {0}")]
    NotJson(#[from] JsonError),
    #[error("has the type {}, and an in-toto statement is expected", Quoted(.0))]
    Kind(String),
    #[error("is not about this image: none of its subjects has `sha256` with the digits of {0}")]
    OtherImage(Digest),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image() -> Digest {
        format!("sha256:{}", "a1".repeat(32)).parse().unwrap()
    }

    fn statement(subjects: &Value) -> Value {
        json!({"_type": "https://in-toto.io/Statement/v1", "subject": subjects, "predicateType": SIGN})
    }

    #[track_caller]
    fn check(statement: &Value, expected: &str) {
        let error = Statement::parse(statement.to_string().as_bytes(), &image()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn one_of_several_subjects_is_the_image() {
        let subjects =
            json!([{"name": "other", "digest": {"sha256": "b2".repeat(32)}}, {"digest": {"sha256": image().hex()}}]);
        let statement = Statement::parse(statement(&subjects).to_string().as_bytes(), &image()).unwrap();
        assert!(statement.signs_image());
        assert_eq!((statement.predicate_type(), statement.provenance()), (SIGN, None));
    }

    #[test]
    fn a_statement_about_something_else_is_refused() {
        let other =
            format!("is not about this image: none of its subjects has `sha256` with the digits of {}", image());
        for subjects in [
            json!([]),
            json!([{}]),
            json!([{"name": image().as_str()}]),
            json!([{"digest": {"sha256": "b2".repeat(32)}}]),
            json!([{"digest": {"sha256": image().hex().to_uppercase()}}]),
            json!([{"digest": {"sha256": image().as_str()}}]),
            json!([{"digest": {"sha512": image().hex()}}]),
        ] {
            check(&statement(&subjects), &other);
        }
    }

    #[test]
    fn something_else_than_a_statement_is_refused() {
        let mut other = statement(&json!([{"digest": {"sha256": image().hex()}}]));
        other["_type"] = json!("https://in-toto.io/Statement/v2");
        check(&other, "has the type `https://in-toto.io/Statement/v2`, and an in-toto statement is expected");
        check(&json!({}), "is not readable: missing field `_type` at line 1 column 2");
        let twice =
            br#"{"_type": "https://in-toto.io/Statement/v1", "subject": [], "subject": [], "predicateType": "x"}"#;
        let error = Statement::parse(twice, &image()).unwrap_err();
        assert_eq!(error.to_string(), "is not readable: the key `subject` is there twice at line 1 column 69");
    }
}
